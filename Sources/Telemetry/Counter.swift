// The cells that metrics are made of. A shard owns its cells and is their only writer, so an addition
// is a plain load and a plain store: no lock prefix, no bounce of a cache line. The scraping thread
// reads the same cells whenever it likes; relaxed order is enough, as no cell guards another.

import Synchronization

/// A count that only grows, written by one thread and read by any.
///
/// Two threads that add to one cell lose additions (never memory safety): use `SharedCounter` there.
/// It wraps at 2^64, which a scraper reads as a restart.
public struct Counter: ~Copyable, Sendable {
  private let cell = Atomic<UInt64>(0)

  /// Starts at zero.
  public init() {}

  /// Adds to the count.
  ///
  /// The one writing thread only.
  public func add(_ amount: UInt64 = 1) {
    cell.store(cell.load(ordering: .relaxed) &+ amount, ordering: .relaxed)
  }

  /// The count so far.
  ///
  /// Any thread.
  public var value: UInt64 { cell.load(ordering: .relaxed) }
}

/// A count that only grows, written and read by any thread.
///
/// Each addition is one locked instruction: some nanoseconds alone, far more when threads compete.
public struct SharedCounter: ~Copyable, Sendable {
  private let cell = Atomic<UInt64>(0)

  /// Starts at zero.
  public init() {}

  /// Adds to the count.
  ///
  /// Any thread.
  public func add(_ amount: UInt64 = 1) {
    cell.wrappingAdd(amount, ordering: .relaxed)
  }

  /// The count so far.
  ///
  /// Any thread.
  public var value: UInt64 { cell.load(ordering: .relaxed) }
}

/// A level that rises and falls, written by one thread and read by any.
public struct Gauge: ~Copyable, Sendable {
  private let cell = Atomic<Int64>(0)

  /// Starts at zero.
  public init() {}

  /// Replaces the level.
  ///
  /// The one writing thread only.
  public func set(_ level: Int64) {
    cell.store(level, ordering: .relaxed)
  }

  /// Moves the level up, or down with a negative amount.
  ///
  /// The one writing thread only.
  public func add(_ amount: Int64) {
    cell.store(cell.load(ordering: .relaxed) &+ amount, ordering: .relaxed)
  }

  /// The level now.
  ///
  /// Any thread.
  public var value: Int64 { cell.load(ordering: .relaxed) }
}
