// Peers that are no Redis, or a sick one: silent, slow, rude. The peer is a socket in the test.

import Backplane
import Glibc
import RoostEventLoop
import TestSupport
import Testing

struct RedisLinkHostileTests {
  /// A listener whose queue takes connections without anybody accepting them.
  private struct Peer: ~Copyable {
    let listener: Descriptor
    let url: String
    var socket: Descriptor?

    init() throws {
      let listener = try Socket.listen(on: .loopback, sharesPort: false, backlog: 16)
      url = "redis://\(try Socket.localAddress(of: listener))"
      self.listener = listener
    }

    /// Takes the connection, which has to be there soon.
    mutating func accept() throws {
      var entry = pollfd(fd: listener.number, events: Int16(POLLIN), revents: 0)
      poll(&entry, 1, 20_000)
      guard case .accepted(let number, _) = Syscalls.accept(listener.number) else {
        throw TestFailure("nobody has connected")
      }
      socket = Descriptor(taking: number)
    }

    func send(_ text: String) throws {
      switch socket {
      case .none: throw TestFailure("nobody is connected")
      case .some(let descriptor):
        let outcome = Array(text.utf8).withUnsafeBytes { Syscalls.send(descriptor.number, $0) }
        #expect(outcome == .bytes(text.utf8.count))
      }
    }

    mutating func hangUp() { socket = nil }
  }

  /// A link to a peer, and both logged in.
  private static func opened(
    _ peer: inout Peer, limits: RedisLinkLimits = LinkHarness.limits
  ) throws -> LinkHarness {
    var harness = try LinkHarness(peer.url, limits: limits)
    harness.stages.link.open(at: .now())
    try peer.accept()
    try peer.send("+OK\r\n+PONG\r\n")
    #expect(try harness.nextEvent() == .opened)
    return harness
  }

  @Test func `a peer that takes the connection and says nothing runs into the deadline`() throws {
    let peer = try Peer()
    var harness = try LinkHarness(peer.url)
    let start = MonotonicInstant.now()
    harness.stages.link.open(at: start)
    try harness.run { $0.link.bytesSent > 0 }
    let deadline = harness.stages.link.nextDeadline()
    let due = try #require(deadline)
    let before = MonotonicInstant(nanoseconds: due.nanoseconds - 1)
    #expect(harness.stages.link.expire(now: before) == nil)
    #expect(harness.stages.link.expire(now: due) == .lost(.timeout(.entering)))
    #expect(harness.stages.link.isClosed == true)
  }

  @Test func `a peer that never finishes the TLS handshake runs into the deadline`() throws {
    let peer = try Peer()
    var harness = try LinkHarness(
      "rediss" + peer.url.dropFirst(5), security: RedisSecurity())
    harness.stages.link.open(at: .now())
    try harness.run { $0.link.bytesSent > 0 }
    let deadline = harness.stages.link.nextDeadline()
    let due = try #require(deadline)
    #expect(harness.stages.link.expire(now: due) == .lost(.timeout(.securing)))
  }

  @Test func `an address that never answers runs into the deadline`() throws {
    // A full queue: the kernel lets further connections hang.
    let listener = try Socket.listen(on: .loopback, sharesPort: false, backlog: 0)
    let address = try Socket.localAddress(of: listener)
    var crowd: [BlockingSocket] = []
    crowd.append(try BlockingSocket(to: address))
    var harness = try LinkHarness("redis://\(address)")
    harness.stages.link.open(at: .now())
    let deadline = harness.stages.link.nextDeadline()
    let due = try #require(deadline)
    let event = harness.stages.link.expire(now: due)
    #expect(event == .lost(.timeout(.connecting)))
    #expect(crowd.count == 1)
  }

  @Test func `answers that trickle byte by byte are put together`() throws {
    var peer = try Peer()
    var harness = try LinkHarness(peer.url)
    harness.stages.link.open(at: .now())
    try peer.accept()
    let text = "+OK\r\n+PONG\r\n*2\r\n$3\r\nabc\r\n:1\r\n"
    for (sent, byte) in text.utf8.enumerated() {
      try peer.send(String(decoding: [byte], as: UTF8.self))
      try harness.run { $0.link.bytesReceived == UInt64(sent + 1) }
    }
    #expect(harness.stages.events == [.opened])
    #expect(harness.stages.replies == ["[$abc :1]"])
  }

  // What a link had sent reached Redis behind what the next one sent, and put back who had left.
  @Test func `a link that is given up is reset, and nothing more of it arrives`() throws {
    var peer = try Peer()
    var harness = try Self.opened(&peer)
    let number = peer.socket?.number
    let socket = try #require(number)
    harness.stages.link.close("the next one is to be opened")
    var buffer = [UInt8](repeating: 0, count: 4096)
    var entry = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
    var outcome = IOOutcome.wouldBlock
    while outcome != .endOfStream, outcome != .failed(Errno(code: ECONNRESET)) {
      #expect(poll(&entry, 1, 20_000) == 1)
      outcome = buffer.withUnsafeMutableBytes { Syscalls.receive(socket, into: $0) }
    }
    #expect(outcome == .failed(Errno(code: ECONNRESET)))
  }

  @Test func `what came whole before the end is taken, what was cut is not`() throws {
    var peer = try Peer()
    var harness = try Self.opened(&peer)
    try peer.send("$5\r\nwhole\r\n$5\r\nha")
    peer.hangUp()
    #expect(try harness.nextEvent() == .lost(.closedByPeer))
    #expect(harness.stages.replies == ["$whole"])
    harness.stages.takeReplies()
    #expect(harness.stages.replies == ["$whole"])
  }

