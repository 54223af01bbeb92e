// The reader of replies: every type of RESP2 whole and in pieces, what is refused, and bounds.

import Backplane
import TestRandom
import TestSupport
import Testing

struct RedisReplyReaderTests {
  /// A reply in brackets as the tests write it: `[+OK :1 $bytes ~ -ERR]`.
  static func show(_ reply: RedisReply, _ token: Int = 0) -> String {
    switch reply.kind(token) {
    case .status: return "+\(reply.string(token))"
    case .error: return "-\(reply.string(token))"
    case .integer: return ":\(reply.integer(token))"
    case .bulk: return "$\(reply.string(token))"
    case .null: return "~"
    case .array:
      let elements = (0..<reply.elementCount(token)).map { index in
        reply.child(index, of: token).map { show(reply, $0) } ?? "?"
      }
      return "[\(elements.joined(separator: " "))]"
    }
  }

  /// All replies that come when the text is fed in these pieces.
  static func read(
    _ pieces: [ArraySlice<UInt8>], replyBytesMax: Int = 1000, tokensMax: Int = 100
  ) throws -> [String] {
    var reader = RedisReplyReader(replyBytesMax: replyBytesMax, tokensMax: tokensMax)
    var reply = RedisReply()
    var shown: [String] = []
    for piece in pieces {
      try reader.feed(piece.span)
      while try reader.next(into: &reply) { shown.append(show(reply)) }
    }
    return shown
  }

  @Test func `hiredis is of the version that is to be tested`() {
    let version = RedisReplyReader.hiredisVersion
    #expect(version.split(separator: ".").compactMap { Int($0) }.count == 3)
    if let expected = Environment["ROOST_TEST_HIREDIS"] {
      #expect(version == expected)
    }
  }

  static func read(
    _ text: String, replyBytesMax: Int = 1000, tokensMax: Int = 100
  ) throws -> [String] {
    try read([Array(text.utf8)[...]], replyBytesMax: replyBytesMax, tokensMax: tokensMax)
  }

  static let replies: [(text: String, shown: [String])] = [
    ("+OK\r\n", ["+OK"]),
    ("+\r\n", ["+"]),
    ("-NOSCRIPT No matching script.\r\n", ["-NOSCRIPT No matching script."]),
    (":0\r\n", [":0"]),
    (":-9223372036854775808\r\n", [":-9223372036854775808"]),
    (":9223372036854775807\r\n", [":9223372036854775807"]),
    ("$0\r\n\r\n", ["$"]),
    ("$-1\r\n", ["~"]),
    ("$4\r\n\r\n\r\n\r\n", ["$\r\n\r\n"]),
    ("*0\r\n", ["[]"]),
    ("*-1\r\n", ["~"]),
    (
      "*3\r\n$7\r\nmessage\r\n$4\r\nroom\r\n$5\r\nhello\r\n", ["[$message $room $hello]"]
    ),
    (
      "*4\r\n*2\r\n:1\r\n*0\r\n$-1\r\n*1\r\n*1\r\n-ERR a\r\n+b\r\n",
      ["[[:1 []] ~ [[-ERR a]] +b]"]
    ),
    (
      "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:8\r\n", ["[[[[[[[[:8]]]]]]]]"]
    ),
    ("+a\r\n:1\r\n$1\r\nb\r\n", ["+a", ":1", "$b"]),
  ]

  @Test(arguments: replies)
  func `a reply split at any two bytes reads alike`(text: String, shown: [String]) throws {
    let bytes = Array(text.utf8)
    #expect(try Self.read([bytes[...]]) == shown)
    for first in 0...bytes.count {
      for second in first...bytes.count {
        let pieces = [bytes[..<first], bytes[first..<second], bytes[second...]]
        try #require(try Self.read(pieces) == shown, "split at \(first) and \(second)")
      }
    }
    #expect(try Self.read(bytes.indices.map { bytes[$0...$0] }) == shown)
  }

