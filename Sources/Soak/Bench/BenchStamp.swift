// What a message of the benchmark carries, so that a member can tell at a glance what it was given:
// which room, which number in it, since when. Letters of a fixed width at a fixed place, because a
// client on one core has to read a million of them a second.

/// The content of a message's first bytes.
struct BenchStamp: Equatable, Sendable {
  /// Eight letters, eight letters, sixteen letters.
  static let bytes = 32

  let room: UInt32
  /// The message's number in its room, from 0.
  let number: UInt32
  /// When it was due or sent, on the monotonic clock.
  let nanoseconds: UInt64

  init(room: UInt32, number: UInt32, nanoseconds: UInt64) {
    self.room = room
    self.number = number
    self.nanoseconds = nanoseconds
  }

  /// Reads one; nil when there is none at that place.
  init?(_ text: borrowing Span<UInt8>, at place: Int) {
    guard place >= 0, text.count - place >= Self.bytes,
      let room = Self.read(text, place), let number = Self.read(text, place + 8),
      let high = Self.read(text, place + 16), let low = Self.read(text, place + 24)
    else { return nil }
    self.init(room: room, number: number, nanoseconds: UInt64(high) << 32 | UInt64(low))
  }

  /// Writes it over the bytes at a place, of which there must be enough.
  func write(into text: inout [UInt8], at place: Int) {
    precondition(place >= 0 && text.count - place >= Self.bytes, "\(place) of \(text.count) bytes")
    Self.write(room, into: &text, place)
    Self.write(number, into: &text, place + 8)
    Self.write(UInt32(nanoseconds >> 32), into: &text, place + 16)
    Self.write(UInt32(truncatingIfNeeded: nanoseconds), into: &text, place + 24)
  }

  /// A letter for each four bits: `A` for 0 to `P` for 15, so that a string needs no escape.
  private static let lettersOfZero: UInt64 = 0x4141_4141_4141_4141

  /// Eight letters at once.
  ///
  /// A byte below `A` borrows from its neighbour; that byte, like every one above `P`, is left with
  /// a bit outside the lower four.
  private static func read(_ text: borrowing Span<UInt8>, _ place: Int) -> UInt32? {
    let letters = UInt64(
      bigEndian: text.bytes.unsafeLoadUnaligned(fromByteOffset: place, as: UInt64.self))
    var bits = letters &- lettersOfZero
    guard bits & 0xF0F0_F0F0_F0F0_F0F0 == 0 else { return nil }
    bits = (bits | bits >> 4) & 0x00FF_00FF_00FF_00FF
    bits = (bits | bits >> 8) & 0x0000_FFFF_0000_FFFF
    return UInt32(truncatingIfNeeded: bits | bits >> 16)
  }

  private static func write(_ value: UInt32, into text: inout [UInt8], _ place: Int) {
    for index in 0..<8 {
      let bits = value >> UInt32(28 - 4 * index) & 15
      text[place + index] = UInt8(ascii: "A") + UInt8(truncatingIfNeeded: bits)
    }
  }
}

/// The texts between a client of the benchmark and a node.
enum BenchText {
  /// What a text from a node is to a member.
  enum Kind: Equatable {
    /// A message, as it was sent.
    case message(BenchStamp)
    /// A message that is not as it was sent.
    case wrong
    /// Something else that a node says.
    case other
  }

  /// A room's name, of the same width for all.
  static func roomName(_ room: Int) -> String {
    let digits = String(room)
    return "b" + String(repeating: "0", count: max(0, 6 - digits.count)) + digits
  }

  static func join(room: Int) -> [UInt8] {
    Array(#"{"type":"join","id":1,"room":"\#(roomName(room))"}"#.utf8)
  }

  /// A publish into a room, whose stamp is still to be written, and where that stands.
  static func publish(room: Int) -> (text: [UInt8], stampPlace: Int) {
    let head = #"{"type":"publish","room":"\#(roomName(room))","data":""#
    return (Array((head + padding + #""}"#).utf8), head.utf8.count)
  }

  /// A text to be echoed, as above.
  static func echo() -> (text: [UInt8], stampPlace: Int) { (Array(padding.utf8), 0) }

  private static var padding: String {
    String(repeating: "x", count: BenchWorkload.payloadBytes)
  }

  private static let head = #"{"type":"message","room":""#
  /// Where the stamp stands in what a member is given.
  static let messageStampPlace =
    head.utf8.count + roomName(0).utf8.count + #"","data":""#.utf8.count
  private static let firstBytes = word(head.utf8.prefix(8))
  private static let secondBytes = word(head.utf8.dropFirst(8).prefix(8))

  private static func word(_ bytes: some Sequence<UInt8>) -> UInt64 {
    bytes.reduce(0) { $0 << 8 | UInt64($1) }
  }

  /// Looks at a text of a room's member: at its first bytes and at the stamp, and at nothing else.
  static func kind(_ text: borrowing Span<UInt8>) -> Kind {
    guard text.count >= 16,
      UInt64(bigEndian: text.bytes.unsafeLoadUnaligned(fromByteOffset: 0, as: UInt64.self))
        == firstBytes,
      UInt64(bigEndian: text.bytes.unsafeLoadUnaligned(fromByteOffset: 8, as: UInt64.self))
        == secondBytes
    else { return .other }
    guard text.count >= messageStampPlace + BenchWorkload.payloadBytes else { return .wrong }
    return BenchStamp(text, at: messageStampPlace).map { .message($0) } ?? .wrong
  }

  /// Looks at a text that came back.
  static func kindOfEcho(_ text: borrowing Span<UInt8>) -> Kind {
    guard text.count == BenchWorkload.payloadBytes else { return .wrong }
    return BenchStamp(text, at: 0).map { .message($0) } ?? .wrong
  }
}
