import RoostRooms
import Testing

@testable import RoostClient

@Suite struct DeliveredBinaryTests {
  @Test func `a message is read whole, and nothing of it when it is cut off`() {
    let bytes: [UInt8] = [1, 1, 1, 97, 0, 0, 0, 0, 0, 0, 1, 2]
    let whole = bytes + [7, 8]
    let message = DeliveredBinary(whole.span)
    #expect(message?.room.description == "a" && message?.offset == 258)
    #expect(message?.payload == [7, 8])
    #expect(DeliveredBinary(bytes.span)?.payload == [])
    for count in 0..<bytes.count {
      let start = Array(bytes[..<count])
      #expect(DeliveredBinary(start.span) == nil, "\(count) bytes")
    }
  }

  @Test func `a mark stands behind the offset, or alone`() {
    let offset: [UInt8] = [0, 0, 0, 0, 0, 0, 1, 2]
    let mid: [UInt8] = [0xFE, 0, 0, 0, 0, 0, 0, 1]
    let both = [1, 3, 1, 97] + offset + mid + [7]
    let message = DeliveredBinary(both.span)
    #expect(message?.offset == 258 && message?.mark == "fe00000000000001")
    #expect(message?.payload == [7])
    for count in 0..<both.count - 1 {
      let start = Array(both[..<count])
      #expect(DeliveredBinary(start.span) == nil, "\(count) bytes")
    }
    let alone = [1, 2, 1, 97] + mid
    let marked = DeliveredBinary(alone.span)
    #expect(marked?.offset == nil && marked?.mark == "fe00000000000001")
    #expect(marked?.payload == [])
    let logged = [1, 1, 1, 97] + offset
    #expect(DeliveredBinary(logged.span)?.mark == nil)
  }

  @Test func `flags of later versions are passed over, other versions are not read`() {
    let plain: [UInt8] = [1, 0xFC, 1, 97, 5]
    #expect(DeliveredBinary(plain.span)?.payload == [5])
    let other: [UInt8] = [2, 0, 1, 97, 5]
    #expect(DeliveredBinary(other.span) == nil)
  }
}
