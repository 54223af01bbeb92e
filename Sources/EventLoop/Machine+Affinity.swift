// Which processors a thread runs on, for who measures one program with another one beside it.

import RoostCLinux

extension Machine {
  private static let maskBytes = 1024

  /// The processors that the calling thread may run on, by their numbers, ascending; at least one.
  public static func allowedProcessors() -> [Int] {
    var mask = [UInt8](repeating: 0, count: maskBytes)
    let result = mask.withUnsafeMutableBytes {
      roost_sched_getaffinity(0, UInt($0.count), $0.baseAddress)
    }
    guard result == 0 else { return [0] }
    let allowed = (0..<maskBytes * 8).filter { mask[$0 / 8] & 1 << UInt8($0 % 8) != 0 }
    return allowed.isEmpty ? [0] : allowed
  }

  /// Has the calling thread, and what it starts from now on, run on these processors only; false
  /// when the system does not allow it, and nothing has changed then.
  public static func setAllowedProcessors(_ numbers: [Int]) -> Bool {
    var mask = [UInt8](repeating: 0, count: maskBytes)
    for number in numbers where (0..<maskBytes * 8).contains(number) {
      mask[number / 8] |= 1 << UInt8(number % 8)
    }
    return mask.withUnsafeBytes {
      roost_sched_setaffinity(0, UInt($0.count), $0.baseAddress) == 0
    }
  }
}
