// Files of a test, read and written whole.

import Glibc

/// The content of a file.
public func contents(of path: String) throws -> [UInt8] {
  guard let file = fopen(path, "r") else { throw TestFailure("\(path): errno \(errno)") }
  defer { fclose(file) }
  var content: [UInt8] = []
  var buffer = [UInt8](repeating: 0, count: 65_536)
  while true {
    let count = fread(&buffer, 1, buffer.count, file)
    guard count > 0 else { return content }
    content += buffer[..<count]
  }
}
