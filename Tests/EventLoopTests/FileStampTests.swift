import Glibc
import RoostEventLoop
import Testing

struct FileStampTests {
  private static func write(_ text: String, to path: String) {
    guard let file = fopen(path, "w") else { return }
    fputs(text, file)
    fclose(file)
  }

  @Test func `a file that is written or replaced has another stamp`() throws {
    var template = Array("/tmp/roost-stamp-XXXXXX".utf8CString)
    try #require(mkdtemp(&template) != nil)
    let folder = String(
      decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    let (path, other) = ("\(folder)/a", "\(folder)/b")
    defer {
      unlink(path)
      rmdir(folder)
    }
    #expect(FileStamp(of: path) == nil)
    Self.write("1", to: path)
    let first = try #require(FileStamp(of: path))
    #expect(FileStamp(of: path) == first)
    Self.write("22", to: path)
    let second = try #require(FileStamp(of: path))
    #expect(second != first)
    Self.write("22", to: other)
    rename(other, path)
    #expect(FileStamp(of: path) != second)
  }
}
