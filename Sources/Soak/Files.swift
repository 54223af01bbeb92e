// The few things that a run does with files.

import Glibc
import RoostEventLoop

enum Files {
  /// Makes a folder for a run; throws when there is no place.
  static func makeTemporaryFolder() throws(SoakFailure) -> String {
    let parent = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    var template = Array("\(parent)/roost-soak-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else {
      throw SoakFailure("no folder could be made in \(parent): \(Errno(code: errno))")
    }
    return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// Writes a file anew.
  static func write(_ text: String, to path: String) throws(SoakFailure) {
    let number = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard number >= 0 else { throw SoakFailure("\(path) cannot be written: \(Errno(code: errno))") }
    let descriptor = Descriptor(taking: number)
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.write(descriptor.number, $0.baseAddress, $0.count) }
      if count < 0 {
        guard errno == EINTR else {
          throw SoakFailure("\(path) cannot be written: \(Errno(code: errno))")
        }
      } else {
        rest = rest.dropFirst(count)
      }
    }
  }

  /// Makes a folder and those above it; what is there already is left.
  static func makeFolder(_ path: String) throws(SoakFailure) {
    var made = path.hasPrefix("/") ? "/" : ""
    for part in path.split(separator: "/") {
      made += (made.isEmpty || made == "/" ? "" : "/") + part
      guard mkdir(made, 0o755) != 0, errno != EEXIST else { continue }
      throw SoakFailure("the folder \(made) cannot be made: \(Errno(code: errno))")
    }
  }

  /// Removes a folder with all that is in it, to a depth of eight folders.
  static func remove(_ folder: String, depth: Int = 0) {
    if depth < 8, let stream = opendir(folder) {
      while let entry = readdir(stream) {
        let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
          String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
        guard name != ".", name != ".." else { continue }
        let path = "\(folder)/\(name)"
        if unlink(path) != 0 { remove(path, depth: depth + 1) }
      }
      closedir(stream)
    }
    rmdir(folder)
  }

  /// The end of a file; nothing when it cannot be read.
  static func tail(of path: String, bytes: Int) -> String {
    let number = open(path, O_RDONLY | O_CLOEXEC)
    guard number >= 0 else { return "" }
    let descriptor = Descriptor(taking: number)
    let size = lseek(descriptor.number, 0, SEEK_END)
    _ = lseek(descriptor.number, max(0, size - bytes), SEEK_SET)
    var buffer = [UInt8](repeating: 0, count: bytes)
    let count = read(descriptor.number, &buffer, buffer.count)
    return count > 0 ? String(decoding: buffer[..<count], as: UTF8.self) : ""
  }

  /// Copies a file, as far as a few megabytes go.
  static func copy(_ path: String, to other: String) {
    guard let text = Machine.contents(of: path, bytesMax: 64 << 20) else { return }
    try? write(text, to: other)
  }
}
