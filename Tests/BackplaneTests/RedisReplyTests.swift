// Questions to a parsed reply.

import Backplane
import Testing

struct RedisReplyTests {
  static func reply(_ text: String) throws -> RedisReply {
    var reader = RedisReplyReader(replyBytesMax: 1000, tokensMax: 100)
    var reply = RedisReply()
    try reader.feed(Array(text.utf8).span)
    try #require(try reader.next(into: &reply))
    return reply
  }

  @Test func `children are found in flat arrays and behind subtrees`() throws {
    let reply = try Self.reply("*4\r\n:0\r\n*2\r\n:2\r\n*1\r\n:4\r\n*0\r\n:6\r\n")
    #expect(reply.count == 8)
    #expect((0..<5).map { reply.child($0, of: 0) } == [1, 2, 6, 7, nil])
    #expect((0..<2).map { reply.child($0, of: 2) } == [3, 4])
    #expect(reply.child(0, of: 1) == nil)
    #expect(reply.child(-1, of: 0) == nil)
    #expect(reply.child(0, of: 6) == nil)
    #expect((0..<8).map { reply.next(after: $0) } == [8, 2, 6, 4, 6, 6, 7, 8])
    #expect((0..<8).map { reply.elementCount($0) } == [4, 0, 2, 0, 1, 0, 0, 0])
    #expect((0..<8).map { reply.integer($0) } == [4, 0, 2, 2, 1, 4, 0, 6])
  }

  @Test func `a token that is not there reads as nothing`() throws {
    let reply = try Self.reply("*1\r\n$1\r\na\r\n")
    #expect(reply.kind(2) == .null)
    #expect(reply.string(2) == "")
    #expect(reply.integer(2) == 0)
    #expect(reply.elementCount(2) == 0)
    #expect(reply.decimal(2) == nil)
    #expect(reply.kind(-1) == .null)
  }

  @Test func `bytes are given as a range, a copy and a text`() throws {
    let reply = try Self.reply("*4\r\n$3\r\na\0b\r\n+OK\r\n-ERR no\r\n:5\r\n")
    #expect((1...4).map { reply.range($0) } == [0..<3, 3..<5, 5..<11, 0..<0])
    #expect(reply.array(1) == [0x61, 0, 0x62])
    #expect(reply.string(2) == "OK")
    #expect(reply.array(4) == [])
    #expect((1...4).map { reply.kind($0) } == [.bulk, .status, .error, .integer])
  }

  @Test func `text is compared byte by byte`() throws {
    let reply = try Self.reply("*5\r\n$2\r\nOK\r\n+OK\r\n$0\r\n\r\n:0\r\n$-1\r\n")
    #expect(reply.equals(1, "OK"))
    #expect(reply.equals(2, "OK"))
    #expect(!reply.equals(1, "O"))
    #expect(!reply.equals(1, "OKK"))
    #expect(!reply.equals(1, "Ok"))
    #expect(reply.equals(3, ""))
    #expect(!reply.equals(4, ""))
    #expect(!reply.equals(5, ""))
    #expect(!reply.equals(0, ""))
  }

  @Test(
    arguments: [
      ("$1\r\n0\r\n", 0), ("$3\r\n007\r\n", 7), (":12\r\n", 12), ("+12\r\n", 12),
      ("$20\r\n18446744073709551615\r\n", .max), ("$20\r\n18446744073709551616\r\n", nil),
      ("$20\r\n99999999999999999999\r\n", nil), ("$0\r\n\r\n", nil), ("$2\r\n-1\r\n", nil),
      (":-1\r\n", nil), ("$2\r\n 1\r\n", nil), ("$3\r\n1.0\r\n", nil), ("$-1\r\n", nil),
      ("*1\r\n:1\r\n", nil),
    ] as [(String, UInt64?)])
  func `a decimal is digits that fit 64 bits`(text: String, value: UInt64?) throws {
    #expect(try Self.reply(text).decimal(0) == value)
  }

  @Test(
    arguments: [
      ("-NOSCRIPT No matching script\r\n", "NOSCRIPT"), ("-ERR\r\n", "ERR"), ("-\r\n", ""),
      ("+OK\r\n", nil), ("*1\r\n-ERR a\r\n", nil),
    ] as [(String, String?)])
  func `an error's code is its first word`(text: String, code: String?) throws {
    let reply = try Self.reply(text)
    #expect(reply.errorCode == code)
    #expect(reply.isError() == (code != nil))
  }

  @Test func `an error within an array is one of an element`() throws {
    let reply = try Self.reply("*1\r\n-MOVED 1 a:1\r\n")
    #expect(reply.errorCode(1) == "MOVED")
    #expect(reply.isError(1))
  }

  @Test func `no reply has no tokens`() {
    #expect(RedisReply().count == 0)
  }
}
