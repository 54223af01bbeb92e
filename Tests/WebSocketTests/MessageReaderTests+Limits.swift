import RoostWebSocket
import Testing

extension MessageReaderTests {
  @Test(arguments: [0, 1, 125, 126, 1_000, 65_536])
  func `the message limit is exact for a message in one frame`(limit: Int) {
    for count in max(0, limit - 1)...limit {
      let payload = [UInt8](repeating: 1, count: count)
      #expect(
        events(of: [frame(.binary, payload)], messageBytesMax: limit) == [.binary(payload)])
    }
    let tooLarge = frame(.binary, [UInt8](repeating: 1, count: limit + 1))
    #expect(
      events(of: [tooLarge], messageBytesMax: limit)
        == [.violation(.messageTooLarge(bytesMax: limit))])
  }

  @Test func `the message limit counts all fragments together`() {
    let first = frame(.binary, [1, 2, 3, 4], isFinal: false)
    let ping = frame(.ping, [UInt8](repeating: 0, count: 125))
    for (count, isWithin) in [(5, true), (6, true), (7, false)] {
      let last = frame(.continuation, [UInt8](repeating: 5, count: count))
      let result = events(of: [first + ping + last], messageBytesMax: 10)
      #expect(
        result.last
          == (isWithin
            ? .binary([1, 2, 3, 4] + [UInt8](repeating: 5, count: count))
            : .violation(.messageTooLarge(bytesMax: 10))))
    }
  }

  @Test func `a message that is too large is refused by its header`() {
    // The largest length there is; two of them would overflow any sum.
    let header: [UInt8] = [0x82, 0xFF, 0x7F] + [UInt8](repeating: 0xFF, count: 7) + [1, 2, 3, 4]
    #expect(
      events(of: [header], messageBytesMax: 65_536)
        == [.violation(.messageTooLarge(bytesMax: 65_536))])
    var continuation = header
    continuation[0] = 0x80
    let start = frame(.binary, [1], isFinal: false)
    #expect(
      events(of: [start + continuation], messageBytesMax: 65_536)
        == [.violation(.messageTooLarge(bytesMax: 65_536))])
  }

  @Test func `a limit of everything does not overflow`() {
    let start = frame(.binary, [1], isFinal: false)
    let header: [UInt8] = [0x80, 0xFF, 0x7F] + [UInt8](repeating: 0xFF, count: 7) + [1, 2, 3, 4]
    #expect(
      events(of: [start + header], messageBytesMax: .max)
        == [.violation(.messageTooLarge(bytesMax: .max))])
    var compressed = header
    compressed[0] = 0xC2
    #expect(
      events(of: [compressed], messageBytesMax: .max, deflate: .withoutTakeover) == [])
  }

  @Test func `memory grows with the bytes that come, not with the length that is announced`() {
    var reader = EventReader(role: .server, messageBytesMax: 1 << 40)
    let header: [UInt8] = [0x82, 0xFF, 0, 0, 0, 0x80, 0, 0, 0, 0, 1, 2, 3, 4]
    reader.receive(header + [UInt8](repeating: 0, count: 100))
    #expect(reader.events == [])
    #expect(reader.reader.heapBytes < 1_000)
    for _ in 0..<100 { reader.receive([UInt8](repeating: 0, count: 1_000)) }
    #expect(reader.reader.heapBytes < 300_000)
  }

  @Test func `a violation frees what was held`() {
    var reader = EventReader(role: .server)
    reader.receive(frame(.binary, [UInt8](repeating: 1, count: 10_000), isFinal: false))
    #expect(reader.reader.heapBytes >= 10_000)
    reader.receive([0xFF])
    #expect(reader.events == [.violation(.reservedBits)])
    #expect(reader.reader.heapBytes == 0)
  }
}
