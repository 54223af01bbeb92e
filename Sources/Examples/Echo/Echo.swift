// The smallest service: whatever is said in a room is said again.
//
//   EchoExample ws://127.0.0.1:8080/ws?user=echo [ROOM]

import Glibc
import RoostClient

@main struct Echo {
  static func main() async throws {
    let words = CommandLine.arguments
    let client = try Client(url: words.count > 1 ? words[1] : "ws://127.0.0.1:8080/ws?user=echo")
    client.connect()
    let room = try await client.join(words.count > 2 ? words[2] : "echo")
    puts("listening in \(room.name)")
    fflush(nil)
    for await event in room.events {
      guard case .message(let message) = event, let said = message.json?["say"] else { continue }
      try await room.publish(["echo": said])
    }
  }
}
