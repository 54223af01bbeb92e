// What a program has cost so far, from /proc.

import Glibc
import RoostEventLoop

/// Reads the use of processors and memory of programs.
///
/// Any thread.
struct ProcessMeter: Sendable {
  /// Where times come from.
  enum Source: String, CaseIterable, Sendable {
    /// `/proc/PID/task/*/schedstat`: nanoseconds of every thread, user and system, with what
    /// interrupts did meanwhile.
    case schedstat
    /// `/proc/PID/stat`: user and system time in ticks of mostly 10 ms.
    case stat

    var text: String {
      switch self {
      case .schedstat: "user and system time, from /proc/PID/task/*/schedstat"
      case .stat: "user and system time in steps of 10 ms, from /proc/PID/stat"
      }
    }
  }

  let source: Source

  /// Takes the finest source that the kernel has.
  init() {
    // A kernel without these statistics has no file, or one of zeros.
    let own = Machine.contents(of: "/proc/self/schedstat").flatMap(Self.nanoseconds)
    source = (own ?? 0) > 0 ? .schedstat : .stat
  }

  /// Nanoseconds of processor time of a program; 0 when it is gone.
  func nanoseconds(of process: pid_t) -> UInt64 {
    switch source {
    case .schedstat:
      return Self.names(in: "/proc/\(process)/task").reduce(0) { sum, thread in
        let text = Machine.contents(of: "/proc/\(process)/task/\(thread)/schedstat") ?? ""
        return sum + (Self.nanoseconds(schedstat: text) ?? 0)
      }
    case .stat:
      guard let text = Machine.contents(of: "/proc/\(process)/stat"),
        let ticks = Self.ticks(stat: text)
      else { return 0 }
      return ticks * 1_000_000_000 / UInt64(max(1, sysconf(Int32(_SC_CLK_TCK))))
    }
  }

  /// Private memory of a program: pages that nobody else has; nil when it cannot be told.
  func privateBytes(of process: pid_t) -> Int? {
    Machine.contents(of: "/proc/\(process)/smaps_rollup").flatMap(Self.privateBytes)
  }

  // MARK: Texts of the kernel

  /// The first number of a `schedstat`.
  static func nanoseconds(schedstat text: String) -> UInt64? {
    text.split(separator: " ").first.flatMap { UInt64($0) }
  }

  /// User and system ticks of a `stat`, whose second field is a name with anything in it.
  static func ticks(stat text: String) -> UInt64? {
    guard let end = text.lastIndex(of: ")") else { return nil }
    // The state is the third field of proc_pid_stat(5), utime the 14th, stime the 15th.
    let fields = text[text.index(after: end)...].split(separator: " ")
    guard fields.count > 12, let user = UInt64(fields[11]), let system = UInt64(fields[12]) else {
      return nil
    }
    return user + system
  }

  /// The sum of the lines of a `smaps_rollup` that begin with `Private_`.
  static func privateBytes(smapsRollup text: String) -> Int? {
    let sizes = text.split(separator: "\n").filter { $0.hasPrefix("Private_") }
      .compactMap { $0.split(separator: " ").dropFirst().first.flatMap { Int($0) } }
    return sizes.isEmpty ? nil : sizes.reduce(0, +) * 1024
  }

  private static func names(in folder: String) -> [String] {
    guard let stream = opendir(folder) else { return [] }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      if UInt64(name) != nil { names.append(name) }
    }
    return names
  }
}
