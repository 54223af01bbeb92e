// Where the program is that tests run as a process of its own.

import Glibc

/// The built program.
public enum BuiltProgram {
  /// Beside the test bundle, or where the environment says.
  public static func path() throws -> String {
    if let path = Environment["ROOST_TEST_ROOST"] { return path }
    var buffer = [CChar](repeating: 0, count: 4096)
    let count = readlink("/proc/self/exe", &buffer, buffer.count)
    guard count > 0 else { throw TestFailure("readlink: errno \(errno)") }
    let own = String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    return own[..<(own.lastIndex(of: "/") ?? own.endIndex)] + "/roost"
  }
}
