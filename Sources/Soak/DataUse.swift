// How much memory another process has that it alone can write to, as /proc tells: what the kernel
// measures by its limit of data (RLIMIT_DATA).

import Glibc
import RoostEventLoop

/// The data of a process.
struct DataUse: Equatable {
  /// Bytes that it has.
  let bytes: Int
  /// The soft limit as `prlimit` takes it: bytes, or `unlimited`.
  let limit: String

  /// Looks at a process; nil when it is gone.
  init?(of process: pid_t) {
    guard let status = Machine.contents(of: "/proc/\(process)/status", bytesMax: 1 << 16),
      let limits = Machine.contents(of: "/proc/\(process)/limits", bytesMax: 1 << 16),
      let bytes = Self.bytes(in: status), let limit = Self.limit(in: limits)
    else { return nil }
    self.bytes = bytes
    self.limit = limit
  }

  /// What the line `VmData` of `status` says, which counts in units of 1,024.
  static func bytes(in text: String) -> Int? {
    let line = text.split(separator: "\n").first { $0.hasPrefix("VmData:") }
    return line?.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) }
      .map { $0 * 1024 }
  }

  /// The soft limit of data in the text of `limits`.
  static func limit(in text: String) -> String? {
    DescriptorUse.softLimit("Max data size", in: text)
  }
}
