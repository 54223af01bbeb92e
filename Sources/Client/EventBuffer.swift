// Between the loop's thread and whoever reads: bounded queues of events that `for await` takes from.

import RoostEventLoop

/// A bounded queue of events.
///
/// Any thread. Several readers share it: each event goes to one of them.
final class EventBuffer<Element: Sendable>: Sendable {
  private struct State {
    var queue: [Element] = []
    var head = 0
    var readers: [(id: UInt64, continuation: CheckedContinuation<Element?, Never>)] = []
    var cancelled: Set<UInt64> = []
    var nextReader: UInt64 = 1
    var hasEnded = false
    var isBehind = false
    var dropped = 0

    var count: Int { queue.count - head }

    mutating func take() -> Element? {
      guard head < queue.count else { return nil }
      let element = queue[head]
      head += 1
      if head == queue.count {
        queue.removeAll(keepingCapacity: queue.capacity <= 64)
        head = 0
      } else if head >= 256, head * 2 >= queue.count {
        queue.removeFirst(head)
        head = 0
      }
      return element
    }
  }

  /// What a reader meets.
  private enum Reading {
    case element(Element, isCaughtUp: Bool)
    case end
    case wait
  }

  private let state = Lock(State())
  private let countMax: Int
  private let onCaughtUp: @Sendable () -> Void
  private let onDropped: (@Sendable (Int) -> Element)?

  /// A queue.
  ///
  /// - Parameters:
  ///   - countMax: events that it holds.
  ///   - onCaughtUp: called when a reader has emptied it after it had refused an event.
  ///   - onDropped: what readers get in place of so many events that were dropped.
  init(
    countMax: Int, onCaughtUp: @escaping @Sendable () -> Void = {},
    onDropped: (@Sendable (Int) -> Element)? = nil
  ) {
    self.countMax = countMax
    self.onCaughtUp = onCaughtUp
    self.onDropped = onDropped
  }

  /// Puts an event behind the others; false when there is no room, and then until it is empty.
  ///
  /// - Parameter isSmall: one of the few that may go a little over the bound.
  func push(_ element: Element, isSmall: Bool) -> Bool {
    let (isTaken, reader) = state.withLock {
      state -> (Bool, CheckedContinuation<Element?, Never>?) in
      if state.count == 0, !state.readers.isEmpty {
        return (true, state.readers.removeFirst().continuation)
      }
      guard state.count < countMax + (isSmall ? 16 : 0) else {
        state.isBehind = true
        return (false, nil)
      }
      state.queue.append(element)
      return (true, nil)
    }
    reader?.resume(returning: element)
    return isTaken
  }

  /// Puts an event behind the others; without room the oldest one goes, which is told in its place.
  func pushDroppingOldest(_ element: Element) {
    let reader = state.withLock { state -> CheckedContinuation<Element?, Never>? in
      if state.count == 0, !state.readers.isEmpty {
        return state.readers.removeFirst().continuation
      }
      if state.count >= countMax {
        _ = state.take()
        state.dropped += 1
      }
      state.queue.append(element)
      return nil
    }
    reader?.resume(returning: element)
  }

  /// Waits for the next event; nil at the end, or when the task is cancelled.
  func next() async -> Element? {
    let id = state.withLock { state in
      state.nextReader += 1
      return state.nextReader
    }
    let element = await withTaskCancellationHandler {
      await withCheckedContinuation { (continuation: CheckedContinuation<Element?, Never>) in
        read(id, continuation)
      }
    } onCancel: {
      let reader = state.withLock { state -> CheckedContinuation<Element?, Never>? in
        guard let place = state.readers.firstIndex(where: { $0.id == id }) else {
          state.cancelled.insert(id)
          return nil
        }
        return state.readers.remove(at: place).continuation
      }
      reader?.resume(returning: nil)
    }
    state.withLock { _ = $0.cancelled.remove(id) }
    return element
  }

  private func read(_ id: UInt64, _ continuation: CheckedContinuation<Element?, Never>) {
    let reading = state.withLock { state -> Reading in
      guard !state.cancelled.contains(id) else { return .end }
      if state.dropped > 0, let onDropped {
        defer { state.dropped = 0 }
        return .element(onDropped(state.dropped), isCaughtUp: false)
      }
      if let element = state.take() {
        let isCaughtUp = state.isBehind && state.count == 0
        if isCaughtUp { state.isBehind = false }
        return .element(element, isCaughtUp: isCaughtUp)
      }
      guard !state.hasEnded else { return .end }
      state.readers.append((id, continuation))
      return .wait
    }
    switch reading {
    case .element(let element, let isCaughtUp):
      continuation.resume(returning: element)
      if isCaughtUp { onCaughtUp() }
    case .end: continuation.resume(returning: nil)
    case .wait: break
    }
  }

  /// Nothing more comes: readers get what is there, then nil.
  func end() {
    let readers = state.withLock { state in
      let readers = state.readers
      state.readers = []
      state.hasEnded = true
      return readers
    }
    for reader in readers { reader.continuation.resume(returning: nil) }
  }

  /// Something may come again.
  func begin() { state.withLock { $0.hasEnded = false } }

  /// Events that wait.
  var count: Int { state.withLock { $0.count } }
}

/// Events of a room, in their order, each once.
///
/// Ends when the room is left, or the client is closed. Several iterations share one buffer: each event
/// goes to one of them.
public struct RoomEvents: AsyncSequence, Sendable {
  /// Takes events out of the room's buffer.
  public struct AsyncIterator: AsyncIteratorProtocol {
    let buffer: EventBuffer<RoomEvent>

    /// Waits for the next event; nil at the end, and when the task is cancelled.
    public mutating func next() async -> RoomEvent? { await buffer.next() }

    /// Waits for the next event; nil at the end, and when the task is cancelled.
    public mutating func next(isolation actor: isolated (any Actor)?) async -> RoomEvent? {
      await buffer.next()
    }
  }

  let buffer: EventBuffer<RoomEvent>

  /// Begins to take events.
  public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(buffer: buffer) }
}

/// Events of a client, in their order, each once.
///
/// Ends when the client is closed, behind `closed`.
public struct ClientEvents: AsyncSequence, Sendable {
  /// Takes events out of the client's buffer.
  public struct AsyncIterator: AsyncIteratorProtocol {
    let buffer: EventBuffer<ClientEvent>

    /// Waits for the next event; nil at the end, and when the task is cancelled.
    public mutating func next() async -> ClientEvent? { await buffer.next() }

    /// Waits for the next event; nil at the end, and when the task is cancelled.
    public mutating func next(isolation actor: isolated (any Actor)?) async -> ClientEvent? {
      await buffer.next()
    }
  }

  let buffer: EventBuffer<ClientEvent>

  /// Begins to take events.
  public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(buffer: buffer) }
}
