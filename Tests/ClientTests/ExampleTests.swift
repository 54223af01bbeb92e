// The examples of Sources/Examples, each as its user would run it, against a node in this process.

import Backplane
import Gateway
import Glibc
import RoostClient
import RoostEventLoop
import RoostRooms
import TestSupport
import Testing

extension ClientSocketTests {
  /// Starts an example, which stands beside the test bundle.
  private func start(_ name: String, _ arguments: [String]) throws -> Subprocess {
    var buffer = [CChar](repeating: 0, count: 4096)
    let count = readlink("/proc/self/exe", &buffer, buffer.count)
    guard count > 0 else { throw TestFailure("no path of this program") }
    let own = String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    let directory = own[..<(own.lastIndex(of: "/") ?? own.endIndex)]
    return try Subprocess("\(directory)/\(name)Example", arguments)
  }

  private func url(_ node: Node, _ user: String) -> String {
    "ws://\(node.address)/ws?user=\(user)"
  }

  /// Takes messages until one has this member.
  private func value(_ key: String, in room: Room) async -> JSONValue? {
    await next(room.events) { event -> JSONValue? in
      guard case .message(let message) = event else { return nil }
      return message.json?[key]
    }
  }

  @Test func `the echo says again what is said`() async throws {
    try await withNode(.withLog()) { node in
      let echo = try start("Echo", [url(node, "echo"), "plain:a"])
      #expect(try echo.line(within: .seconds(60)) == "listening in plain:a")
      let client = try Client(node.address)
      client.connect()
      let room = try await client.join("plain:a")
      try await room.publish(["say": [1, "two"]])
      #expect(await value("echo", in: room) == [1, "two"])
    }
  }

  @Test func `the chat shows what was said before and what is said now`() async throws {
    try await withNode(.withLog { $0.namespaces["log"]?.showsSender = true }) { node in
      let bert = try start("Chat", [url(node, "bert"), "log:a", "hello"])
      #expect(try bert.line(within: .seconds(60)) == "bert: hello")
      let ann = try start("Chat", [url(node, "ann"), "log:a", "hello, bert"])
      #expect(try ann.line(within: .seconds(60)) == "bert: hello")
      #expect(try ann.line(within: .seconds(60)) == "ann: hello, bert")
      #expect(try bert.line(within: .seconds(60)) == "ann: hello, bert")
    }
  }

  @Test func `the dashboard draws what a back end posts`() async throws {
    try await withNode(.withLog()) { node in
      let desk = try start("Dashboard", [url(node, "desk"), "log:figures"])
      #expect(try desk.line(within: .seconds(60)) == "looking at log:figures")
      let room = try #require(RoomName(text: "log:figures"))
      for text in [#"{"name":"orders","value":17}"#, #"{"name":"carts","value":2.5}"#] {
        _ = await node.answer(to: .publish(room, .json(Array(text.utf8)), key: nil))
      }
      #expect(try desk.line(within: .seconds(60)) == "orders 17.0")
      #expect(try desk.line(within: .seconds(60)) == "carts 2.5 │ orders 17.0")
    }
  }

  @Test func `the fleet reports in bytes`() async throws {
    try await withNode(.withLog()) { node in
      let fleet = try start("Fleet", ["ws://\(node.address)", "20", "log:fleet"])
      #expect(try fleet.line(within: .seconds(60)) == "20 devices, 2100 in all")
      #expect(try fleet.wait(within: .seconds(60)) == .exited(0))
    }
  }

  @Test func `the bot answers in its room and to who sends to it`() async throws {
    try await withNode(.withLog()) { node in
      let bot = try start("Bot", [url(node, "bot"), "plain:a"])
      #expect(try bot.line(within: .seconds(60)) == "the bot is in plain:a")
      let client = try Client(node.address, user: "ann")
      client.connect()
      let room = try await client.join("plain:a")
      try await room.publish(["text": "nothing for a bot"])
      try await room.publish(["text": "!add 1 2 39"])
      let answer = await next(room.events) { event -> String? in
        guard case .message(let message) = event, let text = message.json?["text"]?.string else {
          return nil
        }
        return text.hasPrefix("!") || text.hasPrefix("nothing") ? nil : text
      }
      #expect(answer == "42")
      try await client.send(nil, to: .user("bot"))
      for await event in client.events {
        guard case .direct(let data, _) = event else { continue }
        #expect(data["text"]?.string == "hello, ann")
        break
      }
    }
  }
}
