// The proxy in front of Redis: bytes pass, wait, are late or end, as the mode says.

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
    let proxy = try LinkProxy(nodes: 2, to: try Socket.localAddress(of: listener))
    defer { proxy.stop() }
    var ends: [(node: LinkSocket, server: LinkSocket)] = []
    for address in proxy.addresses {
      let node = LinkSocket(try Socket.connect(to: address))
      try #require(Self.wait(listener.number, .seconds(30)))
      guard case .accepted(let number, _) = Syscalls.accept(listener.number) else {
        Issue.record("no link came")
        return
      }
      ends.append((node, LinkSocket(Descriptor(taking: number))))
    }
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
    proxy.set(.late(.milliseconds(80)), ofNode: 0)
    let begin = MonotonicInstant.now()
    #expect(Self.read(ends[0].server.number) == "held")
    #expect(MonotonicInstant.now().since(begin) >= .milliseconds(75))
    proxy.set(.cut, ofNode: 0)
    #expect(Self.read(ends[0].node.number) == nil)
    #expect(Self.wait(ends[0].server.number, .seconds(30)))
    Self.send("whole", to: ends[1].node.number)
    #expect(Self.read(ends[1].server.number) == "whole")
  }
}
