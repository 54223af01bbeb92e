import RoostRooms
import RoostWire
import Testing

struct BinaryMessageTests {
  /// What became of a client's message: the room and the payload, or the refusal.
  static func read(_ message: [UInt8]) -> Result<[[UInt8]], BinaryMessageViolation> {
    do {
      let publish = try BinaryMessage.publish(in: message.span)
      return .success([publish.room.bytes, Array(message[publish.payloadStart...])])
    } catch {
      return .failure(error)
    }
  }

  static func written(_ room: RoomName, _ offset: UInt64?, _ payload: [UInt8]) -> [UInt8] {
    var output: [UInt8] = []
    BinaryMessage.deliver(room: room, offset: offset, payload: payload, to: &output)
    return output
  }

  @Test(arguments: [[], [0], [1, 2, 3], Array(repeating: 0xFF, count: 70_000)] as [[UInt8]])
  func `a publish is version, length, name and payload`(payload: [UInt8]) {
    let name = bytes("chat:é")
    #expect(Self.read([1, 7] + name + payload) == .success([name, payload]))
  }

  @Test(arguments: [1, 2, 127, 128, 254, 255])
  func `a name of any length that a room's may have is read`(count: Int) {
    let name = [UInt8](repeating: 0x61, count: count)
    let message = [1, UInt8(count)] + name + [9]
    #expect(Self.read(message) == .success([name, [9]]))
    // Every part of the header and the name is missed.
    for end in 0..<(2 + count) {
      #expect(Self.read(Array(message[..<end])) == .failure(.truncated), "\(end) bytes")
    }
  }

  @Test(
    arguments: [
      ([0], .version(0)), ([2, 1, 0x61], .version(2)), ([255], .version(255)),
      ([0x7B, 0x7D], .version(0x7B)),
      ([1, 0], .roomName(.empty)), ([1, 0, 1, 2], .roomName(.empty)),
      ([1, 1, 0x20], .roomName(.whiteSpace(at: 0))),
      ([1, 2, 0x61, 0x07], .roomName(.controlCharacter(at: 1))),
      ([1, 1, 0xC3, 0xA9], .roomName(.invalidUTF8)),
    ] as [([UInt8], BinaryMessageViolation)])
  func `what is none is refused with its reason`(
    message: [UInt8], violation: BinaryMessageViolation
  ) {
    #expect(Self.read(message) == .failure(violation))
  }

  @Test func `each refusal says why`() {
    #expect(
      BinaryMessageViolation.truncated.reason
        == "a binary message is: version 1, name length, room name, payload")
    #expect(
      BinaryMessageViolation.version(2).reason
        == "binary version 2 is not known; this is version 1")
    #expect(
      BinaryMessageViolation.roomName(.empty).reason == "a room name has at least one byte")
  }

  @Test func `members get flags, and the offset where the first flag says so`() {
    #expect(Self.written(room("ab"), nil, [7, 8]) == [1, 0, 2, 0x61, 0x62, 7, 8])
    #expect(Self.written(room("ab"), nil, []) == [1, 0, 2, 0x61, 0x62])
    #expect(
      Self.written(room("ab"), 0x0102_0304_0506_0708, [9])
        == [1, 1, 2, 0x61, 0x62, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    #expect(Self.written(room("a"), 0, []) == [1, 1, 1, 0x61, 0, 0, 0, 0, 0, 0, 0, 0])
    #expect(
      Self.written(room("a"), .max, []) == [1, 1, 1, 0x61] + Array(repeating: 0xFF, count: 8))
  }

  @Test func `who may get it twice gets a mark, behind the offset`() {
    func written(_ offset: UInt64?, _ mid: UInt64) -> [UInt8] {
      var output: [UInt8] = []
      BinaryMessage.deliver(
        room: room("a"), offset: offset, mid: mid, payload: [7], to: &output)
      return output
    }
    let mid: UInt64 = 0x0102_0304_0506_0708
    #expect(written(nil, mid) == [1, 2, 1, 0x61, 1, 2, 3, 4, 5, 6, 7, 8, 7])
    #expect(
      written(9, mid) == [1, 3, 1, 0x61, 0, 0, 0, 0, 0, 0, 0, 9, 1, 2, 3, 4, 5, 6, 7, 8, 7])
    #expect(written(9, 0) == [1, 1, 1, 0x61, 0, 0, 0, 0, 0, 0, 0, 9, 7])
  }

  @Test(arguments: [nil, 0, 1, 1 << 32, .max] as [UInt64?])
  func `what members get can be read back`(offset: UInt64?) {
    for count in [1, 2, 254, 255] {
      let name = [UInt8](repeating: 0x62, count: count)
      let payload: [UInt8] = [0, 1, 255]
      let message = Self.written(
        room(String(decoding: name, as: UTF8.self)), offset, payload)
      // Without its flags and offset it is a client's publish.
      let end = 3 + count + (offset == nil ? 0 : 8)
      let publish = [message[0], message[2]] + message[3..<3 + count] + message[end...]
      #expect(Self.read(publish) == .success([name, payload]))
      #expect((message[1] & BinaryMessage.hasOffset != 0) == (offset != nil))
      if let offset {
        let read = message[3 + count..<end].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        #expect(read == offset)
      }
    }
  }
}
