// The doorkeeper by itself: which limit answers, what is shared by whom, and what a dry run overlooks.

import RoostEventLoop
import Testing

@testable import Gateway

@Suite struct AdmissionTests {
  private let address = SocketAddress(ipv4: 0xCB00_7107, port: 1)
  private let other = SocketAddress(ipv4: 0xCB00_7108, port: 1)
  private let now = MonotonicInstant(nanoseconds: 1_000_000_000_000)

  /// A doorkeeper with the limits by which it is asked.
  private struct Door {
    let admission: Admission
    let limits: Limits

    func accepts(_ address: SocketAddress, now: MonotonicInstant) -> AdmissionRefusal? {
      admission.accepts(address, limits, now: now)
    }
    func entered(user: String) -> Bool {
      admission.entered(user: user, limits, now: MonotonicInstant(nanoseconds: 1_000_000_000_000))
    }
    func enteredInPlace(user: String) { admission.enteredInPlace(user: user) }
    func left(user: String) { admission.left(user: user) }
    func ended() { admission.ended() }
    func holds(_ limit: OverlookedLimit) -> Bool { admission.holds(limit, limits) }
    func overlookedCount(_ place: Int) -> UInt64 { admission.overlookedCount(place) }
    func takeMessage(
      user: UInt64?, address: SocketAddress, now: MonotonicInstant
    ) -> (rate: RateLimit, wait: Duration)? {
      admission.takeMessage(user: user, address: address, limits, now: now)
    }
    func takeBytes(
      _ count: Int, user: UInt64?, address: SocketAddress, now: MonotonicInstant
    ) -> (rate: RateLimit, wait: Duration)? {
      admission.takeBytes(count, user: user, address: address, limits, now: now)
    }
  }

  private func admission(
    connections: Int = 1000, _ change: (inout Limits) -> Void
  ) -> Door {
    var limits = Limits()
    change(&limits)
    return Door(admission: Admission(connectionsMax: connections), limits: limits)
  }

  private func refusal(_ door: Door, _ address: SocketAddress) -> AdmissionRefusal? {
    _ = door.admission.entered(address, door.limits)
    return door.admission.upgrade(address, door.limits, now: now)?.refusal
  }

  @Test func `each limit names itself`() {
    let rate = admission { $0.handshakesPerSecondPerAddress = 2 }
    #expect((0..<3).map { _ in refusal(rate, address) } == [nil, nil, .addressRate])
    #expect(refusal(rate, other) == nil)
    let count = admission { $0.connectionsPerAddress = 2 }
    #expect((0..<3).map { _ in refusal(count, address) } == [nil, nil, .addressConnections])
    #expect(refusal(count, other) == nil)
    let node = admission { $0.handshakesPerSecond = 2 }
    #expect((0..<3).map { _ in refusal(node, address) } == [nil, nil, .nodeRate])
    let full = admission(connections: 2) { _ in }
    #expect((0..<3).map { _ in refusal(full, address) } == [nil, nil, .nodeConnections])
    full.ended()
    #expect(refusal(full, address) == nil)
  }

  @Test func `an address may open four sockets for each handshake`() {
    let admission = admission { $0.handshakesPerSecondPerAddress = 2 }
    let answers = (0..<9).map { _ in admission.accepts(address, now: now) }
    #expect(answers == Array(repeating: nil, count: 8) + [.addressRate])
    #expect(admission.accepts(other, now: now) == nil)
  }

  @Test func `addresses of one IPv6 network are one`() {
    let admission = admission { $0.connectionsPerAddress = 2 }
    let hosts = (1...3).map { SocketAddress(ipv6High: 0x2001_0DB8_0000_0001, low: $0, port: 1) }
    #expect(hosts.map { refusal(admission, $0) } == [nil, nil, .addressConnections])
    let neighbour = SocketAddress(ipv6High: 0x2001_0DB8_0000_0002, low: 1, port: 1)
    #expect(refusal(admission, neighbour) == nil)
  }

  @Test func `a user has a count of its own`() {
    let admission = admission { $0.connectionsPerUser = 2 }
    #expect((0..<3).map { _ in admission.entered(user: "ada") } == [true, true, false])
    #expect(admission.entered(user: "bob"))
    admission.left(user: "ada")
    #expect(admission.entered(user: "ada"))
    #expect(!admission.entered(user: "ada"))
    admission.enteredInPlace(user: "ada")
    admission.left(user: "ada")
    #expect(!admission.entered(user: "ada"))
  }

