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

  /// Found by fuzzing: the end of the connection made the one that was dialled beside it the only one,
  /// whose time was over, too, and had been looked at before.
  @Test func `a silent connection and the one dialled beside it may be given up at one moment`() {
    var machine = ClientMachine(
      ClientMachineOptions(hasTokenProvider: false),
      ClientRandomness(fraction: { 0.5 }, key: { "key" }))
    var now = MonotonicInstant(nanoseconds: 1_000_000_000)
    machine.connect(now: now)
    for text in [
      #"{"type":"welcome","connection":"c","node":"n","ping_ms":2000}"#,
      #"{"type":"draining","reconnect_after_ms":3000,"ticket":"t"}"#,
    ] {
      let bytes = Array(text.utf8)
      machine.received(1, text: bytes.span, now: now)
    }
    // Now a ping is sent, and the next connection is dialled.
    now = now.advanced(by: .seconds(3))
    machine.fire(now: now)
    #expect(machine.socketCount == 2)
    now = now.advanced(by: .seconds(10))
    machine.fire(now: now)
    #expect(machine.socketCount == 0)
    #expect(machine.nextDeadline.map { $0 > now } == true, "\(now)")
  }
}
