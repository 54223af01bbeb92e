// Bodies by length and by chunks: every split, every limit, and what smugglers do to chunks.

import RoostHTTP
import TestRandom
import Testing

@Suite struct BodyDecoderTests {
  /// What became of a body that came in the given pieces.
  struct Outcome: Equatable {
    var body: [UInt8] = []
    var isComplete = false
    /// Bytes left to the next request.
    var left = 0
  }

  private func decode(
    _ framing: RequestBody, _ pieces: [[UInt8]], bytesMax: Int = 1_000
  ) throws(HTTPViolation) -> Outcome {
    var decoder = BodyDecoder(body: framing, bytesMax: bytesMax)
    var outcome = Outcome()
    for piece in pieces {
      var offset = 0
      if try decoder.decode(piece.span, from: &offset, into: &outcome.body) == .complete {
        outcome.isComplete = true
        outcome.left += piece.count - offset
      } else {
        #expect(offset == piece.count)
      }
    }
    return outcome
  }

  private func violation(
    _ text: [UInt8], split: Int, bytesMax: Int = 1_000
  ) -> HTTPViolation? {
    do {
      _ = try decode(.chunked, [Array(text[..<split]), Array(text[split...])], bytesMax: bytesMax)
      return nil
    } catch {
      return error
    }
  }

  @Test func `no body is complete at once and takes nothing`() throws {
    for framing in [RequestBody.none, .length(0)] {
      #expect(try decode(framing, [bytes("GET")]) == Outcome(isComplete: true, left: 3))
      #expect(try decode(framing, [[]]) == Outcome(isComplete: true))
    }
  }

