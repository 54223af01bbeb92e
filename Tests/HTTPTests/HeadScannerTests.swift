// Where a head ends, however its bytes come, and how much of one is put up with.

import RoostHTTP
import Testing

@Suite struct HeadScannerTests {
  private func scanner(line: Int = 100, head: Int = 1_000, fields: Int = 10) -> HeadScanner {
    HeadScanner(requestLineBytesMax: line, headBytesMax: head, fieldsMax: fields)
  }

  @Test(arguments: [
    "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET / HTTP/1.1\r\n\r\n",
    "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nX: \t\r\nY: é\t\u{80}\r\n\r\n", "x\r\n\r\n",
  ])
  func `a head ends at its empty line wherever its bytes are cut`(_ text: String) throws {
    let text = bytes(text)
    let followed = text + bytes("GET /next HTTP/1.1\r\n\r\n")
    for split in 0...followed.count {
      var scanner = self.scanner()
      let first = try scanner.scan(Array(followed[..<split]))
      if split >= text.count {
        #expect(first == .complete(headBytes: text.count), "split at \(split)")
      } else {
        #expect(first == .needMore, "split at \(split)")
        #expect(try scanner.scan(followed) == .complete(headBytes: text.count), "split at \(split)")
      }
    }
    var trickle = scanner()
    for count in 0..<text.count { #expect(try trickle.scan(Array(text[..<count])) == .needMore) }
    #expect(try trickle.scan(text) == .complete(headBytes: text.count))
  }

  @Test func `nothing and the same bytes again are no progress and no fault`() throws {
    var scanner = self.scanner()
    #expect(try scanner.scan([]) == .needMore)
    #expect(try scanner.scan([]) == .needMore)
    let half = bytes("GET / HT")
    #expect(try scanner.scan(half) == .needMore)
    #expect(try scanner.scan(half) == .needMore)
  }

  @Test func `the start line may have as many bytes as its limit and none more`() throws {
    for (limit, fits) in [(15, true), (14, true), (13, false)] {
      var scanner = self.scanner(line: limit)
      let text = bytes("GET / HTTP/1.1\r\n\r\n")
      if fits {
        #expect(try scanner.scan(text) == .complete(headBytes: 18))
      } else {
        #expect(throws: HTTPViolation.targetTooLong) { try scanner.scan(text) }
      }
    }
  }

  @Test func `a start line that is too long is refused before it ends`() throws {
    var scanner = self.scanner(line: 20)
    #expect(try scanner.scan(bytes("GET /" + String(repeating: "a", count: 15))) == .needMore)
    #expect(throws: HTTPViolation.targetTooLong) {
      try scanner.scan(bytes("GET /" + String(repeating: "a", count: 16)))
    }
  }

  @Test func `an empty line before the start line does not count for its limit`() throws {
    var scanner = self.scanner(line: 14)
    let text = bytes("\r\nGET / HTTP/1.1\r\n\r\n")
    #expect(try scanner.scan(text) == .complete(headBytes: 20))
  }

  @Test func `the head may have as many bytes as its limit and none more`() throws {
    let text = bytes("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    for (limit, fits) in [(28, true), (27, true), (26, false)] {
      var scanner = self.scanner(head: limit)
      if fits {
        #expect(try scanner.scan(text) == .complete(headBytes: 27))
      } else {
        #expect(throws: HTTPViolation.headTooLarge) { try scanner.scan(text) }
      }
    }
  }

  @Test func `a head without an end is refused at its limit and not a byte later`() throws {
    var scanner = self.scanner(head: 40)
    let text = bytes("GET / HTTP/1.1\r\nX: " + String(repeating: "a", count: 100))
    #expect(try scanner.scan(Array(text[..<39])) == .needMore)
    #expect(throws: HTTPViolation.headTooLarge) { try scanner.scan(Array(text[..<40])) }
  }

  @Test func `as many fields as the limit says are taken and none more`() throws {
    let text = bytes("GET / HTTP/1.1\r\nA: 1\r\nB: 2\r\nC: 3\r\n\r\n")
    for (limit, fits) in [(4, true), (3, true), (2, false)] {
      var scanner = self.scanner(fields: limit)
      if fits {
        #expect(try scanner.scan(text) == .complete(headBytes: text.count))
      } else {
        #expect(throws: HTTPViolation.tooManyFields) { try scanner.scan(text) }
      }
    }
  }

  @Test func `a forbidden byte is refused as soon as it is seen`() throws {
    var scanner = self.scanner()
    #expect(try scanner.scan(bytes("GET / HTTP/1.1\r\nX: a")) == .needMore)
    #expect(throws: HTTPViolation.nulByte) { try scanner.scan(bytes("GET / HTTP/1.1\r\nX: a\0")) }
  }

  @Test func `every control byte at every place of a word is found`() {
    // The scanner reads eight bytes at a time; each lane must be looked at.
    for byte in [UInt8](0...0x1F) + [0x7F] where ![0x09, 0x0A, 0x0D].contains(byte) {
      for place in 0..<24 {
        var text = [UInt8](repeating: 0x61, count: 24)
        text[place] = byte
        var scanner = self.scanner()
        let fault: HTTPViolation = byte == 0 ? .nulByte : .controlCharacter(byte)
        #expect(throws: fault, "byte \(byte) at \(place)") { try scanner.scan(text) }
      }
    }
    for byte in [UInt8](0x20...0x7E) + [UInt8](0x80...0xFF) + [0x09] {
      for place in 0..<24 {
        var text = [UInt8](repeating: 0xE9, count: 24)
        text[place] = byte
        var scanner = self.scanner()
        #expect((try? scanner.scan(text)) == .needMore, "byte \(byte) at \(place)")
      }
    }
  }
}
