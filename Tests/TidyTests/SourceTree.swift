// The checkout as the tests of this target read it: found from where this file was compiled, and
// read with the C library only.

import Glibc

/// A text file of the checkout.
struct SourceFile: Sendable {
  /// From the checkout's root on, without a leading slash.
  let path: String
  /// The whole file.
  let bytes: [UInt8]

  /// The file as text.
  var text: String { String(decoding: bytes, as: UTF8.self) }

  /// The lines without their line feeds.
  var lines: [String] {
    bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
      .map { String(decoding: $0, as: UTF8.self) }
  }

  /// A file that exists in a test only.
  init(_ path: String, _ text: String) {
    self.init(path: path, bytes: Array(text.utf8))
  }

  init(path: String, bytes: [UInt8]) {
    self.path = path
    self.bytes = bytes
  }

  /// The number of the line, from 1, in which a byte stands.
  func line(at offset: Int) -> Int {
    1 + bytes[..<offset].count { $0 == UInt8(ascii: "\n") }
  }
}

/// Reads the checkout.
enum SourceTree {
  /// Where the checkout begins; without symbolic links.
  static let root: String = {
    var folder = resolved(#filePath)
    for _ in 0..<3 { folder = String(folder[..<(folder.lastIndex(of: "/") ?? folder.startIndex)]) }
    return folder
  }()

  /// What building and the tests leave behind, and what is not ours.
  private static func isForeign(_ name: String) -> Bool {
    name == ".git" || name == ".venv" || name == "output" || name == "__pycache__"
      || name.hasPrefix(".build")
  }

  /// All regular files below a folder whose names end so, in the order of their paths.
  ///
  /// Those that are not UTF-8 are left out.
  static func files(under folder: String, endingIn suffix: String = "") -> [SourceFile] {
    paths(under: folder)
      .filter { $0.hasSuffix(suffix) }
      .compactMap { path in
        guard let bytes = content(of: path), String(validating: bytes, as: UTF8.self) != nil else {
          return nil
        }
        return SourceFile(path: path, bytes: bytes)
      }
  }

  /// One file; empty when it is not there.
  static func file(_ path: String) -> SourceFile {
    SourceFile(path: path, bytes: content(of: path) ?? [])
  }

  /// The names in a folder, without `.` and `..`.
  static func names(in folder: String) -> [String] {
    guard let stream = opendir(absolute(folder)) else { return [] }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { field in
        String(decoding: field.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names.sorted()
  }

  /// Whether there is a folder with that path.
  static func isFolder(_ path: String) -> Bool {
    var status = stat()
    return stat(absolute(path), &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }

  /// Whether there is anything with that path.
  static func exists(_ path: String) -> Bool { access(absolute(path), F_OK) == 0 }

  /// Whether there is a file with that path that may be executed.
  static func isExecutable(_ path: String) -> Bool {
    !isFolder(path) && access(absolute(path), X_OK) == 0
  }

  private static func paths(under folder: String) -> [String] {
    var paths: [String] = []
    for name in names(in: folder) where !isForeign(name) {
      let path = folder.isEmpty ? name : "\(folder)/\(name)"
      paths += isFolder(path) ? self.paths(under: path) : [path]
    }
    return paths
  }

  private static func absolute(_ path: String) -> String { path.isEmpty ? root : "\(root)/\(path)" }

  private static func resolved(_ path: String) -> String {
    guard let real = realpath(path, nil) else { return path }
    defer { free(real) }
    return String(cString: real)
  }

  private static func content(of path: String) -> [UInt8]? {
    guard let stream = fopen(absolute(path), "r") else { return nil }
    defer { fclose(stream) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = fread(&buffer, 1, buffer.count, stream)
      guard count > 0 else { return bytes }
      bytes.append(contentsOf: buffer[..<count])
    }
  }
}