  @Test func `a body with a length ends there, wherever its bytes are cut`() throws {
    let text = bytes("helloGET /")
    for split in 0...text.count {
      let outcome = try decode(.length(5), [Array(text[..<split]), Array(text[split...])])
      #expect(
        outcome
          == Outcome(
            body: bytes("hello"), isComplete: true, left: 5))
    }
    #expect(try decode(.length(5), [bytes("hell")]) == Outcome(body: bytes("hell")))
  }

  @Test func `a decoder that is done stays done`() throws {
    var decoder = BodyDecoder(body: .length(1), bytesMax: 1)
    var body: [UInt8] = []
    var offset = 0
    let text = bytes("abc")
    for _ in 0..<3 {
      #expect(try decoder.decode(text.span, from: &offset, into: &body) == .complete)
      #expect(offset == 1)
    }
    #expect(body == bytes("a"))
  }

  @Test func `a length over the limit is refused before a byte is kept`() throws {
    for (bytesMax, fits) in [(6, true), (5, true), (4, false)] {
      var decoder = BodyDecoder(body: .length(5), bytesMax: bytesMax)
      var body: [UInt8] = []
      var offset = 0
      let text = bytes("hello")
      if fits {
        #expect(try decoder.decode(text.span, from: &offset, into: &body) == .complete)
      } else {
        #expect(throws: HTTPViolation.bodyTooLarge) {
          try decoder.decode(text.span, from: &offset, into: &body)
        }
        #expect(body.isEmpty)
        #expect(offset == 0)
      }
    }
    var decoder = BodyDecoder(body: .length(Int.max), bytesMax: 10)
    var body: [UInt8] = []
    var offset = 0
    #expect(throws: HTTPViolation.bodyTooLarge) {
      try decoder.decode([UInt8]().span, from: &offset, into: &body)
    }
  }

  @Test(arguments: [
    ("0\r\n\r\n", ""), ("5\r\nhello\r\n0\r\n\r\n", "hello"),
    ("5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", "hello world"),
    ("A\r\n0123456789\r\n0\r\n\r\n", "0123456789"),
    ("a\r\n0123456789\r\n000\r\n\r\n", "0123456789"), ("0000000000000001\r\nx\r\n0\r\n\r\n", "x"),
    ("1;a\r\nx\r\n0;b=c\r\n\r\n", "x"), ("1;a=\"b;c\"\r\nx\r\n0\r\n\r\n", "x"),
    ("1 ; a\r\nx\r\n0 \t;\r\n\r\n", "x"),
    ("1\r\n\r\r\n0\r\n\r\n", "\r"), ("2\r\n\r\n\r\n0\r\n\r\n", "\r\n"),
    ("0\r\nA: b\r\nC-D:\r\nE: \t é\r\n\r\n", ""),
  ])
  func `chunks are joined wherever their bytes are cut`(_ text: String, _ expected: String) throws {
    let text = bytes(text)
    let followed = text + bytes("GET")
    for split in 0...text.count {
      let outcome = try decode(.chunked, [Array(text[..<split]), Array(followed[split...])])
      #expect(
        outcome == Outcome(body: bytes(expected), isComplete: true, left: 3), "split at \(split)"
      )
    }
    let trickled = try decode(.chunked, text.map { [$0] })
    #expect(trickled == Outcome(body: bytes(expected), isComplete: true))
    for count in 0..<text.count {
      #expect(try !decode(.chunked, [Array(text[..<count])]).isComplete, "\(count) bytes")
    }
  }

  static let malformed: [(String, HTTPViolation)] = [
    ("\r\n", .badChunkSize), (";a\r\n", .badChunkSize), (" 5\r\n", .badChunkSize),
    ("g\r\n", .badChunkSize), ("-1\r\n", .badChunkSize), ("+1\r\n", .badChunkSize),
    ("0x5\r\n", .badChunkSize), ("5 \r\nhello", .badChunkSize), ("5\t\r\nhello", .badChunkSize),
    ("5 5\r\n", .badChunkSize), ("5,5\r\n", .badChunkSize),
    ("5_0\r\n", .badChunkSize), ("00000000000000001\r\n", .badChunkSize),
    ("5\nhello\r\n", .bareLineFeed), ("5\rhello", .bareCarriageReturn),
    ("5;a\nhello", .bareLineFeed), ("5;a\rb\r\n", .bareCarriageReturn), ("5;\0\r\n", .nulByte),
    ("5;\u{1}\r\n", .controlCharacter(1)),
    ("5\r\nhello!\r\n", .badChunkEnd), ("5\r\nhello\n0\r\n", .badChunkEnd),
    ("5\r\nhello\r0\r\n", .badChunkEnd), ("5\r\nhello0\r\n\r\n", .badChunkEnd),
    ("4\r\nhello\r\n", .badChunkEnd), ("0\r\n\n", .badTrailer), ("0\r\n\rX", .bareCarriageReturn),
    ("0\r\n a: b\r\n", .badTrailer), ("0\r\na\r\n", .badTrailer),
    ("0\r\na : b\r\n", .badTrailer), ("0\r\n: b\r\n", .badTrailer),
    ("0\r\na: b\n\r\n", .bareLineFeed), ("0\r\na: b\rc\r\n", .bareCarriageReturn),
    ("0\r\na: \0\r\n", .nulByte), ("ffffffffffffffff\r\n", .bodyTooLarge),
    ("8000000000000000\r\n", .bodyTooLarge), ("7fffffffffffffff\r\n", .bodyTooLarge),
    ("3e9\r\n", .bodyTooLarge),
  ]

  @Test(arguments: malformed)
  func `malformed chunks are refused alike at every split point`(
    _ text: String, _ expected: HTTPViolation
  ) {
    let text = bytes(text)
    for split in 0...text.count {
      #expect(violation(text, split: split) == expected, "split at \(split)")
    }
  }

  @Test func `the limit counts all chunks together and refuses before a byte too many is kept`()
    throws
  {
    let text = bytes("3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n")
    for bytesMax in [7, 6] {
      #expect(try decode(.chunked, [text], bytesMax: bytesMax).body == bytes("abcdef"))
    }
    var decoder = BodyDecoder(body: .chunked, bytesMax: 5)
    var body: [UInt8] = []
    var offset = 0
    #expect(throws: HTTPViolation.bodyTooLarge) {
      try decoder.decode(text.span, from: &offset, into: &body)
    }
    #expect(body == bytes("abc"))
  }

  @Test func `extensions may take as many bytes as their limit and none more`() throws {
    let max = BodyDecoder.extensionBytesMax
    for (count, fits) in [(max - 1, true), (max, true), (max + 1, false)] {
      // The semicolon counts; both size lines share the allowance.
      let half = String(repeating: "x", count: count - 2 - 100)
      let text = bytes(
        "1;" + half + "\r\na\r\n0;" + String(repeating: "y", count: 100) + "\r\n\r\n")
      if fits {
        #expect(try decode(.chunked, [text]).isComplete)
      } else {
        #expect(throws: HTTPViolation.framingTooLarge) { try decode(.chunked, [text]) }
      }
    }
  }

  @Test func `trailers may take as many bytes as their limit and none more`() throws {
    let max = BodyDecoder.trailerBytesMax
    for (count, fits) in [(max - 1, true), (max, true), (max + 1, false)] {
      let text = bytes("0\r\na:" + String(repeating: "x", count: count - 4) + "\r\n\r\n")
      if fits {
        #expect(try decode(.chunked, [text]).isComplete)
      } else {
        #expect(throws: HTTPViolation.framingTooLarge) { try decode(.chunked, [text]) }
      }
    }
  }

  @Test func `random bodies in random chunks and pieces come out whole`() throws {
    var generator = SeededGenerator.make()
    for _ in 0..<300 {
      var text: [UInt8] = []
      var expected: [UInt8] = []
      for _ in 0..<Int.random(in: 0...6, using: &generator) {
        let content = (0..<Int.random(in: 1...40, using: &generator)).map { _ in
          UInt8.random(in: .min ... .max, using: &generator)
        }
        expected += content
        ResponseWriter.appendChunk(content.span, to: &text)
      }
      ResponseWriter.appendLastChunk(to: &text)
      var pieces: [[UInt8]] = []
      var start = 0
      while start < text.count {
        let end = min(text.count, start + Int.random(in: 1...20, using: &generator))
        pieces.append(Array(text[start..<end]))
        start = end
      }
      #expect(
        try decode(.chunked, pieces) == Outcome(body: expected, isComplete: true),
        "\(generator)")
    }
  }
}
