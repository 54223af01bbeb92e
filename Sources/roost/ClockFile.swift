// A wall clock that is wrong on purpose: `roost soak` steps the clock of a node that runs by writing into
// a file. A node takes such a file under --dev only, where nothing is worth protecting.

import Gateway
import Telemetry

/// The file that says how wrong the wall clock is to be.
///
/// The thread that waits for signals only.
struct ClockFile {
  private let path: String
  private let log: Log
  private var milliseconds: Int64 = 0

  init(path: String, log: Log) {
    self.path = path
    self.log = log
  }

  /// Reads the file; what is missing or says no number changes nothing.
  mutating func look() {
    guard case .success(let bytes) = ProcessEnvironment.contents(of: path),
      let found = Self.milliseconds(in: bytes), found != milliseconds
    else { return }
    milliseconds = found
    WallClock.setStep(milliseconds: found)
    log.warning(
      "clock_stepped", "the wall clock is wrong on purpose", [.init("step_ms", Int(found))])
  }

  /// A number of milliseconds, behind which a line may end.
  static func milliseconds(in bytes: [UInt8]) -> Int64? {
    let text = String(decoding: bytes.prefix(64), as: UTF8.self)
    let line = text.hasSuffix("\n") ? String(text.dropLast()) : text
    guard let number = Int64(line), (-WallClock.stepMax...WallClock.stepMax).contains(number)
    else { return nil }
    return number
  }
}
