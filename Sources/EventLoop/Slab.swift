// Storage of ~Copyable elements in pages: addresses never move, access is in place, and every index
// is checked. It grows with use up to a capacity, so a high limit costs nothing until it is needed.
//
// One of three files with unsafe memory in it (with SendArena and ByteQueue). Elements are always
// initialised: a vacant slot holds a vacant element, so no index in range can meet raw memory.

/// A slot of a slab and the generation of its tenant; together they never name anything else.
public struct SlotToken: Hashable, Sendable {
  /// The slot's index.
  public let index: Int32
  /// Grows by two with each of the slot's tenants, for whom it is odd; wraps after two billion.
  public let generation: UInt32

  /// Puts a token together.
  public init(index: Int32, generation: UInt32) {
    self.index = index
    self.generation = generation
  }

  /// Reads a token from epoll's user data.
  public init(packed: UInt64) {
    index = Int32(truncatingIfNeeded: packed & 0xFFFF_FFFF)
    generation = UInt32(truncatingIfNeeded: packed >> 32)
  }

  /// The token as epoll's user data.
  public var packed: UInt64 { UInt64(generation) << 32 | UInt64(UInt32(bitPattern: index)) }
}

/// Paged storage with a free list and generations.
///
/// Owned by one thread.
public struct Slab<Element: ~Copyable>: ~Copyable {
  // Pages of 256 elements. Each element begins on a cache line of its own, so that the fields which
  // stand first in it are one line, not two.
  private let pages: UnsafeMutablePointer<UnsafeMutableRawPointer?>
  private let strideBytes: Int
  private let pagesMax: Int
  private var slotCount: Int32 = 0
  private var generations: [UInt32] = []
  private var free: [Int32] = []
  /// Tenants of each page; a page without any can be given back by `trim`.
  private var tenants: [UInt16] = []
  private let vacant: () -> Element

  /// Slots in use.
  public private(set) var count = 0

  /// The most slots that may be in use at once.
  public let capacity: Int

  /// An empty slab.
  ///
  /// - Parameters:
  ///   - capacity: 1 to 2^30 slots.
  ///   - vacant: makes the element that an unused slot holds.
  public init(capacity: Int, vacant: @escaping () -> Element) {
    precondition(capacity >= 1 && capacity <= 1 << 30, "capacity \(capacity)")
    self.capacity = capacity
    self.vacant = vacant
    strideBytes = (MemoryLayout<Element>.size + 63) / 64 * 64
    pagesMax = (capacity + 255) >> 8
    pages = .allocate(capacity: pagesMax)
    pages.initialize(repeating: nil, count: pagesMax)
  }

  deinit {
    for page in 0..<tenants.count { freePage(page) }
    pages.deallocate()
  }

  /// The element in a slot, vacant or not; traps on an index outside the pages that were made, and
  /// on one whose page was given back.
  public subscript(_ index: Int32) -> Element {
    unsafeAddress {
      precondition(UInt32(bitPattern: index) < UInt32(bitPattern: slotCount))
      let page = pages[Int(index) >> 8]
      precondition(page != nil)
      let place = page.unsafelyUnwrapped + (Int(index) & 0xFF) &* strideBytes
      return UnsafePointer(place.assumingMemoryBound(to: Element.self))
    }
    mutating unsafeMutableAddress {
      precondition(UInt32(bitPattern: index) < UInt32(bitPattern: slotCount))
      let page = pages[Int(index) >> 8]
      precondition(page != nil)
      let place = page.unsafelyUnwrapped + (Int(index) & 0xFF) &* strideBytes
      return place.assumingMemoryBound(to: Element.self)
    }
  }

  /// Takes a free slot; nil when `capacity` slots are in use.
  ///
  /// The element is still vacant.
  public mutating func acquire() -> SlotToken? {
    guard count < capacity else { return nil }
    if free.isEmpty { grow() }
    guard let index = free.popLast() else { return nil }
    let page = Int(index) >> 8
    if pages[page] == nil { makePage(page) }
    tenants[page] += 1
    count += 1
    // Odd generations are tenants.
    generations[Int(index)] &+= 1
    return SlotToken(index: index, generation: generations[Int(index)])
  }

  /// Gives a slot back; its element is replaced by a vacant one.
  public mutating func release(_ token: SlotToken) {
    precondition(isCurrent(token), "slot \(token.index) was released twice")
    generations[Int(token.index)] &+= 1
    self[token.index] = vacant()
    free.append(token.index)
    tenants[Int(token.index) >> 8] -= 1
    count -= 1
  }

  /// Whether the token's tenant still has the slot.
  public func isCurrent(_ token: SlotToken) -> Bool {
    guard token.index >= 0, token.index < slotCount else { return false }
    return token.generation & 1 == 1 && generations[Int(token.index)] == token.generation
  }

  /// The token of the tenant of a slot; nil when the slot is vacant.
  public func token(at index: Int32) -> SlotToken? {
    guard index >= 0, index < slotCount, generations[Int(index)] & 1 == 1 else { return nil }
    return SlotToken(index: index, generation: generations[Int(index)])
  }

  /// Slots there have been so far, in use or not: the bound for a walk over all tokens.
  ///
  /// Ask `token` before an element is touched, because its page may have been given back.
  public var slotsUsed: Int32 { slotCount }

  /// Gives pages without tenants back, but for one; returns how many.
  ///
  /// Generations are kept, so old tokens stay old. Linear in the pages and, when any is given back,
  /// in the free slots.
  @discardableResult
  public mutating func trim() -> Int {
    var vacantPages = 0
    for page in 0..<tenants.count where tenants[page] == 0 && pages[page] != nil {
      vacantPages += 1
      if vacantPages > 1 { freePage(page) }
    }
    guard vacantPages > 1 else { return 0 }
    // Slots of pages that are there are taken first, low ones before high ones.
    let present = free.filter { pages[Int($0) >> 8] != nil }.sorted(by: >)
    free = free.filter { pages[Int($0) >> 8] == nil }.sorted(by: >) + present
    return vacantPages - 1
  }

  private mutating func grow() {
    let page = tenants.count
    precondition(page < pagesMax, "a slab grew beyond its capacity")
    makePage(page)
    tenants.append(0)
    let first = slotCount
    slotCount += 256
    generations.append(contentsOf: repeatElement(0, count: 256))
    // The lowest index is taken first, which keeps the used part dense.
    free.append(contentsOf: (first..<slotCount).reversed())
  }

  private func makePage(_ page: Int) {
    let memory = UnsafeMutableRawPointer.allocate(byteCount: 256 * strideBytes, alignment: 64)
    for offset in 0..<256 {
      (memory + offset * strideBytes).initializeMemory(as: Element.self, to: vacant())
    }
    pages[page] = memory
  }

  private func freePage(_ page: Int) {
    guard let memory = pages[page] else { return }
    for offset in 0..<256 {
      (memory + offset * strideBytes).assumingMemoryBound(to: Element.self)
        .deinitialize(count: 1)
    }
    memory.deallocate()
    pages[page] = nil
  }
}
