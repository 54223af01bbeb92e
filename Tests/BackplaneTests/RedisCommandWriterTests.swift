// Commands by their bytes.

import Backplane
import Testing

struct RedisCommandWriterTests {
  private func text(_ write: (inout [UInt8]) -> Void) -> String {
    var output = Array("before".utf8)
    write(&output)
    return String(decoding: output, as: UTF8.self)
  }

  @Test func `a command is an array of strings behind what was there`() {
    let written = text {
      RedisCommandWriter.begin(3, to: &$0)
      RedisCommandWriter.argument("SET", to: &$0)
      RedisCommandWriter.argument(text: "k\u{e9}y", to: &$0)
      RedisCommandWriter.argument([], to: &$0)
    }
    #expect(written == "before*3\r\n$3\r\nSET\r\n$4\r\nk\u{e9}y\r\n$0\r\n\r\n")
  }

  @Test func `bytes are written as they are from arrays, slices and spans`() {
    let bytes: [UInt8] = [0, 13, 10, 255]
    for write: (inout [UInt8]) -> Void in [
      { RedisCommandWriter.argument(bytes, to: &$0) },
      { RedisCommandWriter.argument(([1] + bytes + [2])[1...4], to: &$0) },
      { RedisCommandWriter.argument(bytes.span, to: &$0) },
    ] {
      var output: [UInt8] = []
      write(&output)
      #expect(output == Array("$4\r\n".utf8) + bytes + [13, 10])
    }
  }

  @Test(arguments: [
    (0, "$1\r\n0\r\n"), (9, "$1\r\n9\r\n"), (10, "$2\r\n10\r\n"), (-1, "$2\r\n-1\r\n"),
    (1_234_567_890, "$10\r\n1234567890\r\n"),
    (.max, "$19\r\n9223372036854775807\r\n"), (.min, "$20\r\n-9223372036854775808\r\n"),
  ])
  func `a number is written in decimal`(number: Int, expected: String) {
    #expect(text { RedisCommandWriter.argument(number, to: &$0) } == "before" + expected)
  }

  @Test func `the largest unsigned number is written in decimal`() {
    #expect(
      text { RedisCommandWriter.argument(UInt64.max, to: &$0) }
        == "before$20\r\n18446744073709551615\r\n")
  }

  @Test func `counts and lengths of two digits and more are written in full`() {
    let word = [UInt8](repeating: 0x61, count: 1234)
    let written = text {
      RedisCommandWriter.begin(100, to: &$0)
      RedisCommandWriter.argument(word, to: &$0)
    }
    #expect(
      written == "before*100\r\n$1234\r\n" + String(decoding: word, as: UTF8.self) + "\r\n")
  }

  @Test func `what is written is read back as an array of strings`() throws {
    var output: [UInt8] = []
    RedisCommandWriter.begin(2, to: &output)
    RedisCommandWriter.argument("PUBLISH", to: &output)
    RedisCommandWriter.argument(42, to: &output)
    var reader = RedisReplyReader(replyBytesMax: 100, tokensMax: 10)
    var reply = RedisReply()
    try reader.feed(output.span)
    try #require(try reader.next(into: &reply))
    #expect(RedisReplyReaderTests.show(reply) == "[$PUBLISH $42]")
  }
}
