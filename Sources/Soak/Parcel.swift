// What every publish of a soak carries: who published it, which number it has in its room, when it
// was meant to be sent, and a checksum over all of it. A JSON string, because strings are forwarded
// byte for byte and are found without a tree.

/// The content of a publish.
public struct Parcel: Equatable, Sendable {
  /// Why a text is no parcel.
  public enum Damage: Error, Equatable, Sendable {
    /// It was not made by a soak.
    case foreign
    /// The checksum is that of another text.
    case checksum
  }

  /// The place of the room in the run's list.
  public var room: Int
  /// Counts the publishes of the room, from 0.
  public var number: Int
  /// The client that published it.
  public var publisher: Int
  /// When it was due, in nanoseconds of the monotonic clock: latency counts from here.
  public var dueNanoseconds: UInt64

  /// Puts a parcel together.
  public init(room: Int, number: Int, publisher: Int, dueNanoseconds: UInt64) {
    self.room = room
    self.number = number
    self.publisher = publisher
    self.dueNanoseconds = dueNanoseconds
  }

  private static let mark = Array("soak".utf8)
  private static let dash = UInt8(ascii: "-")
  /// The mark, four numbers and the checksum with their dashes.
  static let bytesMin = 64

  /// The text, without quotation marks, of `bytes` bytes or as few as the numbers need.
  public func text(bytes: Int) -> [UInt8] {
    var text = Self.mark
    text.reserveCapacity(max(bytes, Self.bytesMin) + 32)
    for number in [UInt64(room), UInt64(number), UInt64(publisher), dueNanoseconds] {
      text.append(Self.dash)
      text.append(contentsOf: String(number).utf8)
    }
    text.append(Self.dash)
    // Padding that differs from one parcel to the next, so that a mix-up is seen.
    var filler = Self.checksum(text[...])
    while text.count + 17 < bytes {
      text.append(UInt8(ascii: "a") + UInt8(truncatingIfNeeded: filler % 26))
      filler = filler &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      filler ^= filler >> 33
    }
    text.append(Self.dash)
    let sum = Self.checksum(text[...])
    for shift in stride(from: 60, through: 0, by: -4) {
      text.append(Array("0123456789abcdef".utf8)[Int(sum >> UInt64(shift) & 15)])
    }
    return text
  }

  /// Reads a text that came back; throws when it is not as it was sent.
  public init(_ text: ArraySlice<UInt8>) throws(Damage) {
    guard text.count > 21, text.starts(with: Self.mark) else { throw .foreign }
    let end = text.endIndex - 16
    var sum: UInt64 = 0
    for byte in text[end...] {
      guard let digit = Self.hexadecimal(byte) else { throw .checksum }
      sum = sum << 4 | digit
    }
    guard sum == Self.checksum(text[..<end]) else { throw .checksum }
    var numbers: [UInt64] = []
    var cursor = text.startIndex + Self.mark.count
    while numbers.count < 4 {
      guard cursor < end, text[cursor] == Self.dash else { throw .foreign }
      cursor += 1
      var number: UInt64 = 0
      while cursor < end, (48...57).contains(text[cursor]) {
        number = number &* 10 &+ UInt64(text[cursor] - 48)
        cursor += 1
      }
      numbers.append(number)
    }
    self.init(
      room: Int(clamping: numbers[0]), number: Int(clamping: numbers[1]),
      publisher: Int(clamping: numbers[2]), dueNanoseconds: numbers[3])
  }

  private static func hexadecimal(_ byte: UInt8) -> UInt64? {
    switch byte {
    case 48...57: UInt64(byte - 48)
    case 97...102: UInt64(byte - 87)
    default: nil
    }
  }

  /// FNV-1a: a byte that changed is seen, and nobody forges it here.
  private static func checksum(_ bytes: ArraySlice<UInt8>) -> UInt64 {
    var sum: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in bytes { sum = (sum ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
    return sum
  }
}
