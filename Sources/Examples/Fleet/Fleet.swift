// A fleet of devices that report in few bytes, on one thread, and who watches them. A reading is four
// bytes of device and four of a value, big-endian: a binary message has no JSON around it.
//
//   FleetExample ws://127.0.0.1:8080/ws [DEVICES] [ROOM]

import Glibc
import RoostClient

/// A reading in eight bytes.
struct Reading: Equatable {
  let device: UInt32
  let value: UInt32

  var bytes: [UInt8] {
    [device, value].flatMap { number in
      [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: number >> $0) }
    }
  }

  init(device: UInt32, value: UInt32) {
    self.device = device
    self.value = value
  }

  init?(_ bytes: [UInt8]) {
    guard bytes.count == 8 else { return nil }
    device = bytes[..<4].reduce(0) { $0 << 8 | UInt32($1) }
    value = bytes[4...].reduce(0) { $0 << 8 | UInt32($1) }
  }
}

@main struct Fleet {
  static func main() async throws {
    let words = CommandLine.arguments
    let url = words.count > 1 ? words[1] : "ws://127.0.0.1:8080/ws"
    let count = words.count > 2 ? UInt32(words[2]) ?? 10 : 10
    let name = words.count > 3 ? words[3] : "fleet"
    let loop = try ClientLoop()
    let watcher = try Client(url: url, loop: loop)
    watcher.connect()
    let room = try await watcher.join(name)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for device in 1...max(count, 1) {
        group.addTask {
          let client = try Client(url: url, loop: loop)
          client.connect()
          let seat = try await client.join(name)
          try await seat.publish(bytes: Reading(device: device, value: device * 10).bytes)
          // Answered behind the reading: it has arrived.
          try await seat.publish(["device": JSONValue(Int(device)), "done": true])
          client.close()
        }
      }
      try await group.waitForAll()
    }
    var values: [UInt32: UInt32] = [:]
    for await event in room.events {
      guard case .message(let message) = event, let reading = message.bytes.flatMap(Reading.init)
      else { continue }
      values[reading.device] = reading.value
      if values.count == Int(max(count, 1)) { break }
    }
    puts("\(values.count) devices, \(values.values.reduce(0, +)) in all")
    fflush(nil)
    loop.stop()
  }
}
