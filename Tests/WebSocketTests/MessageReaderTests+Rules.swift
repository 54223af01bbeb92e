import RoostWebSocket
import TestRandom
import Testing

extension MessageReaderTests {
  /// A stream that breaks a rule of RFC 6455, and all that is read of it.
  @Test(
    arguments: [
      ("continuation first", frame(.continuation, "a"), [.violation(.continuationWithoutMessage)]),
      (
        "continuation behind a whole message", frame(.text, "a") + frame(.continuation, "b"),
        [.text("a"), .violation(.continuationWithoutMessage)]
      ),
      (
        "text inside a text", frame(.text, "a", isFinal: false) + frame(.text, "b"),
        [.violation(.messageInterrupted)]
      ),
      (
        "binary inside a text", frame(.text, "a", isFinal: false) + frame(.binary, "b"),
        [.violation(.messageInterrupted)]
      ),
      (
        "a new message behind a ping inside another",
        frame(.text, "a", isFinal: false) + frame(.ping, "") + frame(.text, "b"),
        [.ping([]), .violation(.messageInterrupted)]
      ),
      ("no mask", frame(.text, "a", maskingKey: nil), [.violation(.maskMissing)]),
      ("RSV1", frame(.text, "a", isCompressed: true), [.violation(.compressionNotAgreed)]),
      (
        "a bad frame behind good ones", frame(.text, "a") + [0x83, 0x80, 0, 0, 0, 0],
        [.text("a"), .violation(.reservedOpcode(3))]
      ),
      ("close with one byte", frame(.close, [0x03]), [.violation(.closePayloadTooShort)]),
      ("close 999", frame(.close, [0x03, 0xE7]), [.violation(.closeCodeInvalid(999))]),
      ("close 1004", frame(.close, [0x03, 0xEC]), [.violation(.closeCodeInvalid(1004))]),
      ("close 1005", frame(.close, [0x03, 0xED]), [.violation(.closeCodeInvalid(1005))]),
      ("close 1006", frame(.close, [0x03, 0xEE]), [.violation(.closeCodeInvalid(1006))]),
      ("close 1015", frame(.close, [0x03, 0xF7]), [.violation(.closeCodeInvalid(1015))]),
      ("close 2999", frame(.close, [0x0B, 0xB7]), [.violation(.closeCodeInvalid(2999))]),
      ("close 5000", frame(.close, [0x13, 0x88]), [.violation(.closeCodeInvalid(5000))]),
      ("close 0", frame(.close, [0x00, 0x00]), [.violation(.closeCodeInvalid(0))]),
      (
        "close with a reason that is no UTF-8", frame(.close, [0x03, 0xE8, 0xC0, 0x80]),
        [.violation(.closeReasonNotUTF8)]
      ),
      (
        "close with a reason that breaks off", frame(.close, [0x03, 0xE8, 0xE2, 0x82]),
        [.violation(.closeReasonNotUTF8)]
      ),
      (
        "text that is no UTF-8", frame(.text, [0x61, 0xFF, 0x61]), [.violation(.invalidUTF8)]
      ),
      ("text that breaks off", frame(.text, [0x61, 0xE2, 0x82]), [.violation(.invalidUTF8)]),
      (
        "fragments that break off",
        frame(.text, [0xE2], isFinal: false) + frame(.continuation, [0x82]),
        [.violation(.invalidUTF8)]
      ),
      (
        "fragments that break off before an empty last one",
        frame(.text, [0xE2, 0x82], isFinal: false) + frame(.continuation, []),
        [.violation(.invalidUTF8)]
      ),
      (
        "a character broken by a fragment that is none of it",
        frame(.text, [0xE2, 0x82], isFinal: false) + frame(.continuation, [0x41]),
        [.violation(.invalidUTF8)]
      ),
    ] as [(String, [UInt8], [ReadEvent])])
  func `a breach is reported once, in whatever pieces it comes, and ends the stream`(
    name: String, stream: [UInt8], expected: [ReadEvent]
  ) {
    let withMore = stream + frame(.text, "after the end")
    #expect(events(of: [withMore]) == expected)
    #expect(events(of: withMore.map { [$0] }) == expected)
    for split in 0...withMore.count {
      #expect(
        events(of: [Array(withMore[..<split]), Array(withMore[split...])]) == expected,
        "split at \(split)")
    }
  }

  @Test(
    arguments: [
      ([], .close(nil, "")),
      ([0x03, 0xE8], .close(1000, "")),
      ([0x03, 0xEB, 0x6E, 0x6F], .close(1003, "no")),
      ([0x03, 0xEF], .close(1007, "")),
      ([0x03, 0xF6], .close(1014, "")),
      ([0x0B, 0xB8], .close(3000, "")),
      ([0x13, 0x87, 0xE2, 0x82, 0xAC], .close(4999, "€")),
      (
        [0x03, 0xE8] + [UInt8](repeating: 0x61, count: 123),
        .close(1000, String(repeating: "a", count: 123))
      ),
    ] as [([UInt8], ReadEvent)])
  func `a close frame ends the stream with its code and reason`(
    payload: [UInt8], event: ReadEvent
  ) {
    let stream = frame(.close, payload) + frame(.text, "after the end") + [0xFF, 0xFF]
    #expect(events(of: [stream]) == [event])
    #expect(events(of: stream.map { [$0] }) == [event])
  }

  @Test func `a close frame inside a message ends it`() {
    var reader = EventReader(role: .server)
    reader.receive(frame(.binary, [1, 2, 3], isFinal: false))
    #expect(reader.reader.heapBytes > 0)
    reader.receive(frame(.close, [0x03, 0xE8]) + frame(.continuation, [4]))
    #expect(reader.events == [.close(1000, "")])
    #expect(reader.reader.heapBytes == 0)
    #expect(reader.reader.isInsideMessage == false)
  }

  @Test func `a client refuses a masked frame and reads one without`() {
    #expect(
      events(of: [frame(.text, "a", maskingKey: nil)], role: .client) == [.text("a")])
    #expect(
      events(of: [frame(.text, "a", maskingKey: 0)], role: .client)
        == [.violation(.maskUnexpected)])
  }

  /// RFC 6455 8.1: no waiting for the end of the frame, let alone of the message.
  @Test func `text is refused with the byte that makes it wrong`() {
    let stream = frame(.text, [0x61, 0xC3, 0xA9, 0xED, 0xA0, 0x80, 0x61, 0x61], isFinal: false)
    var reader = EventReader(role: .server)
    // Header, four good bytes.
    reader.receive(Array(stream[..<10]))
    #expect(reader.events == [])
    reader.receive([stream[10]])
    #expect(reader.events == [.violation(.invalidUTF8)])
  }

  @Test func `binary messages may hold any bytes`() {
    let payload = (0...255).map { UInt8($0) }
    #expect(events(of: [frame(.binary, payload)]) == [.binary(payload)])
  }

  /// The state of one text must not leak into the next, nor control frames into a text.
  @Test func `a text that begins anew is judged anew`() {
    let stream =
      frame(.text, [0xE2, 0x82], isFinal: false) + frame(.ping, [0xFF, 0xC0])
      + frame(.continuation, [0xAC]) + frame(.binary, [0xE2, 0x82]) + frame(.text, "ok")
    #expect(
      events(of: [stream])
        == [.ping([0xFF, 0xC0]), .text("€"), .binary([0xE2, 0x82]), .text("ok")])
  }

  @Test func `no bytes whatever trap, and what is read does not depend on the pieces`() {
    var generator = SeededGenerator.make()
    for _ in 0..<3_000 {
      var stream: [UInt8] = []
      for _ in 0..<Int.random(in: 1...4, using: &generator) {
        // Mostly well-formed first bytes, so that the stream is not refused at once every time.
        let first: [UInt8] = [0x81, 0x82, 0x01, 0x02, 0x80, 0x00, 0x88, 0x89, 0x8A, 0xC1, 0xC2]
        stream.append(first.randomElement(using: &generator) ?? 0x81)
        stream.append(0x80 | UInt8.random(in: 0...127, using: &generator))
        for _ in 0..<Int.random(in: 0...20, using: &generator) {
          stream.append(UInt8.random(in: .min ... .max, using: &generator))
        }
      }
      let whole = events(of: [stream], messageBytesMax: 64, deflate: .withoutTakeover)
      let trickled = events(
        of: stream.map { [$0] }, messageBytesMax: 64, deflate: .withoutTakeover)
      #expect(whole == trickled, "\(generator): \(stream)")
    }
  }
}
