import RoostRooms
import Testing

struct RoomNameTests {
  static func violation(in bytes: [UInt8]) -> RoomNameViolation? {
    do {
      let name = try RoomName(bytes)
      #expect(name.bytes == bytes)
      return nil
    } catch {
      return error
    }
  }

  @Test(
    arguments: [
      "a", "lobby", "chat:lobby", "user:ann", "a/b?c#d%20{}*[]\\\"'", "~!", "é", "e\u{301}", "日本",
      "\u{1F600}", "\u{10FFFF}",
      // Neither control nor white: zero width, soft hyphen, byte order mark, private use.
      "a\u{200B}", "a\u{AD}", "\u{FEFF}a", "\u{E000}",
    ])
  func `what is neither control nor white is a name`(name: String) throws {
    let room = try RoomName(Array(name.utf8))
    #expect(room.bytes == Array(name.utf8))
    #expect(Array(room.description.utf8) == room.bytes)
    #expect(RoomName(text: name) == room)
  }

  @Test(arguments: [1, 2, 254, 255])
  func `a name has up to 255 bytes`(count: Int) {
    #expect(Self.violation(in: Array(repeating: 0x61, count: count)) == nil)
  }

  @Test func `no bytes, and more than 255, are no name`() {
    #expect(Self.violation(in: []) == .empty)
    #expect(Self.violation(in: Array(repeating: 0x61, count: 256)) == .tooLong)
    #expect(Self.violation(in: Array(repeating: 0xFF, count: 100_000)) == .tooLong)
    // Letters of two bytes: 127 of them and one of one byte are 255.
    let letters = Array(String(repeating: "é", count: 127).utf8)
    #expect(Self.violation(in: letters + [0x61]) == nil)
    #expect(Self.violation(in: letters + Array("é".utf8)) == .tooLong)
  }

  @Test func `every control character is refused, wherever it stands`() {
    let values: [UInt8] = Array(0...0x1F) + [0x7F] + Array(0x80...0x9F)
    let controls = values.map { Unicode.Scalar($0) }
    for control in controls {
      let bytes = Array(String(control).utf8)
      #expect(Self.violation(in: bytes) == .controlCharacter(at: 0), "\(control.value)")
      #expect(
        Self.violation(in: Array("aé".utf8) + bytes + [0x62]) == .controlCharacter(at: 3),
        "\(control.value)")
    }
    #expect(controls.count == 65)
  }

  @Test(
    arguments: [
      0x20, 0xA0, 0x1680, 0x2000, 0x2001, 0x2002, 0x2003, 0x2004, 0x2005, 0x2006, 0x2007, 0x2008,
      0x2009, 0x200A, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000,
    ] as [UInt32])
  func `all white space of Unicode is refused, wherever it stands`(value: UInt32) throws {
    let space = Array(String(try #require(Unicode.Scalar(value))).utf8)
    #expect(Self.violation(in: space) == .whiteSpace(at: 0))
    #expect(Self.violation(in: Array("日".utf8) + space + [0x61]) == .whiteSpace(at: 3))
    #expect(Self.violation(in: [0x61] + space) == .whiteSpace(at: 1))
  }

  @Test(
    arguments: [
      [0x80], [0xFF], [0xC3], [0xC3, 0x28], [0xC0, 0xAF], [0xC1, 0xBF], [0xE0, 0x80, 0xAF],
      [0xE2, 0x82], [0xED, 0xA0, 0x80], [0xED, 0xBF, 0xBF], [0xF0, 0x80, 0x80, 0xAF],
      [0xF4, 0x90, 0x80, 0x80], [0xF8, 0x88, 0x80, 0x80, 0x80],
    ] as [[UInt8]])
  func `what is not UTF-8 is no name, alone and among letters`(bytes: [UInt8]) {
    #expect(Self.violation(in: bytes) == .invalidUTF8)
    #expect(Self.violation(in: [0x61] + bytes) == .invalidUTF8)
    #expect(Self.violation(in: bytes + [0x61]) == .invalidUTF8)
  }

  // Swift's strings are equal when they look alike; two rooms are one when their bytes are.
  @Test func `names that look alike are different rooms`() throws {
    let composed = try RoomName(Array("é".utf8))
    let decomposed = try RoomName(Array("e\u{301}".utf8))
    #expect(composed.description == decomposed.description)
    #expect(composed != decomposed)
    #expect(Set([composed, decomposed]).count == 2)
    #expect(try RoomName(Array("é".utf8)) == composed)
    #expect(try RoomName(Array("é".utf8)).hashValue == composed.hashValue)
  }

  @Test(
    arguments: [
      ("lobby", ""), ("chat:lobby", "chat"), ("chat:", "chat"), (":lobby", ""), (":", ""),
      ("a:b:c", "a"), ("user:ann", "user"), ("日本:x", "日本"),
    ])
  func `the part before the first colon is the namespace`(name: String, namespace: String) throws {
    #expect(try RoomName(Array(name.utf8)).namespace == namespace)
  }

  @Test(
    arguments: [
      ("user:ann", true), ("user:", true), ("user:a:b", true), ("user", false),
      ("users:ann", false),
      ("User:ann", false), ("xuser:ann", false), ("use", false),
    ])
  func `rooms of users begin with their word and a colon`(name: String, isUserRoom: Bool) throws {
    #expect(try RoomName(Array(name.utf8)).isUserRoom == isUserRoom)
  }

  @Test(
    arguments: [
      (.empty, "a room name has at least one byte"),
      (.tooLong, "a room name has at most 255 bytes"),
      (.invalidUTF8, "a room name is UTF-8"),
      (.controlCharacter(at: 3), "a control character stands at byte 3 of the room name"),
      (.whiteSpace(at: 0), "white space stands at byte 0 of the room name"),
    ] as [(RoomNameViolation, String)])
  func `each refusal says why`(violation: RoomNameViolation, reason: String) {
    #expect(violation.reason == reason)
  }

  @Test func `text that is no name makes none`() {
    #expect(RoomName(text: "") == nil)
    #expect(RoomName(text: "a b") == nil)
    #expect(RoomName(text: String(repeating: "a", count: 256)) == nil)
  }
}
