// A service that does not answer is left alone for a while: what waits for it is answered at once, and
// it is not buried under what has piled up when it comes back.

import RoostEventLoop

/// Whether a service is asked.
///
/// Pure. Closed: it is. After five failures in a row it opens: nobody asks until a pause has passed.
/// Then one request probes; its success closes the circuit, its failure makes the pause twice as long.
struct CircuitBreaker: Sendable, Equatable {
  /// Failures in a row that open it.
  static let failuresMax = 5
  /// The first pause, and the longest.
  static let pauses = Duration.seconds(1)...Duration.seconds(30)

  private enum State: Equatable {
    case closed(failures: Int)
    case open(until: MonotonicInstant, pause: Duration)
    case probing(pause: Duration)
  }

  private var state = State.closed(failures: 0)

  /// Whether requests are refused, one probe aside.
  var isOpen: Bool {
    if case .closed = state { false } else { true }
  }

  /// Whether a request may be sent now; after the pause only the first one may, and is the probe.
  mutating func admits(_ now: MonotonicInstant) -> Bool {
    switch state {
    case .closed: return true
    case .open(let until, let pause):
      guard until <= now else { return false }
      state = .probing(pause: pause)
      return true
    case .probing: return false
    }
  }

  /// When it is worth asking again.
  func retryAfter(_ now: MonotonicInstant) -> Duration {
    switch state {
    case .closed: .milliseconds(100)
    case .open(let until, _): max(until.since(now), .milliseconds(100))
    case .probing: .seconds(1)
    }
  }

  /// A request was answered.
  mutating func succeeded() { state = .closed(failures: 0) }

  /// A request was not; true when this opened the circuit.
  mutating func failed(_ now: MonotonicInstant) -> Bool {
    switch state {
    case .closed(let failures):
      guard failures + 1 >= Self.failuresMax else {
        state = .closed(failures: failures + 1)
        return false
      }
      state = .open(
        until: now.advanced(by: Self.pauses.lowerBound), pause: Self.pauses.lowerBound)
      return true
    case .probing(let pause):
      let longer = min(pause * 2, Self.pauses.upperBound)
      state = .open(until: now.advanced(by: longer), pause: longer)
      return false
    // A request that was sent before the circuit opened.
    case .open: return false
    }
  }
}
