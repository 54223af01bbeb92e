// A supervisor's socket, and a node that has one.

import Glibc
import RoostEventLoop
import TestSupport
import Testing

@testable import roost

/// The end of a supervisor: a Unix socket for datagrams.
final class NoticeReceiver {
  /// What NOTIFY_SOCKET says.
  let name: String
  private let descriptor: Int32

  /// - Parameter name: a path, or an abstract name behind an `@`.
  init(_ name: String) throws {
    self.name = name
    let type = Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
    descriptor = socket(AF_UNIX, type, 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { path in
      path.copyBytes(from: name.utf8)
      if name.hasPrefix("@") { path[0] = 0 }
    }
    let length = socklen_t(2 + name.utf8.count + (name.hasPrefix("@") ? 0 : 1))
    let bound = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, length) }
    }
    guard bound == 0 else { throw TestFailure("bind \(name): errno \(errno)") }
  }

  deinit {
    close(descriptor)
    if !name.hasPrefix("@") { unlink(name) }
  }

  /// Waits for the next datagram.
  func next() throws -> String {
    var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    guard poll(&entry, 1, 60_000) == 1 else { throw TestFailure("no notice came") }
    var buffer = [UInt8](repeating: 0, count: 4096)
    let count = recv(descriptor, &buffer, buffer.count, 0)
    guard count >= 0 else { throw TestFailure("recv: errno \(errno)") }
    return String(decoding: buffer[..<count], as: UTF8.self)
  }

  /// Waits for a notice that begins like this; those before it are left out.
  func await(_ start: String) throws -> String {
    while true {
      let notice = try next()
      if notice.hasPrefix(start) { return notice }
    }
  }
}

@Suite(.serialized) struct ServiceSocketTests {
  private static func abstractName() -> String {
    "@roost-test-\(getpid())-\(MonotonicInstant.now().nanoseconds)"
  }

  @Test func `datagrams reach a path and an abstract name`() throws {
    let folder = try TestCertificates()
    for name in ["\(folder.directory)/notify", Self.abstractName()] {
      let receiver = try NoticeReceiver(name)
      switch ServiceSocket(name: name) {
      case .some(let socket):
        let isTaken = socket.send("READY=1")
        #expect(isTaken)
        #expect(try receiver.next() == "READY=1")
      case .none: Issue.record("no socket for \(name)")
      }
    }
  }

  @Test(arguments: [
    "", "/", "@", "notify", "vsock:2:1234", String(repeating: "/a", count: 54), "/a\u{0}b",
  ])
  func `what is no name of a Unix socket is refused`(name: String) {
    switch ServiceSocket(name: name) {
    case .some: Issue.record("\(name) was taken")
    case .none: break
    }
  }

  @Test func `a socket that nobody reads loses what is sent, and nothing else happens`() throws {
    switch ServiceSocket(name: Self.abstractName()) {
    case .some(let socket):
      let isTaken = socket.send("READY=1")
      #expect(!isTaken)
    case .none: Issue.record("no socket")
    }
  }

  @Test func `a supervisor hears of the start, of life, of reloads and of the end`() throws {
    let receiver = try NoticeReceiver(Self.abstractName())
    let served = try ServeProcessTests.Served(
      ["--dev", "--log-format", "json"] + ServeProcessTests.ports,
      environment: ["NOTIFY_SOCKET": receiver.name, "WATCHDOG_USEC": "2000000"])
    #expect(try receiver.next() == "READY=1")
    #expect(try receiver.next() == "WATCHDOG=1")
    #expect(try receiver.next().hasPrefix("STATUS=serving; 0 connections of "))
    #expect(try receiver.await("WATCHDOG") == "WATCHDOG=1")
    let client = try TestClient.open(served.listen)
    served.process.kill(SIGHUP)
    let reloading = try receiver.await("RELOADING=1\nMONOTONIC_USEC=")
    let microseconds = try #require(UInt64(reloading.dropFirst(27)), "\(reloading)")
    #expect(microseconds <= MonotonicInstant.now().nanoseconds / 1000)
    #expect(try receiver.await("READY") == "READY=1")
    served.process.kill(SIGTERM)
    #expect(try receiver.await("STOPPING") == "STOPPING=1")
    #expect(try receiver.next().hasPrefix("STATUS=draining ("))
    client.abort()
    #expect(try served.process.wait() == .exited(0))
  }

  @Test func `a supervisor that is none is told in the log, and the node serves`() throws {
    let served = try ServeProcessTests.Served(
      ["--dev", "--log-format", "json"] + ServeProcessTests.ports,
      environment: ["NOTIFY_SOCKET": "vsock:2:1234"])
    served.process.kill(SIGTERM)
    #expect(try served.process.wait() == .exited(0))
    #expect(served.process.errors.contains("\"supervisor_unknown\""))
  }
}
