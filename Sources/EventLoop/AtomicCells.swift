// A fixed row of atomic numbers, for counters that several loops share without a lock.

import Glibc
import Synchronization

/// A row of 64-bit atomics.
///
/// `@unchecked Sendable` with this proof: the memory is allocated and zeroed before the value is
/// shared and freed after the last reference; every access goes through an atomic operation.
public final class AtomicCells: @unchecked Sendable {
  private let cells: UnsafeMutablePointer<Atomic<UInt64>>

  /// Cells in the row.
  public let count: Int

  /// A row of that many zeros, at least 1.
  public init(count: Int) {
    precondition(count >= 1, "a row has cells")
    self.count = count
    // Zeroed by the system when a page is first touched: a row that is hardly used costs nothing.
    guard let memory = calloc(count, MemoryLayout<Atomic<UInt64>>.stride) else {
      preconditionFailure("no memory for \(count) cells")
    }
    // An atomic number is its bits, and zero is all of them clear.
    cells = memory.bindMemory(to: Atomic<UInt64>.self, capacity: count)
  }

  deinit {
    cells.deinitialize(count: count)
    free(cells)
  }

  /// Reads a cell.
  ///
  /// Any thread.
  public func load(_ index: Int) -> UInt64 {
    precondition(index >= 0 && index < count, "cell \(index) of \(count)")
    return cells[index].load(ordering: .relaxed)
  }

  /// Adds one and returns the new value.
  ///
  /// Any thread.
  public func increment(_ index: Int) -> UInt64 {
    precondition(index >= 0 && index < count, "cell \(index) of \(count)")
    return cells[index].add(1, ordering: .relaxed).newValue
  }

  /// Takes one away; a cell never goes below zero, which would be a bug.
  ///
  /// Any thread.
  public func decrement(_ index: Int) {
    precondition(index >= 0 && index < count, "cell \(index) of \(count)")
    let old = cells[index].subtract(1, ordering: .relaxed).oldValue
    precondition(old > 0, "cell \(index) went below zero")
  }

  /// Replaces `expected` by `value`; false, with the value that is there, when it is another.
  ///
  /// Any thread.
  public func exchange(_ index: Int, expected: UInt64, value: UInt64) -> (Bool, UInt64) {
    precondition(index >= 0 && index < count, "cell \(index) of \(count)")
    let result = cells[index].compareExchange(
      expected: expected, desired: value, ordering: .relaxed)
    return (result.exchanged, result.original)
  }
}
