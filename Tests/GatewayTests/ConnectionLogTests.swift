// A connection's life in the log, and what a flood leaves of it.

import Gateway
import Glibc
import Telemetry
import TestSupport
import Testing

@Suite struct ConnectionLogTests {
  /// A log whose lines a test reads.
  private struct Kept: ~Copyable {
    let log: Log
    private let ends: [Int32]

    init(linesMax: Int = 0) throws {
      var ends: [Int32] = [0, 0]
      guard pipe(&ends) == 0 else { throw TestFailure("pipe: errno \(errno)") }
      // F_SETPIPE_SZ, as large as a pipe may be: a line that would wait is lost.
      _ = fcntl(ends[1], 1031, 1 << 20)
      self.ends = ends
      log = Log(level: .debug, format: .json, linesMax: linesMax, descriptor: ends[1])
    }

    deinit { for end in ends { close(end) } }

    /// The lines so far; they are gone then.
    func lines() -> [String] {
      _ = fcntl(ends[0], F_SETFL, O_NONBLOCK)
      var bytes: [UInt8] = []
      var buffer = [UInt8](repeating: 0, count: 65_536)
      while true {
        let count = read(ends[0], &buffer, buffer.count)
        guard count > 0 else { break }
        bytes += buffer[..<count]
      }
      return bytes.split(separator: UInt8(ascii: "\n")).map { String(decoding: $0, as: UTF8.self) }
    }
  }

  @Test func `an id leads from the handshake to the end`() throws {
    let kept = try Kept()
    let node = try Node(.forTests(), log: kept.log)
    let client = TestClient(try BlockingSocket(to: node.address))
    try client.upgrade()
    let id = try #require(JSONText.value("connection", of: try client.welcomed()))
    #expect(try client.ask(#"{"type":"join","room":"r:1","id":1}"#).contains("\"ok\""))
    #expect(try client.ask(#"{"type":"dance","id":2}"#).contains("unknown_type"))
    #expect(try client.ask(#"{"type":"leave","room":"r:1","id":3}"#).contains("\"ok\""))
    try client.close()
    node.stop()
    node.waitUntilStopped()
    let own = kept.lines().filter { JSONText.value("connection", of: $0) == id }
    #expect(
      own.map { JSONText.value("event", of: $0) } == [
        "connection_opened", "room_joined", "request_refused", "room_left", "connection_closed",
      ], "\(own)")
    #expect(JSONText.value("room", of: own[1]) == "r:1")
    #expect(JSONText.value("code", of: own[2]) == "unknown_type")
    #expect(own.allSatisfy { JSONText.value("level", of: $0) == "debug" })
  }

  @Test func `a flood has a bounded number of lines and one that counts the others`() throws {
    let kept = try Kept(linesMax: 5)
    let node = try Node(.forTests(), log: kept.log)
    let client = try TestClient.open(node.address)
    for _ in 0..<200 { try client.send(#"{"type":"dance"}"#) }
    _ = try client.texts(200)
    try client.close()
    // The next second tells what was left out of the last one.
    var lines: [String] = []
    let isTold = eventually {
      lines += kept.lines()
      let told = lines.filter { JSONText.value("of", of: $0) == "request_refused" }
        .compactMap { JSONText.value("count", of: $0).flatMap { Int($0) } }
      let written = lines.count { JSONText.value("event", of: $0) == "request_refused" }
      return !told.isEmpty && written + told.reduce(0, +) == 200
    }
    #expect(isTold, "\(lines)")
    node.stop()
    node.waitUntilStopped()
  }
}
