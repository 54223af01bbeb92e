// The log on real descriptors: whole lines, the level, and what happens when nobody reads.

import Glibc
import Telemetry
import Testing

/// A pipe whose ends close with it.
private struct Pipe: ~Copyable {
  let readEnd: Int32
  let writeEnd: Int32

  init() throws {
    var ends: [Int32] = [-1, -1]
    try #require(pipe(&ends) == 0)
    (readEnd, writeEnd) = (ends[0], ends[1])
  }

  deinit {
    close(readEnd)
    close(writeEnd)
  }

  /// What has been written so far, without waiting for more.
  func drain() -> String {
    _ = fcntl(readEnd, F_SETFL, O_NONBLOCK)
    var result: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = read(readEnd, &buffer, buffer.count)
      guard count > 0 else { return String(decoding: result, as: UTF8.self) }
      result += buffer[..<count]
    }
  }
}

@Test func `an event is one line with the time of day`() throws {
  let pipe = try Pipe()
  let log = Log(level: .info, format: .json, descriptor: pipe.writeEnd)
  let before = clockText()
  log.info("node_ready", "serving", [LogField("port", 8080)])
  let after = clockText()
  let line = pipe.drain()
  #expect(line.hasPrefix("{\"time\":\"2"))
  let written = String(line.dropFirst(9).prefix(24))
  #expect(before <= written && written <= after)
  #expect(
    line.dropFirst(33)
      == "\",\"level\":\"info\",\"event\":\"node_ready\",\"message\":\"serving\",\"port\":8080}\n")
  #expect(log.droppedLines == 0)
}

@Test(arguments: LogLevel.allCases)
func `a log writes its own level and those above`(level: LogLevel) throws {
  let pipe = try Pipe()
  let log = Log(level: level, format: .text, descriptor: pipe.writeEnd)
  log.debug("a", "debug")
  log.info("a", "info")
  log.warning("a", "warning")
  log.error("a", "error")
  let messages = pipe.drain().split(separator: "\n").map { $0.split(separator: "  ").last ?? "" }
  #expect(messages.map(String.init) == LogLevel.allCases.filter { $0 >= level }.map(\.rawValue))
  #expect(LogLevel.allCases.filter(log.isEnabled) == LogLevel.allCases.filter { $0 >= level })
}

@Test func `what is left out is not even put together`() {
  let log = Log(level: .warning, format: .text, descriptor: -1)
  var calls = 0
  func message() -> String {
    calls += 1
    return "m"
  }
  func fields() -> [LogField] {
    calls += 1
    return []
  }
  log.info("a", message(), fields())
  #expect(calls == 0)
  log.error("a", message(), fields())
  #expect(calls == 2)
}

@Test func `a reader that has stopped costs lines, not time, and the count says so`() throws {
  let pipe = try Pipe()
  let log = Log(level: .info, format: .text, descriptor: pipe.writeEnd)
  let long = String(repeating: "a", count: 1000)
  for _ in 0..<1000 { log.info("a", long) }
  let lines = pipe.drain().split(separator: "\n")
  #expect(lines.allSatisfy { $0.hasSuffix(long) })
  #expect(lines.count > 0)
  #expect(log.droppedLines == UInt64(1000 - lines.count))
  let dropped = log.droppedLines
  log.info("a", "again")
  #expect(pipe.drain().hasSuffix("  again\n"))
  #expect(log.droppedLines == dropped)
}

@Test func `copies of a log count their lost lines together`() {
  let log = Log(level: .info, format: .text, descriptor: -1)
  let copy = log
  log.info("a", "m")
  copy.info("a", "m")
  #expect(log.droppedLines == 2)
}

@Test func `a full disk costs the line and nothing else`() throws {
  let full = open("/dev/full", O_WRONLY)
  try #require(full >= 0)
  defer { close(full) }
  let log = Log(level: .info, format: .text, descriptor: full)
  log.info("a", "m")
  #expect(log.droppedLines == 1)
}

@Test func `lines of several threads do not mix`() async throws {
  let pipe = try Pipe()
  let log = Log(level: .info, format: .json, descriptor: pipe.writeEnd)
  await withTaskGroup(of: Void.self) { group in
    for writer in 0..<4 {
      group.addTask {
        for number in 0..<50 {
          log.info("a", "m", [LogField("writer", writer), LogField("number", number)])
        }
      }
    }
  }
  let lines = pipe.drain().split(separator: "\n")
  #expect(lines.count == 200)
  for writer in 0..<4 {
    let own = lines.filter { $0.contains("\"writer\":\(writer),") }
    #expect(own.map { $0.hasSuffix("}") } == Array(repeating: true, count: 50))
    for (number, line) in own.enumerated() { #expect(line.hasSuffix("\"number\":\(number)}")) }
  }
}

private func clockText() -> String {
  var time = timespec()
  clock_gettime(CLOCK_REALTIME, &time)
  return CivilTime(
    millisecondsSinceEpoch: Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
  ).rfc3339
}
