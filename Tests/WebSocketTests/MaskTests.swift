import Testing

@testable import RoostWebSocket

struct MaskTests {
  /// RFC 6455 5.3, one byte at a time.
  static func masked(_ bytes: [UInt8], key: UInt32) -> [UInt8] {
    bytes.enumerated().map { index, byte in
      byte ^ UInt8(truncatingIfNeeded: key >> UInt32(24 - 8 * (index % 4)))
    }
  }

  @Test(arguments: 0...40)
  func `every length from every place gives what the definition gives`(count: Int) {
    let payload = (0..<count).map { UInt8(truncatingIfNeeded: 3 + $0 * 11) }
    for start in 0..<9 {
      var bytes = [UInt8](repeating: 0xEE, count: start) + payload + [0xEE, 0xEE]
      var span = bytes.mutableSpan
      let turned = Mask.apply(0x0102_0304, to: &span, in: start..<start + count)
      #expect(
        bytes == [UInt8](repeating: 0xEE, count: start)
          + Self.masked(payload, key: 0x0102_0304) + [0xEE, 0xEE])
      #expect(turned == [0x0102_0304, 0x0203_0401, 0x0304_0102, 0x0401_0203][count % 4])
    }
  }

  @Test func `a payload in three pieces is masked like one, wherever they part`() {
    let payload = (0..<61).map { UInt8(truncatingIfNeeded: $0 * 29) }
    let whole = Self.masked(payload, key: 0xDEAD_BEEF)
    for first in 0...payload.count {
      for second in first...payload.count {
        var bytes = payload
        var span = bytes.mutableSpan
        var key = Mask.apply(0xDEAD_BEEF, to: &span, in: 0..<first)
        key = Mask.apply(key, to: &span, in: first..<second)
        _ = Mask.apply(key, to: &span, in: second..<payload.count)
        #expect(bytes == whole, "parted at \(first) and \(second)")
      }
    }
  }
}
