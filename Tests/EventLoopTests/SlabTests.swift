import RoostEventLoop
import TestRandom
import Testing

struct SlabTests {
  /// Counts the ends of tenants.
  private final class Ends { var count = 0 }

  private struct Tenant: ~Copyable {
    var name: Int
    let ends: Ends?
    deinit { ends?.count += 1 }
  }

  /// A slot that must be there.
  private static func taken<Element: ~Copyable>(
    from slab: inout Slab<Element>
  ) throws -> SlotToken {
    let token = slab.acquire()
    return try #require(token)
  }

  @Test func `the lowest free slot is taken first in every page`() throws {
    var slab = Slab<Int>(capacity: 1_000) { 0 }
    let emptySlots = slab.slotsUsed
    #expect(emptySlots == 0)
    for index in 0..<600 {
      let token = try Self.taken(from: &slab)
      #expect(token == SlotToken(index: Int32(index), generation: 1))
    }
    let (count, slots) = (slab.count, slab.slotsUsed)
    #expect(count == 600)
    #expect(slots == 768)
  }

  @Test(arguments: [1, 2, 255, 256, 257, 511, 512, 513])
  func `exactly as many slots as the capacity are handed out`(capacity: Int) throws {
    var slab = Slab<Int>(capacity: capacity) { 0 }
    var tokens: [SlotToken] = []
    for _ in 0..<capacity { tokens.append(try Self.taken(from: &slab)) }
    #expect(Set(tokens.map(\.index)) == Set(0..<Int32(capacity)))
    let surplus = slab.acquire()
    #expect(surplus == nil)
    slab.release(tokens[capacity / 2])
    let again = try Self.taken(from: &slab)
    #expect(again.index == tokens[capacity / 2].index)
    let beyond = slab.acquire()
    #expect(beyond == nil)
  }

  @Test func `elements keep their contents while the slab grows`() throws {
    var slab = Slab<Tenant>(capacity: 2_000) { Tenant(name: -1, ends: nil) }
    for name in 0..<2_000 {
      let token = try Self.taken(from: &slab)
      let vacant = slab[token.index].name
      #expect(vacant == -1)
      slab[token.index].name = name
    }
    for index in 0..<Int32(2_000) {
      let name = slab[index].name
      #expect(name == Int(index))
    }
  }

  /// An element that is larger than a cache line and no multiple of one.
  private struct Wide {
    var numbers: InlineArray<19, UInt64>
    var last: UInt8
  }

  @Test func `wide elements do not overlap`() throws {
    var slab = Slab<Wide>(capacity: 600) { Wide(numbers: InlineArray(repeating: 0), last: 0) }
    for number in 0..<600 {
      let token = try Self.taken(from: &slab)
      slab[token.index] = Wide(
        numbers: InlineArray(repeating: UInt64(number)), last: UInt8(truncatingIfNeeded: number))
    }
    for index in 0..<Int32(600) {
      let (first, middle) = (slab[index].numbers[0], slab[index].numbers[18])
      let last = slab[index].last
      #expect(first == UInt64(index))
      #expect(middle == UInt64(index))
      #expect(last == UInt8(truncatingIfNeeded: index))
    }
  }

  @Test func `a token is stale from its release on, whoever comes next`() throws {
    var slab = Slab<Int>(capacity: 1) { 0 }
    let first = try Self.taken(from: &slab)
    let (wasCurrent, tenant) = (slab.isCurrent(first), slab.token(at: 0))
    #expect(wasCurrent)
    #expect(tenant == first)
    slab.release(first)
    let (isCurrent, nobody) = (slab.isCurrent(first), slab.token(at: 0))
    #expect(!isCurrent)
    #expect(nobody == nil)
    let second = try Self.taken(from: &slab)
    #expect(second == SlotToken(index: 0, generation: 3))
    let (firstIsCurrent, secondIsCurrent) = (slab.isCurrent(first), slab.isCurrent(second))
    #expect(!firstIsCurrent)
    #expect(secondIsCurrent)
  }

