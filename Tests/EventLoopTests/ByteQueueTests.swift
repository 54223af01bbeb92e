import RoostEventLoop
import TestRandom
import Testing

struct ByteQueueTests {
  private static func contents(of queue: borrowing ByteQueue) -> [UInt8] {
    queue.withBytes { [UInt8]($0) }
  }

  @Test func `an empty queue owns no memory`() {
    var queue = ByteQueue()
    let (count, allocated) = (queue.count, queue.allocatedBytes)
    #expect(count == 0)
    #expect(allocated == 0)
    queue.append(UnsafeRawBufferPointer(start: nil, count: 0))
    [UInt8]().withUnsafeBytes { queue.append($0) }
    let (isEmpty, allocatedStill) = (queue.isEmpty, queue.allocatedBytes)
    #expect(isEmpty)
    #expect(allocatedStill == 0)
    #expect(Self.contents(of: queue) == [])
  }

  @Test func `bytes come out in the order in which they went in`() {
    var queue = ByteQueue()
    "one ".utf8.withContiguousStorageIfAvailable { queue.append(UnsafeRawBufferPointer($0)) }
    "two".utf8.withContiguousStorageIfAvailable { queue.append(UnsafeRawBufferPointer($0)) }
    #expect(Self.contents(of: queue) == Array("one two".utf8))
    queue.removeFirst(2)
    #expect(Self.contents(of: queue) == Array("e two".utf8))
    queue.removeFirst(0)
    let count = queue.count
    #expect(count == 5)
  }

  @Test func `the last byte that leaves gives the memory back`() {
    var queue = ByteQueue()
    [UInt8](repeating: 7, count: 1_000).withUnsafeBytes { queue.append($0) }
    queue.removeFirst(999)
    let (isEmpty, allocated) = (queue.isEmpty, queue.allocatedBytes)
    #expect(!isEmpty)
    #expect(allocated == 1_000)
    queue.removeFirst(1)
    let (isEmptyNow, allocatedNow) = (queue.isEmpty, queue.allocatedBytes)
    #expect(isEmptyNow)
    #expect(allocatedNow == 0)
  }

  @Test func `a queue can be used again after everything was dropped`() {
    var queue = ByteQueue()
    [UInt8](repeating: 7, count: 1_000).withUnsafeBytes { queue.append($0) }
    queue.removeAll()
    let allocated = queue.allocatedBytes
    #expect(allocated == 0)
    [1, 2, 3].withUnsafeBytes { queue.append(UnsafeRawBufferPointer(rebasing: $0[0..<1])) }
    #expect(Self.contents(of: queue) == [1])
  }

  @Test(arguments: [1, 255, 256, 257, 1_000, 10_000])
  func `however much flows through, memory stays within four times what waits`(waiting: Int) {
    var queue = ByteQueue()
    let piece = [UInt8](repeating: 1, count: max(waiting / 3, 1))
    for _ in 0..<2_000 {
      while queue.count + piece.count <= waiting { piece.withUnsafeBytes { queue.append($0) } }
      let allocated = queue.allocatedBytes
      #expect(allocated <= max(256, 4 * waiting))
      queue.removeFirst(max(queue.count - 1, 1))
    }
  }

  @Test func `a queue behaves like an array under any mix of calls`() {
    var random = SeededGenerator.make()
    let story = Comment(rawValue: random.description)
    var queue = ByteQueue()
    var model: [UInt8] = []
    var next: UInt8 = 0
    for _ in 0..<20_000 {
      switch Int.random(in: 0..<100, using: &random) {
      case 0..<50:
        let count = Int.random(in: 0...Int.random(in: 1...900, using: &random), using: &random)
        var bytes: [UInt8] = []
        for _ in 0..<count {
          bytes.append(next)
          next &+= 1
        }
        bytes.withUnsafeBytes { queue.append($0) }
        model.append(contentsOf: bytes)
      case 50..<99:
        let count = min(Int.random(in: 0...1_000, using: &random), model.count)
        queue.removeFirst(count)
        model.removeFirst(count)
      default:
        queue.removeAll()
        model.removeAll()
      }
      let (count, isEmpty, allocated) = (queue.count, queue.isEmpty, queue.allocatedBytes)
      #expect(count == model.count, story)
      #expect(isEmpty == model.isEmpty, story)
      #expect(allocated >= count && (!isEmpty || allocated == 0), story)
      let isAlike = queue.withBytes { $0.elementsEqual(model) }
      #expect(isAlike, story)
    }
  }

  @Test func `dropping more than there is traps`() async {
    await #expect(processExitsWith: .failure) {
      var queue = ByteQueue()
      queue.removeFirst(1)
    }
  }

  @Test func `dropping a negative count traps`() async {
    await #expect(processExitsWith: .failure) {
      var queue = ByteQueue()
      queue.removeFirst(-1)
    }
  }
}
