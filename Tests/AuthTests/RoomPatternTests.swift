// The table of patterns, random patterns against a matcher that is slow and plain, and the pattern
// that makes a careless matcher hang.

import Auth
import RoostRooms
import TestRandom
import Testing

struct RoomPatternTests {
  @Test(
    arguments: [
      ("lobby", ["lobby"], ["lobb", "lobbyy", "", "Lobby", "a:lobby"]),
      ("*", ["lobby", "a:b", "*", ""], []),
      (
        "chat:*", ["chat:", "chat:lobby", "chat:a:b", "chat:*"],
        ["chat", "chatter", "Chat:lobby", "xchat:a"]
      ),
      ("*:lobby", ["chat:lobby", ":lobby", "a:b:lobby"], ["lobby", "chat:lobby2"]),
      (
        "chat:*:admin", ["chat::admin", "chat:a:admin", "chat:a:b:admin"],
        ["chat:admin", "chat:a:adminx"]
      ),
      ("a*a", ["aa", "aba", "aaa"], ["a", "ab", "ba"]),
      ("a**b", ["ab", "axb"], ["a", "b", "ba"]),
      ("*a*", ["a", "bab", "aa"], ["", "b"]),
      ("*ab*ba*", ["abba", "xabxbax", "ababa"], ["aba", "bab", "baab"]),
      ("*aab*", ["aaab", "xaaaab"], ["ab", "abab"]),
      ("é*", ["é", "éa"], ["e\u{301}", "e"]),
    ] as [(String, [String], [String])])
  func `a star stands for any run of bytes and nothing else for anything but itself`(
    pattern: String, fitting: [String], others: [String]
  ) throws {
    let made = try #require(RoomPattern(Array(pattern.utf8)))
    for name in fitting { #expect(made.matches(Array(name.utf8)), "\(name)") }
    for name in others { #expect(!made.matches(Array(name.utf8)), "\(name)") }
  }

  @Test(arguments: [(0, false), (1, true), (255, true), (256, false)])
  func `a pattern has 1 to 255 bytes`(count: Int, isAccepted: Bool) {
    #expect((RoomPattern([UInt8](repeating: 0x61, count: count)) != nil) == isAccepted)
  }

  @Test func `random patterns match as a plain matcher says`() {
    var random = SeededGenerator.make()
    for _ in 0..<20_000 {
      let pattern = (0..<Int.random(in: 1...8, using: &random)).map { _ in
        Array("ab*".utf8)[Int.random(in: 0..<3, using: &random)]
      }
      let name = (0..<Int.random(in: 0...12, using: &random)).map { _ in
        Array("ab".utf8)[Int.random(in: 0..<2, using: &random)]
      }
      let isMatch = RoomPattern(pattern)?.matches(name)
      #expect(
        isMatch == Self.plain(pattern[...], name[...]),
        "\(random)")
    }
  }

  private static func plain(_ pattern: ArraySlice<UInt8>, _ name: ArraySlice<UInt8>) -> Bool {
    guard let first = pattern.first else { return name.isEmpty }
    if first == UInt8(ascii: "*") {
      return plain(pattern.dropFirst(), name) || (!name.isEmpty && plain(pattern, name.dropFirst()))
    }
    return name.first == first && plain(pattern.dropFirst(), name.dropFirst())
  }

  // A matcher that tries every place for every star needs longer than the age of the world for it.
  @Test func `many stars do not make matching slow`() throws {
    let pattern = try #require(RoomPattern(Array(String(repeating: "*a", count: 127).utf8)))
    let name = [UInt8](repeating: UInt8(ascii: "a"), count: 254) + [UInt8(ascii: "b")]
    for _ in 0..<1000 { #expect(!pattern.matches(name)) }
  }
}
