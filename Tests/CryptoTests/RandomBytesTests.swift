import RoostCrypto
import Testing

struct RandomBytesTests {
  @Test(arguments: [0, 1, 7, 255, 256, 257, 100_000])
  func `every byte of the array is overwritten`(count: Int) {
    // A byte that stayed zero in all of 24 rounds was never written, or the chance was 2^-192.
    var seen = [UInt8](repeating: 0, count: count)
    for _ in 0..<24 {
      var bytes = [UInt8](repeating: 0, count: count)
      RandomBytes.fill(&bytes)
      #expect(bytes.count == count)
      for index in 0..<count { seen[index] |= bytes[index] }
    }
    #expect(seen.allSatisfy { $0 != 0 })
  }

  @Test func `numbers do not repeat and use all their bits`() {
    var numbers: Set<UInt64> = []
    var ones: UInt64 = 0
    var zeros: UInt64 = 0
    for _ in 0..<1_000 {
      let number = RandomBytes.uint64()
      numbers.insert(number)
      ones |= number
      zeros |= ~number
    }
    #expect(numbers.count == 1_000)
    #expect(ones == .max)
    #expect(zeros == .max)
  }
}
