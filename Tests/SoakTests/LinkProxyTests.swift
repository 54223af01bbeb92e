// The proxy in front of Redis and of nodes: bytes pass, wait, are late, are forgotten, trickle or end,
// as the mode says.

import Glibc
import RoostEventLoop
import Testing

@testable import Soak

/// A proxy with two nodes, and the server behind it.
private final class Links {
  let proxy: LinkProxy
  private let listener: Descriptor

  init() throws {
    listener = try Socket.listen(
      on: SocketAddress(ipv4: 0x7F00_0001, port: 0), sharesPort: false, backlog: 8)
    let target = try Socket.localAddress(of: listener)
    proxy = try LinkProxy(to: [target, target])
  }

  deinit { proxy.stop() }

  /// Both ends of a new link of a node.
  func connect(_ place: Int) throws -> (node: LinkSocket, server: LinkSocket) {
    let node = LinkSocket(try Socket.connect(to: proxy.addresses[place]))
    try #require(LinkProxyTests.wait(listener.number, .seconds(30)))
    guard case .accepted(let number, _) = Syscalls.accept(listener.number) else {
      throw Errno(code: EIO)
    }
    return (node, LinkSocket(Descriptor(taking: number)))
  }
}

@Suite struct LinkProxyTests {
  fileprivate static func wait(_ socket: Int32, _ limit: Duration) -> Bool {
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
    let links = try Links()
    let ends = try [links.connect(0), links.connect(1)]
    for end in ends {
      Self.send("there", to: end.node.number)
      #expect(Self.read(end.server.number) == "there")
      Self.send("back", to: end.server.number)
      #expect(Self.read(end.node.number) == "back")
    }
    // The letter is taken before what the other node sends behind it comes through.
    links.proxy.set(.stalled, ofNode: 0)
    Self.send("fence", to: ends[1].node.number)
    #expect(Self.read(ends[1].server.number) == "fence")
    Self.send("held", to: ends[0].node.number)
    Self.send("fence", to: ends[1].node.number)
    #expect(Self.read(ends[1].server.number) == "fence")
    #expect(!Self.wait(ends[0].server.number, .zero))
    links.proxy.set(.late(.milliseconds(80), jitter: .zero), ofNode: 0)
    let begin = MonotonicInstant.now()
    #expect(Self.read(ends[0].server.number) == "held")
    #expect(MonotonicInstant.now().since(begin) >= .milliseconds(75))
    links.proxy.set(.cut, ofNode: 0)
    #expect(Self.read(ends[0].node.number) == nil)
    #expect(Self.wait(ends[0].server.number, .seconds(30)))
    Self.send("whole", to: ends[1].node.number)
    #expect(Self.read(ends[1].server.number) == "whole")
  }

  @Test func `a forgotten link is dead for ever, and neither side is told`() throws {
    let links = try Links()
    let old = try links.connect(0)
    let other = try links.connect(1)
    Self.send("there", to: old.node.number)
    #expect(Self.read(old.server.number) == "there")
    links.proxy.set(.forgotten, ofNode: 0)
    Self.send("fence", to: other.node.number)
    #expect(Self.read(other.server.number) == "fence")
    let born = try links.connect(0)
    links.proxy.set(.whole, ofNode: 0)
    Self.send("fence", to: other.node.number)
    #expect(Self.read(other.server.number) == "fence")
    let new = try links.connect(0)
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
    let links = try Links()
    let link = try links.connect(0)
    let other = try links.connect(1)
    links.proxy.set(.late(.milliseconds(1), jitter: .milliseconds(50)), ofNode: 0)
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
    let links = try Links()
    let link = try links.connect(0)
    let other = try links.connect(1)
    links.proxy.set(.narrow(2000), ofNode: 0)
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
}
