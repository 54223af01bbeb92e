// The proxy in front of Redis and of nodes: bytes pass, wait, are late, are forgotten, trickle or end,
// as the mode says.

import Glibc
import RoostEventLoop
import Testing

@testable import Soak

@Suite struct LinkProxyTests {

  private static func wait(_ socket: Int32, _ limit: Duration) -> Bool {
    var entry = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
    return poll(&entry, 1, Int32(clamping: limit.millisecondsClamped)) > 0
  }

  private static func send(_ text: String, to socket: Int32) {
    let bytes = Array(text.utf8)
    _ = bytes.withUnsafeBytes { Syscalls.send(socket, $0) }
  }

  private static func read(_ socket: Int32) -> String? {
    guard wait(socket, .seconds(30)) else { return nil }
    var buffer = [UInt8](repeating: 0, count: 100)
    switch buffer.withUnsafeMutableBytes({ Syscalls.receive(socket, into: $0) }) {
    case .bytes(let count): return String(decoding: buffer[..<count], as: UTF8.self)
    default: return nil
    }
  }

  @Test func `links pass, stand still, are late and end, each node's by itself`() throws {
    let listener = try Socket.listen(
      on: SocketAddress(ipv4: 0x7F00_0001, port: 0), sharesPort: false, backlog: 8)
    let target = try Socket.localAddress(of: listener)
    let proxy = try LinkProxy(to: [target, target])
    defer { proxy.stop() }
    let ends = try proxy.addresses.map { try Self.connect($0, listener.number) }
    for end in ends {
      Self.send("there", to: end.node.number)
      #expect(Self.read(end.server.number) == "there")
      Self.send("back", to: end.server.number)
      #expect(Self.read(end.node.number) == "back")
    }
    // The letter is taken before what the other node sends behind it comes through.
    proxy.set(.stalled, ofNode: 0)
    Self.send("fence", to: ends[1].node.number)
    #expect(Self.read(ends[1].server.number) == "fence")
    Self.send("held", to: ends[0].node.number)
    Self.send("fence", to: ends[1].node.number)
    #expect(Self.read(ends[1].server.number) == "fence")
    #expect(!Self.wait(ends[0].server.number, .zero))
    proxy.set(.late(.milliseconds(80), jitter: .zero), ofNode: 0)
    let begin = MonotonicInstant.now()
    #expect(Self.read(ends[0].server.number) == "held")
    #expect(MonotonicInstant.now().since(begin) >= .milliseconds(75))
    proxy.set(.cut, ofNode: 0)
    #expect(Self.read(ends[0].node.number) == nil)
    #expect(Self.wait(ends[0].server.number, .seconds(30)))
    Self.send("whole", to: ends[1].node.number)
    #expect(Self.read(ends[1].server.number) == "whole")
  }

  @Test func `a forgotten link is dead for ever, and neither side is told`() throws {
    let listener = try Socket.listen(
      on: SocketAddress(ipv4: 0x7F00_0001, port: 0), sharesPort: false, backlog: 8)
    let target = try Socket.localAddress(of: listener)
    let proxy = try LinkProxy(to: [target, target])
    defer { proxy.stop() }
    let old = try Self.connect(proxy.addresses[0], listener.number)
    let other = try Self.connect(proxy.addresses[1], listener.number)
    Self.send("there", to: old.node.number)
    #expect(Self.read(old.server.number) == "there")
    proxy.set(.forgotten, ofNode: 0)
    Self.send("fence", to: other.node.number)
    #expect(Self.read(other.server.number) == "fence")
    let born = try Self.connect(proxy.addresses[0], listener.number)
    proxy.set(.whole, ofNode: 0)
    Self.send("fence", to: other.node.number)
    #expect(Self.read(other.server.number) == "fence")
    let new = try Self.connect(proxy.addresses[0], listener.number)
    for dead in [old, born] {
      Self.send("lost", to: dead.node.number)
      Self.send("lost", to: dead.server.number)
      Socket.shutdownSending(dead.node.number)
    }
    // What comes behind it on another link has passed all of that.
    for fence in [new, other, new, other] {
      Self.send("fence", to: fence.node.number)
      #expect(Self.read(fence.server.number) == "fence")
    }
    for dead in [old, born] {
      #expect(!Self.wait(dead.node.number, .zero))
      #expect(!Self.wait(dead.server.number, .zero))
    }
  }

  @Test func `late bytes keep their order, and an end comes behind them`() throws {
    let listener = try Socket.listen(
      on: SocketAddress(ipv4: 0x7F00_0001, port: 0), sharesPort: false, backlog: 8)
    let target = try Socket.localAddress(of: listener)
    let proxy = try LinkProxy(to: [target, target])
    defer { proxy.stop() }
    let link = try Self.connect(proxy.addresses[0], listener.number)
    let other = try Self.connect(proxy.addresses[1], listener.number)
    proxy.set(.late(.milliseconds(1), jitter: .milliseconds(50)), ofNode: 0)
    Self.send("fence", to: other.node.number)
    #expect(Self.read(other.server.number) == "fence")
    let text = (0..<50).map { "\($0)," }
    for part in text { Self.send(part, to: link.node.number) }
    Socket.shutdownSending(link.node.number)
    var whole = ""
    while let part = Self.read(link.server.number) { whole += part }
    #expect(whole == text.joined())
  }

  @Test func `a narrow link passes everything, a little at a time`() throws {
    let listener = try Socket.listen(
      on: SocketAddress(ipv4: 0x7F00_0001, port: 0), sharesPort: false, backlog: 8)
    let target = try Socket.localAddress(of: listener)
    let proxy = try LinkProxy(to: [target, target])
    defer { proxy.stop() }
    let link = try Self.connect(proxy.addresses[0], listener.number)
    let other = try Self.connect(proxy.addresses[1], listener.number)
    proxy.set(.narrow(2000), ofNode: 0)
    Self.send("fence", to: other.node.number)
    #expect(Self.read(other.server.number) == "fence")
    let text = String(repeating: "0123456789", count: 40)
    let begin = MonotonicInstant.now()
    Self.send(text, to: link.node.number)
    Socket.shutdownSending(link.node.number)
    var parts: [String] = []
    while let part = Self.read(link.server.number) { parts.append(part) }
    #expect(parts.joined() == text)
    // 400 bytes at 2,000 a second; the kernel may join what it was given.
    #expect(MonotonicInstant.now().since(begin) >= .milliseconds(150))
  }

  private static func connect(
    _ address: SocketAddress, _ listener: Int32
  ) throws -> (node: LinkSocket, server: LinkSocket) {
    let node = LinkSocket(try Socket.connect(to: address))
    try #require(wait(listener, .seconds(30)))
    guard case .accepted(let number, _) = Syscalls.accept(listener) else {
      throw Errno(code: EIO)
    }
    return (node, LinkSocket(Descriptor(taking: number)))
  }
}
