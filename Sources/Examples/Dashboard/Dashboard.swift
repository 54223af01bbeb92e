// A live dashboard: a back end posts figures to the server API, and whoever looks gets them at once.
//
//   DashboardExample ws://127.0.0.1:8080/ws?user=desk figures:shop
//   curl -d '{"name":"orders","value":17}' -H 'Content-Type: application/json' \
//     http://127.0.0.1:8081/v1/rooms/figures%3Ashop/messages

import Glibc
import RoostClient

@main struct Dashboard {
  static func main() async throws {
    let words = CommandLine.arguments
    let client = try Client(url: words.count > 1 ? words[1] : "ws://127.0.0.1:8080/ws?user=desk")
    client.connect()
    let room = try await client.join(words.count > 2 ? words[2] : "figures")
    var figures: [String: Double] = [:]
    draw("looking at \(room.name)")
    for await event in room.events {
      switch event {
      case .message(let message):
        guard let name = message.json?["name"]?.string, let value = message.json?["value"]?.double
        else { continue }
        figures[name] = value
      case .reset, .gap:
        // What is known may be old: better nothing than that.
        figures = [:]
      default: continue
      }
      draw(
        figures.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: " │ "))
    }
  }

  private static func draw(_ line: String) {
    puts(line)
    fflush(nil)
  }
}
