import Testing

@testable import Soak

@Suite struct ParcelTests {
  static let parcel = Parcel(room: 7, number: 123, publisher: 42, dueNanoseconds: 9_876_543_210)

  @Test(arguments: [0, 63, 64, 65, 128, 4096])
  func `a parcel comes back as it was sent, at any size`(bytes: Int) throws {
    let text = Self.parcel.text(bytes: bytes)
    #expect(text.count == max(bytes, 42))
    #expect(try Parcel(text[...]) == Self.parcel)
  }

  @Test func `a change of any byte is seen`() {
    let text = Self.parcel.text(bytes: 80)
    for index in text.indices {
      for bit in 0..<8 {
        var changed = text
        changed[index] ^= 1 << UInt8(bit)
        #expect(throws: Parcel.Damage.self) { try Parcel(changed[...]) }
      }
    }
  }

  @Test func `a text that is cut anywhere is seen`() {
    let text = Self.parcel.text(bytes: 80)
    for end in text.indices {
      #expect(throws: Parcel.Damage.self) { try Parcel(text[..<end]) }
    }
  }

  @Test(arguments: ["", "hello", "soak", "soak-1-2-3", "a message of somebody else entirely"])
  func `what others publish is foreign`(text: String) {
    #expect(throws: Parcel.Damage.foreign) { try Parcel(Array(text.utf8)[...]) }
  }

  @Test func `padding of two parcels differs`() {
    var other = Self.parcel
    other.number += 1
    let texts = [Self.parcel, other].map { Array($0.text(bytes: 120)[30..<100]) }
    #expect(texts[0] != texts[1])
  }
}