  @Test(arguments: [
    SlotToken(index: -1, generation: 1), SlotToken(index: .min, generation: 1),
    SlotToken(index: .max, generation: 1), SlotToken(index: 256, generation: 1),
    SlotToken(index: 0, generation: 0), SlotToken(index: 0, generation: 2),
    SlotToken(index: 0, generation: 3), SlotToken(index: 1, generation: 0),
    SlotToken(index: 1, generation: 1), SlotToken(packed: .max), SlotToken(packed: .max - 1),
  ])
  func `a token that was never handed out is not current`(token: SlotToken) throws {
    var slab = Slab<Int>(capacity: 10) { 0 }
    _ = try Self.taken(from: &slab)
    let isCurrent = slab.isCurrent(token)
    #expect(!isCurrent)
  }

  @Test func `slots that do not exist have no tenant`() {
    var slab = Slab<Int>(capacity: 10) { 0 }
    _ = slab.acquire()
    for index in [Int32.min, -1, 1, 255, 256, .max] {
      let token = slab.token(at: index)
      #expect(token == nil, "slot \(index)")
    }
  }

  private static let packedTokens: [(SlotToken, UInt64)] = [
    (SlotToken(index: 0, generation: 1), 0x0000_0001_0000_0000),
    (SlotToken(index: 7, generation: 0), 0x0000_0000_0000_0007),
    (SlotToken(index: .max, generation: .max), 0xFFFF_FFFF_7FFF_FFFF),
    (SlotToken(index: -1, generation: 0), 0x0000_0000_FFFF_FFFF),
    (SlotToken(index: .min, generation: 0x8000_0001), 0x8000_0001_8000_0000),
  ]

  @Test(arguments: packedTokens)
  func `a token survives its way through epoll's user data`(token: SlotToken, packed: UInt64) {
    #expect(token.packed == packed)
    #expect(SlotToken(packed: packed) == token)
  }

  @Test func `a released element ends at once and the rest with the slab`() throws {
    let ends = Ends()
    do {
      var slab = Slab<Tenant>(capacity: 300) { Tenant(name: -1, ends: nil) }
      var tokens: [SlotToken] = []
      for name in 0..<300 {
        let token = try Self.taken(from: &slab)
        slab[token.index] = Tenant(name: name, ends: ends)
        tokens.append(token)
      }
      #expect(ends.count == 0)
      slab.release(tokens[17])
      #expect(ends.count == 1)
      let name = slab[17].name
      #expect(name == -1)
    }
    #expect(ends.count == 300)
  }

  // MARK: Giving pages back

  @Test func `trimming gives back all pages without tenants but one`() throws {
    let ends = Ends()
    var slab = Slab<Tenant>(capacity: 2_000) { Tenant(name: -1, ends: ends) }
    var tokens: [SlotToken] = []
    for _ in 0..<1_280 { tokens.append(try Self.taken(from: &slab)) }
    let nothing = slab.trim()
    #expect(nothing == 0)
    // One tenant stays in the third of five pages.
    for token in tokens where token.index != 600 { slab.release(token) }
    ends.count = 0
    let pages = slab.trim()
    #expect(pages == 3)
    #expect(ends.count == 3 * 256)
    let again = slab.trim()
    #expect(again == 0)
    let (count, slots, kept) = (slab.count, slab.slotsUsed, slab.isCurrent(tokens[600]))
    #expect(count == 1)
    #expect(slots == 1_280)
    #expect(kept)
    for token in tokens where token.index != 600 {
      let (isCurrent, tenant) = (slab.isCurrent(token), slab.token(at: token.index))
      #expect(!isCurrent)
      #expect(tenant == nil)
    }
  }

  @Test func `after a trim the pages that are there are filled first and old tokens stay old`()
    throws
  {
    var slab = Slab<Int>(capacity: 1_280) { -1 }
    var former: [SlotToken] = []
    for _ in 0..<1_280 { former.append(try Self.taken(from: &slab)) }
    for token in former where token.index != 600 { slab.release(token) }
    slab.trim()
    var order: [Int32] = []
    for number in 0..<1_279 {
      let token = try Self.taken(from: &slab)
      order.append(token.index)
      let (vacant, isCurrent) = (slab[token.index], slab.isCurrent(former[Int(token.index)]))
      #expect(vacant == -1)
      #expect(!isCurrent)
      #expect(token.generation == 3)
      slab[token.index] = number
    }
    let present = Array(Int32(0)..<256) + Array(512..<768).filter { $0 != 600 }
    #expect(order == present + Array(256..<512) + Array(768..<1_280))
    let surplus = slab.acquire()
    #expect(surplus == nil)
  }

