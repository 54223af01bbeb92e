// A chat in a terminal: lines that are typed are said, what others say is shown, with what was said
// before. It stays over restarts of the server and misses nothing.
//
//   ChatExample ws://127.0.0.1:8080/ws?user=ann ROOM [LINE ...]     says the lines, then listens

import Glibc
import RoostClient

@main struct Chat {
  static func main() async throws {
    let words = CommandLine.arguments
    guard words.count > 2 else {
      show("usage: ChatExample URL ROOM [LINE ...]")
      exit(2)
    }
    let client = try Client(url: words[1])
    client.connect()
    let room = try await client.join(words[2])
    if let page = try? await room.history(limit: 20, reverse: true) {
      for message in page.messages.reversed() { show(message) }
    }
    let talking = Task.detached {
      for line in words.dropFirst(3) { try await room.publish(["text": JSONValue(line)]) }
      // A thread of its own: reading from a terminal blocks.
      while let line = readLine() { try await room.publish(["text": JSONValue(line)]) }
    }
    for await event in room.events {
      switch event {
      case .message(let message): show(message)
      case .joined(let member): show("* \(member.user ?? "somebody") came")
      case .left(let member): show("* \(member.user ?? "somebody") went")
      case .gap: show("* something may be missing here")
      case .reset: show("* what was said meanwhile is gone")
      case .entered(_, let recovered?): show("* connected again\(recovered ? "" : ", not whole")")
      default: break
      }
    }
    talking.cancel()
  }

  private static func show(_ message: RoomMessage) {
    let text = message.json?["text"]?.string ?? message.json?.description ?? "…"
    show("\(message.sender?.user ?? "somebody"): \(text)")
  }

  private static func show(_ line: String) {
    puts(line)
    fflush(nil)
  }
}
