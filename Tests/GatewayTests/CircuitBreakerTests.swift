import RoostEventLoop
import Testing

@testable import Gateway

struct CircuitBreakerTests {
  private static func at(_ seconds: Double) -> MonotonicInstant {
    MonotonicInstant(nanoseconds: 1_000_000_000_000 + UInt64(seconds * 1e9))
  }

  /// A circuit that was opened at 0.
  private static func opened() -> CircuitBreaker {
    var circuit = CircuitBreaker()
    for number in 1...5 { #expect(circuit.failed(at(0)) == (number == 5)) }
    return circuit
  }

  @Test func `four failures in a row leave it closed, the fifth opens it`() {
    var circuit = CircuitBreaker()
    for _ in 1...4 { #expect(circuit.failed(Self.at(0)) == false) }
    #expect(!circuit.isOpen)
    #expect(circuit.admits(Self.at(0)) == true)
    #expect(circuit.failed(Self.at(0)) == true)
    #expect(circuit.isOpen)
    #expect(circuit.admits(Self.at(0)) == false)
  }

  @Test func `a success begins the count anew`() {
    var circuit = CircuitBreaker()
    for _ in 1...4 { _ = circuit.failed(Self.at(0)) }
    circuit.succeeded()
    for _ in 1...4 { #expect(circuit.failed(Self.at(0)) == false) }
    #expect(!circuit.isOpen)
  }

  @Test func `after the pause one request probes, and no second one`() {
    var circuit = Self.opened()
    #expect(circuit.admits(Self.at(0.999)) == false)
    #expect(circuit.retryAfter(Self.at(0.4)) == .milliseconds(600))
    #expect(circuit.admits(Self.at(1)) == true)
    #expect(circuit.admits(Self.at(1)) == false)
    #expect(circuit.isOpen)
    circuit.succeeded()
    #expect(!circuit.isOpen)
    #expect(circuit.admits(Self.at(1)) == true)
  }

  @Test func `a probe that fails doubles the pause, up to half a minute`() {
    var circuit = Self.opened()
    var now = 1.0
    for pause in [2.0, 4, 8, 16, 30, 30] {
      #expect(circuit.admits(Self.at(now)) == true)
      #expect(circuit.failed(Self.at(now)) == false)
      #expect(circuit.admits(Self.at(now + pause - 0.001)) == false)
      now += pause
    }
  }

  @Test func `what was sent before it opened does not change the pause`() {
    var circuit = Self.opened()
    #expect(circuit.failed(Self.at(0.9)) == false)
    #expect(circuit.admits(Self.at(1)) == true)
  }
}
