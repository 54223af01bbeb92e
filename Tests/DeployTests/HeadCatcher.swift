// Stands in a node's place and keeps what a balancer sends it.

import Glibc
import RoostEventLoop
import TestSupport

/// A listener that answers every request with 200 and keeps the heads.
///
/// One thread at a time.
final class HeadCatcher {
  let address: SocketAddress
  private let listener: Descriptor

  init() throws {
    listener = try Socket.listen(on: .loopback, sharesPort: false, backlog: 16)
    address = try Socket.localAddress(of: listener)
  }

  /// Answers requests until one for the path comes; that one's head.
  func head(of path: String) throws -> String {
    for _ in 0..<100 {
      let head = try answer()
      if head.hasPrefix("GET \(path) ") { return head }
    }
    throw TestFailure("no request for \(path) came")
  }

  private func answer() throws -> String {
    var entry = pollfd(fd: listener.number, events: Int16(POLLIN), revents: 0)
    guard poll(&entry, 1, 15_000) > 0 else { throw TestFailure("no request came") }
    let socket = accept(listener.number, nil, nil)
    guard socket >= 0 else { throw TestFailure("accept: errno \(errno)") }
    defer { close(socket) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 8192)
    while !String(decoding: bytes, as: UTF8.self).contains("\r\n\r\n") {
      entry = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
      guard poll(&entry, 1, 15_000) > 0 else { throw TestFailure("half a request came") }
      let count = recv(socket, &buffer, buffer.count, 0)
      // Somebody who only looked whether the port is open.
      guard count > 0 else { return "" }
      bytes += buffer[..<count]
    }
    let response = Array("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".utf8)
    _ = send(socket, response, response.count, Int32(MSG_NOSIGNAL))
    return String(decoding: bytes, as: UTF8.self)
  }
}

/// The request that a client with something to hide sends.
enum ForgedRequest {
  static let text =
    "GET /ws HTTP/1.1\r\nHost: app.example.com\r\nOrigin: https://app.example.com\r\n"
    + "Upgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
    + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
    + "X-Forwarded-For: 203.0.113.9\r\nForwarded: for=203.0.113.9\r\n\r\n"

  /// The values of a field in a head, in order.
  static func values(of name: String, in head: String) -> [String] {
    head.split(separator: "\r\n").dropFirst().compactMap { line in
      let parts = line.split(separator: ":", maxSplits: 1)
      guard parts.count == 2, parts[0].lowercased() == name.lowercased() else { return nil }
      return String(parts[1].drop { $0 == " " })
    }
  }
}
