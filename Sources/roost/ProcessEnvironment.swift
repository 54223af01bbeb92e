// What the process was given: variables of the environment and files. Glibc only.

@preconcurrency import Glibc
import RoostEventLoop

/// Reads the process's surroundings.
enum ProcessEnvironment {
  /// More than any configuration file has; the loader refuses it from one byte above its own limit.
  private static let fileBytesMax = 2_097_152

  /// All variables; of a name that occurs twice, the first counts, as for getenv(3).
  ///
  /// For the main thread before others start: the C library does not guard the list.
  static func variables() -> [String: String] {
    var variables: [String: String] = [:]
    var entry = environ
    while let pointer = entry.pointee {
      let text = String(cString: pointer)
      entry += 1
      guard let equals = text.firstIndex(of: "=") else { continue }
      let name = String(text[..<equals])
      if variables[name] == nil { variables[name] = String(text[text.index(after: equals)...]) }
    }
    return variables
  }

  /// The path of the program that runs, for commands that start nodes.
  static var program: String {
    var bytes = [CChar](repeating: 0, count: 4096)
    let count = readlink("/proc/self/exe", &bytes, bytes.count)
    guard count > 0 else { return CommandLine.arguments[0] }
    return String(decoding: bytes[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// Reads a file whole; of one that is far too large, only the beginning.
  static func contents(of path: String) -> Result<[UInt8], Errno> {
    let number = open(path, O_RDONLY | O_CLOEXEC)
    guard number >= 0 else { return .failure(Errno(code: errno)) }
    let descriptor = Descriptor(taking: number)
    return contents(of: descriptor.number)
  }

  /// Reads the standard input to its end; of one that is far too long, only the beginning.
  static func standardInput() -> Result<[UInt8], Errno> { contents(of: 0) }

  private static func contents(of number: Int32) -> Result<[UInt8], Errno> {
    var content: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while content.count <= fileBytesMax {
      let count = Glibc.read(number, &buffer, buffer.count)
      if count < 0 {
        if errno == EINTR { continue }
        return .failure(Errno(code: errno))
      }
      if count == 0 { break }
      content.append(contentsOf: buffer[..<count])
    }
    return .success(content)
  }
}