  @Test func `users and addresses share rates`() {
    let admission = admission {
      $0.messagesPerSecondPerUser = 2
      $0.bytesPerSecondPerUser = 100
      $0.messagesPerSecondPerAddress = 4
      $0.bytesPerSecondPerAddress = 300
    }
    let (ada, bob) = (Admission.key(of: "ada"), Admission.key(of: "bob"))
    func message(_ user: UInt64?) -> RateLimit? {
      admission.takeMessage(user: user, address: address, now: now)?.rate
    }
    func bytes(_ user: UInt64?) -> RateLimit? {
      admission.takeBytes(100, user: user, address: address, now: now)?.rate
    }
    #expect([message(ada), message(ada), message(ada)] == [nil, nil, .userMessages])
    #expect([message(bob), message(nil), message(nil)] == [nil, nil, .addressMessages])
    #expect([bytes(ada), bytes(ada)] == [nil, .userBytes])
    #expect([bytes(bob), bytes(nil), bytes(nil)] == [nil, nil, .addressBytes])
    #expect(admission.takeMessage(user: nil, address: other, now: now) == nil)
  }

  @Test func `a dry run counts what it overlooks and refuses nobody`() {
    let admission = admission(connections: 8) {
      $0.dryRun = true
      $0.handshakesPerSecondPerAddress = 1
      $0.handshakesPerSecond = 2
      $0.connectionsPerAddress = 3
      $0.connectionsPerUser = 1
    }
    #expect((0..<4).map { _ in refusal(admission, address) } == [nil, nil, nil, nil])
    #expect((0..<6).map { _ in admission.accepts(address, now: now) }.allSatisfy { $0 == nil })
    #expect((0..<3).map { _ in admission.entered(user: "ada") } == [true, true, true])
    #expect(admission.holds(.rate(.messages)) == false)
    #expect(admission.holds(.rooms) == false)
    var counts: [String: UInt64] = [:]
    for (place, limit) in OverlookedLimit.all.enumerated() {
      counts[limit.label] = admission.overlookedCount(place)
    }
    #expect(
      counts == [
        "address_connections": 1, "user_connections": 2, "node_rate": 2, "address_rate": 3 + 2,
        "handshakes_at_once": 0, "messages": 1, "bytes": 0, "user_messages": 0, "user_bytes": 0,
        "address_messages": 0, "address_bytes": 0, "namespace_messages": 0,
        "rooms_per_connection": 1,
      ])
  }

  @Test func `what was used on other nodes is charged to the same rates`() {
    let admission = admission {
      $0.messagesPerSecondPerUser = 10
      $0.bytesPerSecondPerUser = 0
      $0.handshakesPerSecondPerAddress = 2
    }
    func charge(_ rate: SharedRate, _ key: UInt64, _ amount: UInt64) -> Bool {
      admission.admission.charge(
        ToldUse(rate: rate, use: UseTable.Use(key: key, amount: amount)), admission.limits,
        now: now)
    }
    let ada = Admission.key(of: "ada")
    #expect(charge(.userMessages, ada, 7))
    let left = (0..<4).map { _ in
      admission.takeMessage(user: ada, address: address, now: now)?.rate
    }
    #expect(left == [nil, nil, nil, .userMessages])
    // Five nodes that let a second's worth through: nothing more for as many seconds.
    #expect(charge(.userMessages, ada, 50))
    let wait = admission.takeMessage(user: ada, address: address, now: now)?.wait
    #expect(wait == .milliseconds(5100))
    #expect(charge(.userMessages, ada, .max))
    let most = admission.takeMessage(user: ada, address: address, now: now)?.wait
    #expect(most == .milliseconds(30_100))
    #expect(admission.takeMessage(user: 1, address: address, now: now) == nil)
    #expect(charge(.addressHandshakes, Admission.key(of: address), 2))
    #expect(refusal(admission, address) == .addressRate)
    #expect(refusal(admission, other) == nil)
    #expect(!charge(.userBytes, ada, 7))
    #expect(!charge(.userMessages, ada, 0))
  }

  @Test func `who is known to be at its limit in the cluster is refused for a second`() {
    let admission = admission { _ in }
    admission.admission.noteFull(address, now)
    admission.admission.noteFull(user: "ada", now)
    #expect(refusal(admission, address) == .addressConnections)
    #expect(!admission.entered(user: "ada"))
    #expect(refusal(admission, other) == nil)
    #expect(admission.entered(user: "bob"))
    let later = now.advanced(by: .seconds(1))
    #expect(admission.admission.upgrade(address, admission.limits, now: later) == nil)
    #expect(admission.admission.entered(user: "ada", admission.limits, now: later))
  }

  @Test func `what the machine affords holds in a dry run, too`() {
    let admission = admission(connections: 2) { $0.dryRun = true }
    #expect((0..<3).map { _ in refusal(admission, address) } == [nil, nil, .nodeConnections])
  }

  @Test func `without a dry run every limit holds`() {
    let admission = admission { _ in }
    #expect(OverlookedLimit.all.allSatisfy { admission.holds($0) })
    #expect(Set(OverlookedLimit.all.map(\.label)).count == OverlookedLimit.all.count)
  }
}
