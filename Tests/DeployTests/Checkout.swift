// What these tests start: the files of the checkout as they are shipped, and the built program.

import Glibc
import RoostEventLoop
import TestSupport
import Testing

/// The checkout that this file was compiled in.
enum Checkout {
  /// Where it begins.
  static let root: String = {
    var path = Substring(#filePath)
    for _ in 0..<3 { path = path[..<(path.lastIndex(of: "/") ?? path.startIndex)] }
    return String(path)
  }()

  /// A file of it as text.
  static func text(_ path: String) throws -> String {
    let descriptor = open("\(root)/\(path)", O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw TestFailure("\(path): errno \(errno)") }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = read(descriptor, &buffer, buffer.count)
      guard count > 0 else { return String(decoding: bytes, as: UTF8.self) }
      bytes += buffer[..<count]
    }
  }

  /// The built program: beside the test bundle, or where the environment says.
  static func program() throws -> String {
    if let path = Environment["ROOST_TEST_BINARY"] ?? Environment["ROOST_TEST_ROOST"] {
      return path
    }
    var buffer = [CChar](repeating: 0, count: 4096)
    let count = readlink("/proc/self/exe", &buffer, buffer.count)
    try #require(count > 0)
    let own = String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    return own[..<(own.lastIndex(of: "/") ?? own.endIndex)] + "/roost"
  }
}

/// The programs of others that these tests start; nil where one is not installed.
enum Tool {
  static let haproxy = Environment["ROOST_TEST_HAPROXY"]
  static let nginx = Environment["ROOST_TEST_NGINX"]
  static let redis = Environment["ROOST_TEST_REDIS"]
  static let prometheus = Environment["ROOST_TEST_PROMETHEUS"]
  static let promtool = Environment["ROOST_TEST_PROMTOOL"]
  static let systemdAnalyze =
    access("/usr/bin/systemd-analyze", X_OK) == 0 ? "/usr/bin/systemd-analyze" : nil
  static let hadolint = Environment.besidePython("hadolint")
  static let compose = Environment.besidePython("docker-compose")

  static let isMissing: Comment = "it is not installed, or the tests were not begun by ops/test"

  /// What the scripts need: where Debian has its programs, and where this run has its own.
  static var environment: [String: String] {
    ["PATH": "\(Environment["PATH"] ?? "/usr/bin:/bin"):/usr/sbin:/sbin"]
  }

}

/// A folder that is gone, with what is in it, when the test has ended.
final class TemporaryFolder {
  let path: String

  init() throws {
    var template = Array("/tmp/roost-deploy-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw TestFailure("mkdtemp: errno \(errno)") }
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  deinit {
    _ = try? Subprocess("/bin/rm", ["-rf", path]).wait()
  }

  /// Writes a file into it; its path.
  func write(_ name: String, _ text: String) throws -> String {
    let file = "\(path)/\(name)"
    let descriptor = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw TestFailure("\(file): errno \(errno)") }
    defer { close(descriptor) }
    let bytes = Array(text.utf8)
    guard Glibc.write(descriptor, bytes, bytes.count) == bytes.count else {
      throw TestFailure("\(file): errno \(errno)")
    }
    return file
  }
}
