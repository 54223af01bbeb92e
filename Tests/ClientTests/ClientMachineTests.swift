// The table of Tests/Behaviour, which roost.js runs, too.

import Glibc
import RoostEventLoop
import Testing

@testable import RoostClient

/// The scenarios' files.
enum BehaviourFiles {
  /// The directory, without a slash at its end.
  static let folder =
    #filePath.split(separator: "/").dropLast(2).reduce("") { $0 + "/" + $1 } + "/Behaviour"

  /// Their names, sorted.
  static let names: [String] = {
    guard let directory = opendir(folder) else { return [] }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name.hasSuffix(".json") { names.append(name) }
    }
    return names.sorted()
  }()

  static func scenario(_ name: String) throws -> PlainJSON {
    guard let bytes = Machine.bytes(of: "\(folder)/\(name)", bytesMax: 1 << 20) else {
      throw BehaviourFailure(description: "\(name) cannot be read")
    }
    return try PlainJSON(bytes)
  }
}

@Suite struct ClientMachineTests {
  @Test func `the table is there`() { #expect(BehaviourFiles.names.count >= 100) }

  @Test(arguments: BehaviourFiles.names)
  func `a client behaves as the table says`(name: String) throws {
    let scenario = try BehaviourFiles.scenario(name)
    #expect(throws: Never.self, "\(scenario["name"]?.string ?? "")") {
      _ = try Behaviour.run(scenario)
    }
  }
}
