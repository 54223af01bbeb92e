// Names of rooms are anything that a client thinks of; none of them reaches another room's keys or
// those of the system.

import RoostRooms
import TestRandom
import Testing

@testable import Backplane

struct RedisNamesTests {
  static let names = RedisNames(prefix: "roost:", database: 0)

  static func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

  @Test(arguments: [
    ("lobby", "roost:{lobby}:log"), ("chat:1/a.b_c-d@e~f!", "roost:{chat:1/a.b_c-d@e~f!}:log"),
    ("}x", "roost:{%7Dx}:log"), ("a}:log", "roost:{a%7D:log}:log"), ("%7D", "roost:{%257D}:log"),
    ("sys:nodes", "roost:{sys:nodes}:log"), ("control", "roost:{control}:log"),
    ("*?[a]", "roost:{%2A%3F%5Ba%5D}:log"), ("\\", "roost:{%5C}:log"), ("é", "roost:{é}:log"),
  ])
  func `a room's key has its name escaped in a hash tag`(name: String, key: String) throws {
    #expect(Self.text(Self.names.key(try room(name), "log")) == key)
  }

  @Test(arguments: [
    "}x", "control", "sys:nodes", "a}:log", "%7D", "%", "{}", "lobby}:live", "\u{1F600}",
    String(repeating: "\u{E9}", count: 127),
  ])
  func `a channel leads back to its room`(name: String) throws {
    let room = try room(name)
    for names in [Self.names, RedisNames(prefix: "a:b:", database: 3)] {
      #expect(names.room(ofChannel: names.channel(room)[...]) == room)
    }
  }

  @Test func `the number of a database stands in channels and not in keys`() throws {
    let names = RedisNames(prefix: "x:", database: 3)
    #expect(Self.text(names.channel(try room("a"))) == "x:3:{a}:live")
    #expect(Self.text(names.key(try room("a"), "meta")) == "x:{a}:meta")
    #expect(Self.text(names.systemChannel("probe")) == "x:3:sys:probe")
    #expect(Self.text(names.lease("n~1")) == "x:sys:node:n~1")
    #expect(names.room(ofChannel: Self.names.channel(try room("a"))[...]) == nil)
  }

  @Test(arguments: [
    "", "roost:", "roost:{}:live", "roost:{a}:log", "roost:{a}:live ", "roost:{a b}:live",
    "roost:{%}:live", "roost:{%7}:live", "roost:{%7d}:live", "roost:{%41}:live", "roost:{a}",
    "other:{a}:live", "roost:{a}}:live", "roost:sys:{control}", "roost:sys:node:x:in",
    "roost:{:live",
    "roost:{%00}:live", "roost:}:live",
  ])
  func `what is no room's channel is none`(channel: String) {
    #expect(Self.names.room(ofChannel: Array(channel.utf8)[...]) == nil)
  }

  @Test(arguments: ["a b", "a{", "a}", "a*", "a?", "[", "]", "\\", "%", "", "é", "\n"])
  func `a prefix that Redis or a pattern would read otherwise is refused`(prefix: String) {
    #expect(RedisNames.violation(inPrefix: prefix) != nil)
  }

  @Test func `a prefix has at most 64 bytes`() {
    #expect(RedisNames.violation(inPrefix: String(repeating: "a", count: 64)) == nil)
    #expect(RedisNames.violation(inPrefix: String(repeating: "a", count: 65)) != nil)
  }

  @Test func `any bytes are the same after escaping and back, and no two escape alike`() {
    var generator = SeededGenerator.make()
    let comment: Comment = "\(generator)"
    var seen: [[UInt8]: [UInt8]] = [:]
    for _ in 0..<2000 {
      let count = Int.random(in: 0...20, using: &generator)
      let bytes = (0..<count).map { _ -> UInt8 in
        Bool.random(using: &generator)
          ? .random(in: 0...255, using: &generator)
          : Array("%7D{}a".utf8)[Int.random(in: 0..<6, using: &generator)]
      }
      var escaped: [UInt8] = []
      RedisNames.escape(bytes, to: &escaped)
      #expect(RedisNames.unescaped(escaped[...]) == bytes, comment)
      #expect(!escaped.contains { "{}*?[] ".utf8.contains($0) }, comment)
      #expect(seen.updateValue(bytes, forKey: escaped) ?? bytes == bytes, comment)
    }
  }
}
