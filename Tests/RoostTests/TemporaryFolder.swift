// A folder for the files that a test writes.

import Glibc
import TestSupport

/// A folder of a test's own; it goes with its last reference.
final class TemporaryFolder {
  /// Without a slash at the end.
  let path: String
  private var files: [String] = []

  init() throws {
    var template = Array("/tmp/roost-test-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw TestFailure("mkdtemp: errno \(errno)") }
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  deinit {
    for file in files { unlink(file) }
    rmdir(path)
  }

  /// Writes a file and returns its path.
  func file(_ name: String, _ content: [UInt8]) throws -> String {
    let path = "\(path)/\(name)"
    guard let file = fopen(path, "w") else { throw TestFailure("\(path): errno \(errno)") }
    let count = fwrite(content, 1, content.count, file)
    fclose(file)
    files.append(path)
    guard count == content.count else { throw TestFailure("\(path): \(count) bytes written") }
    return path
  }
}
