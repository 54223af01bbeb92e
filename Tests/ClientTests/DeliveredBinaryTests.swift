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

  @Test func `flags of later versions are passed over, other versions are not read`() {
    let plain: [UInt8] = [1, 0xFE, 1, 97, 5]
    #expect(DeliveredBinary(plain.span)?.payload == [5])
    let other: [UInt8] = [2, 0, 1, 97, 5]
    #expect(DeliveredBinary(other.span) == nil)
  }
}
