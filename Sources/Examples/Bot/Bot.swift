// A bot: it stands in a room, answers what is meant for it, and greets who sends to it directly.
//
//   BotExample ws://127.0.0.1:8080/ws?user=bot [ROOM]

import Glibc
import RoostClient

@main struct Bot {
  static func main() async throws {
    let words = CommandLine.arguments
    let client = try Client(url: words.count > 1 ? words[1] : "ws://127.0.0.1:8080/ws?user=bot")
    client.connect()
    let room = try await client.join(words.count > 2 ? words[2] : "lobby")
    puts("the bot is in \(room.name)")
    fflush(nil)
    async let greeting: Void = greet(client)
    for await event in room.events {
      guard case .message(let message) = event, let text = message.json?["text"]?.string,
        let answer = answer(to: text)
      else { continue }
      try await room.publish(["text": JSONValue(answer)])
    }
    await greeting
  }

  /// What the bot says to a line; nil for what is not meant for it.
  private static func answer(to line: String) -> String? {
    guard line.hasPrefix("!") else { return nil }
    let words = line.dropFirst().split(separator: " ")
    switch words.first {
    case "add": return "\(words.dropFirst().compactMap { Int($0) }.reduce(0) { $0 &+ $1 })"
    case "say": return words.dropFirst().joined(separator: " ")
    default: return "I know !add and !say"
    }
  }

  private static func greet(_ client: Client) async {
    for await event in client.events {
      guard case .direct(_, let sender?) = event else { continue }
      _ = try? await client.send(
        ["text": JSONValue("hello, \(sender.user ?? "you")")], to: .connection(sender.connection))
    }
  }
}