  @Test func `an end that is read together with replies is told after them`() throws {
    var peer = try Peer()
    var harness = try Self.opened(&peer)
    // What one receive asks for: the next one finds the end.
    try peer.send(String(repeating: "+x\r\n", count: 16_384))
    peer.hangUp()
    let loss = RedisLink.Event.lost(.closedByPeer)
    while harness.stages.events == [.opened] {
      let before = harness.stages.replies.count
      try harness.run { $0.replies.count > before || $0.events.count == 2 }
    }
    #expect(harness.stages.events == [.opened, loss])
    #expect(harness.stages.replies.count == 16_384)
  }

  @Test func `an owner that takes no replies does not keep a link from its end`() throws {
    var peer = try Peer()
    var harness = try Self.opened(&peer)
    try peer.send("+x\r\n")
    peer.hangUp()
    // A command that cannot be sent any more makes the link look for a last word.
    var events: [RedisLink.Event] = []
    for _ in 0..<10_000 where events.isEmpty {
      harness.send(["PING"])
      if let event = harness.stages.link.flush(now: .now()) { events.append(event) }
      if let event = harness.stages.link.expire(now: .now()) { events.append(event) }
    }
    #expect(events == [.lost(.closedByPeer)])
    #expect(harness.stages.link.isClosed == true)
  }

  @Test(arguments: [
    ("HTTP/1.1 400 Bad Request\r\n", true),
    ("*1\r\n+OK\r\n", true),
    (":1\r\n", true),
    ("-LOADING Redis is loading the dataset in memory\r\n", false),
  ])
  func `a peer whose first answers are not those of a Redis is left`(
    text: String, isViolation: Bool
  ) throws {
    var peer = try Peer()
    var harness = try LinkHarness(peer.url)
    harness.stages.link.open(at: .now())
    try peer.accept()
    try peer.send(text)
    switch try harness.nextEvent() {
    case .lost(.protocolViolation): #expect(isViolation)
    case .lost(.refused(let words)): #expect(!isViolation && words.hasPrefix("LOADING"))
    case let other: Issue.record("\(other)")
    }
  }

  @Test func `a violation after the login is the owner's to act on`() throws {
    var peer = try Peer()
    var harness = try Self.opened(&peer)
    try peer.send("+fine\r\n?\r\n")
    try harness.run { $0.link.isClosed }
    #expect(harness.stages.replies.count == 2)
    #expect(harness.stages.replies.first == "+fine")
    #expect(harness.stages.replies.last?.hasPrefix("violation: ") == true)
  }

  @Test func `a peer that reads nothing loses the link at the bound and not before`() throws {
    var peer = try Peer()
    var limits = LinkHarness.limits
    limits.outputBytesMax = 100_000
    var harness = try Self.opened(&peer, limits: limits)
    let piece = String(repeating: "x", count: 50_000)
    var appended = 0
    while harness.stages.events == [.opened], appended < 2000 {
      harness.send(["ECHO", piece])
      appended += 1
      let unsent = harness.stages.link.unsentBytes
      if let event = harness.stages.link.flush(now: .now()) {
        harness.stages.events.append(event)
        #expect(unsent > 100_000)
      } else {
        #expect(harness.stages.link.unsentBytes <= 100_000)
      }
    }
    #expect(harness.stages.events == [.opened, .lost(.outputFull)])
  }

  @Test func `nobody at home is told at once`() throws {
    let url: String
    do {
      let peer = try Peer()
      url = peer.url
    }
    var harness = try LinkHarness(url)
    #expect(try harness.open() == .lost(.connect(Errno(code: ECONNREFUSED))))
    var unix = try LinkHarness("unix:///no/such/socket")
    #expect(try unix.open() == .lost(.connect(Errno(code: ENOENT))))
    // A label of 64 bytes: no name server needs to be asked.
    var unknown = try LinkHarness("redis://\(String(repeating: "a", count: 64)).invalid")
    guard case .lost(.resolve(let sentence)) = try unknown.open() else {
      Issue.record("\(unknown.stages.events)")
      return
    }
    #expect(!sentence.isEmpty)
  }

  #if DEBUG
    @Test(.enabled(if: RedisServer.isAvailable, "redis-server is not installed"))
    func `every receive and send of a link can fail in every way`() async {
      await #expect(processExitsWith: .success) {
        let server = try RedisServer()
        for call in [SyscallFaults.Call.receive, .send] {
          for kind in [SyscallFaults.Kind.wouldBlock, .short, .reset] {
            for isPersistent in [false, true] where kind != .wouldBlock || !isPersistent {
              var nth = 0
              var isTouched = true
              while isTouched {
                nth += 1
                try #require(nth < 100)
                var harness = try LinkHarness(server.url)
                SyscallFaults.plan(call, kind, nth: nth, persistent: isPersistent)
                let event = try harness.open()
                if event == .opened {
                  harness.send(["ECHO", "one"])
                  harness.send(["ECHO", "two"])
                  try harness.run { $0.replies.count == 2 || $0.events.count == 2 }
                }
                isTouched = SyscallFaults.clear() > 0
                let place = "\(call) \(kind) \(nth) \(isPersistent)"
                if kind == .reset, isTouched {
                  #expect(harness.stages.events.last == .lost(.closedByPeer), "\(place)")
                } else {
                  #expect(harness.stages.events == [.opened], "\(place)")
                  #expect(harness.stages.replies == ["$one", "$two"], "\(place)")
                }
              }
            }
          }
        }
      }
    }
  #endif
}
