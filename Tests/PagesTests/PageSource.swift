// The files that ops/pages turns into Swift, as they stand beside these tests.

import Glibc
import Testing

/// Reads a file of Sources/Pages.
func source(_ name: String) throws -> String {
  let root = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
  let descriptor = open("/\(root)/Sources/Pages/\(name)", O_RDONLY)
  try #require(descriptor >= 0, "Sources/Pages/\(name)")
  defer { close(descriptor) }
  var bytes: [UInt8] = []
  var buffer = [UInt8](repeating: 0, count: 65_536)
  while true {
    let count = read(descriptor, &buffer, buffer.count)
    guard count > 0 else { return String(decoding: bytes, as: UTF8.self) }
    bytes += buffer[..<count]
  }
}
