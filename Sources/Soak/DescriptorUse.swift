// How many descriptors another process has and may have, as /proc tells.

import Glibc
import RoostEventLoop

/// The descriptors of a process.
struct DescriptorUse: Equatable {
  /// The number of the highest one; a new one gets the lowest that is free.
  let highest: Int
  /// The soft limit.
  let limit: Int

  /// Looks at a process; nil when it is gone.
  init?(of process: pid_t) {
    guard let stream = opendir("/proc/\(process)/fd") else { return nil }
    defer { closedir(stream) }
    var highest = 0
    while let entry = readdir(stream) {
      let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      highest = max(highest, Int(name) ?? 0)
    }
    guard let text = Machine.contents(of: "/proc/\(process)/limits", bytesMax: 1 << 16),
      let limit = Self.limit(in: text)
    else { return nil }
    self.highest = highest
    self.limit = limit
  }

  /// The soft limit of open files in the text of `limits`.
  static func limit(in text: String) -> Int? {
    softLimit("Max open files", in: text).flatMap { Int($0) }
  }

  /// The soft limit in the line of `limits` that begins with a name.
  static func softLimit(_ name: String, in text: String) -> String? {
    let line = text.split(separator: "\n").first { $0.hasPrefix(name) }
    return line?.dropFirst(name.count).split(separator: " ").first.map { String($0) }
  }
}
