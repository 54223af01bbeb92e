import Glibc
import Testing

@testable import RoostEventLoop

struct SocketTests {
  private static let loopback = SocketAddress(ipv4: 0x7F00_0001, port: 0)

  /// Takes the next connection, waiting for it.
  private static func accepted(from listener: Int32) throws -> (Int32, SocketAddress) {
    try #require(isReadable(listener, within: 20_000))
    guard case .accepted(let number, let peer) = Syscalls.accept(listener) else {
      throw Errno(code: ECONNABORTED)
    }
    return (number, peer)
  }

  private static func option(_ name: Int32, level: Int32, of descriptor: Int32) -> Int32 {
    var value: Int32 = -1
    var size = UInt32(MemoryLayout<Int32>.size)
    getsockopt(descriptor, level, name, &value, &size)
    return value
  }

  @Test func `port zero becomes a free port that takes connections`() throws {
    let listener = try Socket.listen(on: Self.loopback, sharesPort: false, backlog: 16)
    let address = try Socket.localAddress(of: listener)
    #expect(address.hostText == "127.0.0.1")
    #expect(address.port != 0)
    let client = try Socket.connect(to: address)
    let (number, peer) = try Self.accepted(from: listener.number)
    let server = Descriptor(taking: number)
    #expect(try Socket.localAddress(of: client) == peer)
    #expect(try Socket.localAddress(of: server) == address)
  }

  @Test func `listeners and what they accept neither block nor survive an exec`() throws {
    let listener = try Socket.listen(on: Self.loopback, sharesPort: false, backlog: 16)
    #expect(Syscalls.accept(listener.number) == .wouldBlock)
    let client = try Socket.connect(to: try Socket.localAddress(of: listener))
    let (number, _) = try Self.accepted(from: listener.number)
    let server = Descriptor(taking: number)
    #expect(fcntl(listener.number, F_GETFL) & O_NONBLOCK != 0)
    #expect(fcntl(server.number, F_GETFL) & O_NONBLOCK != 0)
    #expect(fcntl(client.number, F_GETFL) & O_NONBLOCK == 0)
    for descriptor in [listener.number, server.number, client.number] {
      #expect(fcntl(descriptor, F_GETFD) & FD_CLOEXEC != 0)
    }
  }

  @Test func `accepted sockets inherit that small writes are not held back`() throws {
    let listener = try Socket.listen(on: Self.loopback, sharesPort: false, backlog: 16)
    let client = try Socket.connect(to: try Socket.localAddress(of: listener))
    let (number, _) = try Self.accepted(from: listener.number)
    let server = Descriptor(taking: number)
    let level = Int32(IPPROTO_TCP)
    #expect(Self.option(TCP_NODELAY, level: level, of: server.number) != 0)
    #expect(Self.option(TCP_NODELAY, level: level, of: client.number) != 0)
  }

  @Test func `accepted sockets inherit how much the kernel may keep unsent`() throws {
    let listener = try Socket.listen(on: Self.loopback, sharesPort: false, backlog: 16)
    let client = try Socket.connect(to: try Socket.localAddress(of: listener))
    #expect(client.number >= 0)
    let (number, _) = try Self.accepted(from: listener.number)
    let server = Descriptor(taking: number)
    // 25 is TCP_NOTSENT_LOWAT.
    #expect(Self.option(25, level: Int32(IPPROTO_TCP), of: server.number) == 131_072)
  }

  @Test func `a taken port is refused as in use`() throws {
    let first = try Socket.listen(on: Self.loopback, sharesPort: false, backlog: 16)
    let address = try Socket.localAddress(of: first)
    let failure = #expect(throws: Errno.self) {
      _ = try Socket.listen(on: address, sharesPort: false, backlog: 16)
    }
    #expect(failure == Errno(code: EADDRINUSE))
    #expect(failure?.isAddressInUse == true)
    // Sharing needs the consent of both.
    let second = #expect(throws: Errno.self) {
      _ = try Socket.listen(on: address, sharesPort: true, backlog: 16)
    }
    #expect(second?.isAddressInUse == true)
    #expect(first.number >= 0)
  }

  @Test func `two listeners can share a port and no connection is lost`() throws {
    let first = try Socket.listen(on: Self.loopback, sharesPort: true, backlog: 64)
    let address = try Socket.localAddress(of: first)
    let second = try Socket.listen(on: address, sharesPort: true, backlog: 64)
    #expect(try Socket.localAddress(of: second) == address)
    var taken = 0
    for _ in 0..<40 {
      let client = try Socket.connect(to: address)
      #expect(client.number >= 0)
      var wanted = [
        pollfd(fd: first.number, events: Int16(POLLIN), revents: 0),
        pollfd(fd: second.number, events: Int16(POLLIN), revents: 0),
      ]
      try #require(poll(&wanted, 2, 20_000) == 1)
      let listener = wanted[0].revents != 0 ? first.number : second.number
      let (number, _) = try Self.accepted(from: listener)
      Syscalls.close(number)
      taken += 1
    }
    #expect(taken == 40)
  }

  @Test(.enabled(if: hasIPv6, "this machine has no IPv6"))
  func `an IPv6 listener on all addresses takes IPv4, too, and shows it as IPv4`() throws {
    let all = try #require(SocketAddress(text: "[::]:0"))
    let listener = try Socket.listen(on: all, sharesPort: false, backlog: 16)
    let bound = try Socket.localAddress(of: listener)
    #expect(bound.isIPv6)
    for host in ["127.0.0.1", "[::1]"] {
      let target = try #require(SocketAddress(text: "\(host):\(bound.port)"))
      let client = try Socket.connect(to: target)
      let (number, peer) = try Self.accepted(from: listener.number)
      Syscalls.close(number)
      #expect(peer == (try Socket.localAddress(of: client)))
      #expect(peer.isIPv6 == (host == "[::1]"))
    }
  }

  private static var hasIPv6: Bool {
    guard let loopback = SocketAddress(text: "[::1]:0") else { return false }
    return (try? Socket.listen(on: loopback, sharesPort: false, backlog: 1)) != nil
  }

  @Test func `a port where nobody listens refuses`() throws {
    // Bound and not listening: nobody else can take the port meanwhile.
    let holder = Descriptor(taking: socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0))
    let result = Self.loopback.withKernelForm { bind(holder.number, $0, $1) }
    #expect(result == 0)
    let address = try Socket.localAddress(of: holder)
    #expect(throws: Errno(code: ECONNREFUSED)) { _ = try Socket.connect(to: address) }
  }

  @Test func `after the end of sending the other direction goes on`() throws {
    let pair = try SocketPair()
    Socket.shutdownSending(pair.near.number)
    var byte: [UInt8] = [0]
    let atFarEnd = byte.withUnsafeMutableBytes { Syscalls.receive(pair.far.number, into: $0) }
    #expect(atFarEnd == .endOfStream)
    pair.writeAtFarEnd([9])
    let atNearEnd = byte.withUnsafeMutableBytes { Syscalls.receive(pair.near.number, into: $0) }
    #expect(atNearEnd == .bytes(1))
    #expect(byte == [9])
  }
}
