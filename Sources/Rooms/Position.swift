// Where a room stands: the life of its log (epoch) and a number in it (offset).

/// The life of a room's log: 128 random bits, new whenever offsets start anew.
public struct Epoch: Hashable, Sendable, CustomStringConvertible {
  /// The first 64 bits.
  public let high: UInt64
  /// The last 64 bits.
  public let low: UInt64

  /// Puts an epoch together from random bits.
  public init(high: UInt64, low: UInt64) {
    self.high = high
    self.low = low
  }

  /// Reads the 32 hexadecimal digits of `description`, lower case only; nil for anything else.
  public init?(text: borrowing Span<UInt8>) {
    guard text.count == 32, let high = Self.number(in: text, from: 0),
      let low = Self.number(in: text, from: 16)
    else { return nil }
    self.init(high: high, low: low)
  }

  /// 32 hexadecimal digits.
  public var description: String {
    String(decoding: digits, as: UTF8.self)
  }

  /// The 32 digits as bytes.
  public var digits: [UInt8] {
    var digits: [UInt8] = []
    digits.reserveCapacity(32)
    for half in [high, low] {
      for shift in stride(from: UInt64(60), through: 0, by: -4) {
        let nibble = UInt8((half >> shift) & 15)
        digits.append(nibble < 10 ? 48 + nibble : 87 + nibble)
      }
    }
    return digits
  }

  private static func number(in text: borrowing Span<UInt8>, from start: Int) -> UInt64? {
    var number: UInt64 = 0
    for index in start..<(start + 16) {
      let byte = text[index]
      switch byte {
      case 48...57: number = number << 4 | UInt64(byte - 48)
      case 97...102: number = number << 4 | UInt64(byte - 87)
      default: return nil
      }
    }
    return number
  }
}

/// A number in one life of a room's log.
///
/// Offsets are comparable within one epoch only.
public struct Position: Hashable, Sendable {
  /// The life of the log.
  public let epoch: Epoch
  /// From 1; 0 is the position before the first message.
  public let offset: UInt64

  /// Puts a position together.
  public init(epoch: Epoch, offset: UInt64) {
    self.epoch = epoch
    self.offset = offset
  }
}
