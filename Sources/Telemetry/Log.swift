// The structured log: one event a line, one write(2) a line. A shard's thread writes it itself, so a
// reader that has stopped reading must not stop the shard: what would block is dropped and counted.

import Glibc

/// Writes events to a descriptor, from any thread.
///
/// Copies share the descriptor and the count of dropped lines. The descriptor is borrowed: it is never
/// closed, and its flags are left alone, as other processes may share them. SIGPIPE must be ignored
/// in the process, or a reader that closes the pipe ends it.
public struct Log: Sendable {
  private final class Losses: Sendable {
    let lines = SharedCounter()
  }

  /// Events below this level are left out, at the cost of one comparison.
  public let level: LogLevel
  /// How lines are written.
  public let format: LogFormat
  private let descriptor: Int32
  private let losses = Losses()
  private let quota: LogQuota

  /// Makes a log that writes to a descriptor, by default to the standard error output.
  ///
  /// - Parameter linesMax: lines of one kind a second, 0 for no bound. What is left out is counted; see
  ///   ``takeLeftOut()``.
  public init(level: LogLevel, format: LogFormat, linesMax: Int = 0, descriptor: Int32 = 2) {
    self.level = level
    self.format = format
    self.descriptor = descriptor
    quota = LogQuota(linesMax: linesMax)
  }

  /// Lines that were lost because the descriptor would have blocked or failed.
  ///
  /// Any thread.
  public var droppedLines: UInt64 { losses.lines.value }

  /// Lines that were left out because there were too many of their kind in a second.
  ///
  /// Any thread.
  public var leftOutLines: UInt64 { quota.leftOutCount }

  /// How many lines of which events were left out since this was asked last.
  ///
  /// Any thread; each count is given to one of those who ask.
  public func takeLeftOut() -> [(name: String, count: UInt64)] { quota.takeLeftOut() }

  /// Whether events of a level are written at all, for callers who have much to prepare.
  public func isEnabled(_ level: LogLevel) -> Bool { level >= self.level }

  /// Writes one event; message and fields are not even made when its level is left out.
  ///
  /// The name is stable and in snake_case (`node_ready`), the message is for people. Never pass
  /// message contents or tokens. Any thread; lines of several threads do not mix.
  public func event(
    _ level: LogLevel, _ name: StaticString, _ message: @autoclosure () -> String,
    _ fields: @autoclosure () -> [LogField] = []
  ) {
    guard isEnabled(level) else { return }
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    guard quota.admits(name, second: UInt32(truncatingIfNeeded: time.tv_sec)) else { return }
    let milliseconds = Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    write(
      LogLine.render(
        format, time: CivilTime(millisecondsSinceEpoch: milliseconds), level: level,
        event: name.description, message: message(), fields: fields()))
  }

  /// Writes one event at level `debug`.
  public func debug(
    _ name: StaticString, _ message: @autoclosure () -> String,
    _ fields: @autoclosure () -> [LogField] = []
  ) {
    event(.debug, name, message(), fields())
  }

  /// Writes one event at level `info`.
  public func info(
    _ name: StaticString, _ message: @autoclosure () -> String,
    _ fields: @autoclosure () -> [LogField] = []
  ) {
    event(.info, name, message(), fields())
  }

  /// Writes one event at level `warning`.
  public func warning(
    _ name: StaticString, _ message: @autoclosure () -> String,
    _ fields: @autoclosure () -> [LogField] = []
  ) {
    event(.warning, name, message(), fields())
  }

  /// Writes one event at level `error`.
  public func error(
    _ name: StaticString, _ message: @autoclosure () -> String,
    _ fields: @autoclosure () -> [LogField] = []
  ) {
    event(.error, name, message(), fields())
  }

  // A pipe is called writable when a page is free, and a line is no longer than a page: so after a
  // yes from poll the write goes through at once, unless another thread's line takes that page in
  // between. Then it waits for the reader, which is the one wait that is left.
  private func write(_ line: [UInt8]) {
    var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
    guard poll(&entry, 1, 0) == 1, entry.revents & Int16(POLLOUT) != 0 else {
      losses.lines.add()
      return
    }
    var written = Glibc.write(descriptor, line, line.count)
    while written < 0, errno == EINTR {
      written = Glibc.write(descriptor, line, line.count)
    }
    // A part of a line counts as lost as well: it cannot be finished without a second write.
    if written != line.count { losses.lines.add() }
  }
}