  @Test(arguments: [
    "hello\r\n", "\r\n", "\0\r\n", "?1\r\n",
    "$-2\r\n", "$x\r\n", "$1x\r\na\r\n", "$99999999999999999999\r\n", "$-9223372036854775808\r\n",
    "*-2\r\n", "*x\r\n", "*4294967296\r\n", "*9223372036854775807\r\n", "*101\r\n",
    ":\r\n", ":x\r\n", ":1.5\r\n", ":9223372036854775808\r\n",
    "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:9\r\n",
    // RESP3, of which hiredis 1.x knows all types.
    "_\r\n", "#t\r\n", ",1.5\r\n", "(12345678901234567890\r\n", "=5\r\ntxt:a\r\n",
    "%1\r\n+a\r\n:1\r\n", "~1\r\n:1\r\n", ">1\r\n:1\r\n", "|1\r\n+a\r\n:1\r\n:2\r\n",
    "!3\r\nERR\r\n",
    "*1\r\n_\r\n", "*2\r\n:1\r\n%1\r\n+a\r\n:1\r\n",
  ])
  func `what is not RESP2 or over a bound is a violation`(text: String) throws {
    #expect(throws: RedisProtocolViolation.self) { try Self.read(text) }
    let bytes = Array(text.utf8)
    #expect(throws: RedisProtocolViolation.self) {
      try Self.read(bytes.indices.map { bytes[$0...$0] })
    }
  }

  @Test func `a violation says why, and stays`() throws {
    var reader = RedisReplyReader(replyBytesMax: 10, tokensMax: 3)
    var reply = RedisReply()
    try reader.feed(Array("+OK\r\n*3\r\n+OK\r\n".utf8).span)
    #expect(try reader.next(into: &reply))
    var told: [String] = []
    for _ in 0..<2 {
      do {
        _ = try reader.next(into: &reply)
      } catch {
        told.append(error.description)
      }
      do {
        try reader.feed(Array("+OK\r\n".utf8).span)
      } catch {
        told.append(error.description)
      }
    }
    #expect(told == Array(repeating: "a reply has too many elements", count: 4))
    #expect(Self.show(reply) == "+OK")
  }

  @Test(arguments: [(99, true), (100, true), (101, false)])
  func `strings of one reply are bounded together`(count: Int, fits: Bool) throws {
    let first = String(repeating: "a", count: 40)
    let second = String(repeating: "b", count: count - 40)
    let text = "*2\r\n$40\r\n\(first)\r\n$\(count - 40)\r\n\(second)\r\n"
    if fits {
      #expect(try Self.read(text + text, replyBytesMax: 100).count == 2)
    } else {
      #expect(throws: RedisProtocolViolation(description: "a reply is too long")) {
        try Self.read(text, replyBytesMax: 100)
      }
    }
  }

  @Test(arguments: [(2, true), (3, true), (4, false)])
  func `tokens of one reply are bounded together`(elements: Int, fits: Bool) throws {
    let text = "*1\r\n*\(elements - 2)\r\n" + String(repeating: ":1\r\n", count: elements - 2)
    if fits {
      #expect(try Self.read(text + text, tokensMax: 3).count == 2)
    } else {
      #expect(throws: RedisProtocolViolation(description: "a reply has too many elements")) {
        try Self.read(text, tokensMax: 3)
      }
    }
  }

  @Test func `a string that never ends is refused while it comes`() throws {
    for start in ["$1000000000\r\n", "+", "*5\r\n$"] {
      var reader = RedisReplyReader(replyBytesMax: 10_000, tokensMax: 10)
      var reply = RedisReply()
      try reader.feed(Array(start.utf8).span)
      var fed = 0
      #expect(throws: RedisProtocolViolation.self, "\(start)") {
        while fed < 1_000_000 {
          try reader.feed(Array(repeating: UInt8(ascii: "1"), count: 1000).span)
          fed += 1000
          _ = try reader.next(into: &reply)
        }
      }
      #expect(fed == 11_000, "\(start)")
    }
  }

  @Test func `a pipelined megabyte comes out as it went in`() throws {
    var reader = RedisReplyReader(replyBytesMax: 1 << 20, tokensMax: 100)
    var reply = RedisReply()
    var generator = SeededGenerator.make()
    let strings = (0..<2000).map { number in
      String(repeating: "\(number % 10)", count: Int.random(in: 0...1200, using: &generator))
    }
    let text = strings.map { "$\($0.utf8.count)\r\n\($0)\r\n" }.joined()
    try reader.feed(Array(text.utf8).span)
    #expect(reader.waitingBytes == text.utf8.count)
    for string in strings {
      try #require(try reader.next(into: &reply))
      try #require(reply.string(0) == string, "\(generator)")
    }
    #expect(try reader.next(into: &reply) == false)
    #expect(reader.waitingBytes == 0)
  }

  @Test func `a long reply between short ones leaves nothing behind`() throws {
    var reader = RedisReplyReader(replyBytesMax: 1 << 22, tokensMax: 100_000)
    var reply = RedisReply()
    let long = String(repeating: "x", count: 3_000_000)
    let wide = "*50000\r\n" + String(repeating: ":7\r\n", count: 50_000)
    for text in ["+a\r\n", "$3000000\r\n\(long)\r\n", "+b\r\n", wide, "+c\r\n"] {
      try reader.feed(Array(text.utf8).span)
      try #require(try reader.next(into: &reply))
    }
    #expect(Self.show(reply) == "+c")
    #expect(reply.count == 1)
    #expect(reply.storage == [UInt8(ascii: "c")])
    #expect(reply.storage.capacity <= 262_144)
  }
}
