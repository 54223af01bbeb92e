// The one request of `roost health`, against a listener that answers as it is told.

import Glibc
import RoostEventLoop
import Testing

@testable import roost

struct HealthCommandTests {
  @Test(arguments: [
    ("HTTP/1.1 200 OK\r\n", 200), ("HTTP/1.1 503 Service Unavailable\r\n", 503),
    ("HTTP/1.0 200 OK\r\n", 200), ("HTTP/1.1 200", 200), ("HTTP/2.0 200", 0), ("HTTP/1.1 20", 0),
    ("HTTP/1.1 2x0 OK", 0), ("HTTP/1.1200 200", 0), ("", 0), ("SSH-2.0-OpenSSH_9", 0),
  ])
  func `only a status line has a status`(head: String, status: Int) {
    #expect(HealthCommand.status(in: Array(head.utf8)) == status)
  }

  @Test(arguments: [
    ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200),
    ("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n", 503), ("HTTP/1.1", 0),
    ("", 0),
  ])
  func `the answer's status is read from the socket`(answer: String, status: Int) throws {
    let listener = try Socket.listen(
      on: SocketAddress(ipv4: 0x7F00_0001, port: 0), sharesPort: false, backlog: 1)
    let address = try Socket.localAddress(of: listener)
    // The kernel accepts and buffers for the listener, so that both sides can take turns here.
    let client = try HealthCommand.request("/healthz", of: address)
    let request = try Self.serve(listener.number, answer: answer)
    #expect(
      request == "GET /healthz HTTP/1.1\r\nHost: \(address)\r\nConnection: close\r\n\r\n")
    #expect(try HealthCommand.status(from: client) == status)
  }

  @Test func `nobody listening is a failure`() throws {
    let address: SocketAddress
    do {
      // The port is free again when its listener is gone.
      let listener = try Socket.listen(
        on: SocketAddress(ipv4: 0x7F00_0001, port: 0), sharesPort: false, backlog: 1)
      address = try Socket.localAddress(of: listener)
    }
    #expect(throws: Errno(code: ECONNREFUSED)) {
      _ = try HealthCommand.request("/healthz", of: address)
    }
  }

  /// Accepts one connection, reads a request to its empty line, sends the answer and closes.
  private static func serve(_ listener: Int32, answer: String) throws -> String {
    var entry = pollfd(fd: listener, events: Int16(POLLIN), revents: 0)
    try #require(poll(&entry, 1, 10_000) == 1)
    let number = accept(listener, nil, nil)
    try #require(number >= 0)
    defer { close(number) }
    var request = ""
    var buffer = [UInt8](repeating: 0, count: 512)
    while !request.hasSuffix("\r\n\r\n") {
      let count = read(number, &buffer, buffer.count)
      try #require(count > 0)
      request += String(decoding: buffer[..<count], as: UTF8.self)
    }
    let bytes = Array(answer.utf8)
    if !bytes.isEmpty { try #require(write(number, bytes, bytes.count) == bytes.count) }
    return request
  }
}
