import Glibc
import Testing

@testable import RoostEventLoop

struct SocketConnectTests {
  private static let loopback = SocketAddress(ipv4: 0x7F00_0001, port: 0)
  private static let keepAlive = KeepAlive(idleSeconds: 15, intervalSeconds: 5, probes: 3)

  private static func option(_ name: Int32, level: Int32, of descriptor: Int32) -> Int32 {
    var value: Int32 = -1
    var size = UInt32(MemoryLayout<Int32>.size)
    getsockopt(descriptor, level, name, &value, &size)
    return value
  }

  /// Waits until the socket is writable, then asks.
  private static func outcome(of descriptor: borrowing Descriptor) -> ConnectOutcome {
    var entry = pollfd(fd: descriptor.number, events: Int16(POLLOUT), revents: 0)
    _ = poll(&entry, 1, 20_000)
    return Socket.connectOutcome(of: descriptor)
  }

  @Test func `a connection that was begun is there once the socket is writable`() throws {
    let listener = try Socket.listen(on: Self.loopback, sharesPort: false, backlog: 16)
    let address = try Socket.localAddress(of: listener)
    let client = try Socket.beginConnecting(to: address, keepAlive: Self.keepAlive)
    #expect(Self.outcome(of: client) == .connected)
    #expect(fcntl(client.number, F_GETFL) & O_NONBLOCK != 0)
    #expect(fcntl(client.number, F_GETFD) & FD_CLOEXEC != 0)
    let tcp = Int32(IPPROTO_TCP)
    #expect(Self.option(TCP_NODELAY, level: tcp, of: client.number) != 0)
    #expect(Self.option(SO_KEEPALIVE, level: SOL_SOCKET, of: client.number) != 0)
    #expect(Self.option(TCP_KEEPIDLE, level: tcp, of: client.number) == 15)
    #expect(Self.option(TCP_KEEPINTVL, level: tcp, of: client.number) == 5)
    #expect(Self.option(TCP_KEEPCNT, level: tcp, of: client.number) == 3)
  }

  @Test func `a port without a listener refuses`() throws {
    var address = Self.loopback
    do {
      let listener = try Socket.listen(on: Self.loopback, sharesPort: false, backlog: 1)
      address = try Socket.localAddress(of: listener)
    }
    let client = try Socket.beginConnecting(to: address, keepAlive: Self.keepAlive)
    #expect(Self.outcome(of: client) == .failed(Errno(code: ECONNREFUSED)))
  }

  @Test func `a socket that is not connected yet is pending`() throws {
    let number = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    #expect(Socket.connectOutcome(of: Descriptor(taking: number)) == .pending)
  }

  @Test func `a Unix socket is connected at once, or not at all`() throws {
    var template = Array("/tmp/roost-connect-XXXXXX".utf8CString)
    try #require(mkdtemp(&template) != nil)
    let folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    let path = "\(folder)/socket"
    defer {
      unlink(path)
      rmdir(folder)
    }
    #expect(throws: Errno(code: ENOENT)) { _ = try Socket.beginConnecting(toPath: path) }
    let listener = Descriptor(taking: socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0))
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    let bound = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(listener.number, $0, UInt32(MemoryLayout<sockaddr_un>.size))
      }
    }
    try #require(bound == 0)
    #expect(throws: Errno(code: ECONNREFUSED)) { _ = try Socket.beginConnecting(toPath: path) }
    try #require(listen(listener.number, 4) == 0)
    let client = try Socket.beginConnecting(toPath: path)
    #expect(Socket.connectOutcome(of: client) == .connected)
  }
}