  @Test func `reading in a page that was given back traps`() async {
    await #expect(processExitsWith: .failure) {
      var slab = Slab<Int>(capacity: 1_000) { 0 }
      var tokens: [SlotToken] = []
      for _ in 0..<600 {
        guard let token = slab.acquire() else { return }
        tokens.append(token)
      }
      for token in tokens { slab.release(token) }
      guard slab.trim() == 2 else { return }
      _ = slab[599]
    }
  }

  // MARK: Any order

  @Test func `any order of taking and giving back keeps tenants apart`() throws {
    var random = SeededGenerator.make()
    let story = Comment(rawValue: random.description)
    var slab = Slab<Int>(capacity: 700) { -1 }
    var tenants: [SlotToken: Int] = [:]
    var gone: [SlotToken] = []
    for step in 0..<20_000 {
      if Int.random(in: 0..<100, using: &random) < 52 {
        let token = slab.acquire()
        if tenants.count == 700 {
          #expect(token == nil, story)
          continue
        }
        let taken = try #require(token, story)
        let vacant = slab[taken.index]
        #expect(vacant == -1, story)
        #expect(tenants.updateValue(step, forKey: taken) == nil, story)
        slab[taken.index] = step
      } else if let token = slab.token(at: Int32.random(in: 0..<700, using: &random)) {
        let name = tenants[token]
        let held = slab[token.index]
        #expect(held == name, story)
        slab.release(token)
        tenants[token] = nil
        gone.append(token)
      }
      if Int.random(in: 0..<500, using: &random) == 0 {
        // A crowd leaves.
        for token in tenants.keys.sorted(by: { $0.index > $1.index }).prefix(tenants.count * 3 / 4)
        {
          slab.release(token)
          tenants[token] = nil
          gone.append(token)
        }
        slab.trim()
      }
      let count = slab.count
      #expect(count == tenants.count, story)
    }
    for token in gone {
      let isCurrent = slab.isCurrent(token)
      #expect(!isCurrent, story)
    }
    for (token, name) in tenants {
      let (held, isCurrent) = (slab[token.index], slab.isCurrent(token))
      #expect(held == name, story)
      #expect(isCurrent, story)
    }
  }

  // MARK: Bugs trap

  @Test func `giving a slot back twice traps`() async {
    await #expect(processExitsWith: .failure) {
      var slab = Slab<Int>(capacity: 4) { 0 }
      guard let token = slab.acquire() else { return }
      slab.release(token)
      slab.release(token)
    }
  }

  @Test func `giving a slot back with its former tenant's token traps`() async {
    await #expect(processExitsWith: .failure) {
      var slab = Slab<Int>(capacity: 4) { 0 }
      guard let former = slab.acquire() else { return }
      slab.release(former)
      guard slab.acquire() != nil else { return }
      slab.release(former)
    }
  }

  @Test func `reading at a negative index traps`() async {
    await #expect(processExitsWith: .failure) {
      var slab = Slab<Int>(capacity: 4) { 0 }
      guard slab.acquire() != nil else { return }
      _ = slab[-1]
    }
  }

  @Test func `reading behind the last page traps`() async {
    await #expect(processExitsWith: .failure) {
      var slab = Slab<Int>(capacity: 1_000) { 0 }
      guard slab.acquire() != nil else { return }
      _ = slab[slab.slotsUsed]
    }
  }

  @Test func `writing into a slab without pages traps`() async {
    await #expect(processExitsWith: .failure) {
      var slab = Slab<Int>(capacity: 1_000) { 0 }
      slab[0] = 1
    }
  }

  @Test func `a capacity of zero traps`() async {
    await #expect(processExitsWith: .failure) { _ = Slab<Int>(capacity: 0) { 0 } }
  }

  @Test func `a capacity over its bound traps`() async {
    await #expect(processExitsWith: .failure) { _ = Slab<Int>(capacity: (1 << 30) + 1) { 0 } }
  }
}
