// A file for a program of others to read, in a folder of its own.

import Glibc

/// A file that is gone, with its folder, when nothing refers to it any more.
public final class TemporaryFile {
  /// Where it is.
  public let path: String
  private let folder: String

  /// Makes the file with a text.
  public init(_ text: String, named name: String) throws {
    var template = Array("/tmp/roost-file-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw TestFailure("mkdtemp: errno \(errno)") }
    folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    path = "\(folder)/\(name)"
    guard let file = fopen(path, "w") else { throw TestFailure("\(path): errno \(errno)") }
    defer { fclose(file) }
    let bytes = Array(text.utf8)
    guard fwrite(bytes, 1, bytes.count, file) == bytes.count else {
      throw TestFailure("\(path): errno \(errno)")
    }
  }

  deinit {
    unlink(path)
    rmdir(folder)
  }
}
