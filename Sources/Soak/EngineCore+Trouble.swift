// Clients that are no joy to a gateway: those that go and come, read slowly or not at all, send too
// much or nonsense. What each does next is decided when its timer comes.

import RoostEventLoop
import RoostWebSocket

extension EngineCore {
  /// A connection of such a client is there: when it does something first.
  mutating func beginTurns(_ client: SoakClient, _ now: MonotonicInstant) {
    switch client.kind {
    case .ours, .stock: return
    case .churning:
      let part = 0.5 + numbers.fraction()
      wake(client, .milliseconds(Int64(Double(scenario.churnSeconds) * 1000 * part)), now)
    case .slow: wake(client, .milliseconds(100), now)
    case .frozen: wake(client, .seconds(3), now)
    case .flooding, .malformed: wake(client, .milliseconds(50), now)
    }
  }

  private mutating func wake(
    _ client: SoakClient, _ pause: Duration, _ now: MonotonicInstant
  ) {
    client.wake = now.advanced(by: pause)
    schedule(client, at: client.wake)
  }

  mutating func takeTurn(_ client: SoakClient, _ now: MonotonicInstant) {
    guard !isCalm, let link = client.links.last else { return }
    client.turn += 1
    switch client.kind {
    case .ours, .stock: return
    case .churning:
      // Every other time without a word.
      if client.turn % 2 == 0 {
        link.connection.close(code: 1000, mask: makeMask())
        _ = link.connection.flush(poller)
      }
      forget(client, link, now)
      client.lostAt = nil
      comeBack(client, nil, now)
    case .slow:
      link.connection.setReading(true, poller)
      wake(client, .milliseconds(100), now)
    case .frozen:
      link.connection.setReading(client.turn % 2 == 0, poller)
      wake(client, .seconds(3), now)
    case .flooding:
      let text = Array(#"{"type":"ping","id":1}"#.utf8)
      for _ in 0..<50 { send(client, link, text) }
      wake(client, .milliseconds(50), now)
    case .malformed:
      link.connection.sendRaw(Self.nonsense[client.turn % Self.nonsense.count])
      markDirty(client)
      wake(client, .milliseconds(250), now)
    }
  }

  /// What no node may be impressed by.
  private static let nonsense: [[UInt8]] = [
    // An object that is none, in a frame that is one.
    FrameEncoder.frame(
      opcode: .text, payload: Array("{\"type\":".utf8).span, maskingKey: 0x1234_5678),
    // A type that does not exist, and values of the wrong kind.
    FrameEncoder.frame(
      opcode: .text, payload: Array(#"{"type":"fly","id":{}}"#.utf8).span, maskingKey: 1),
    FrameEncoder.frame(
      opcode: .text, payload: Array(#"{"type":"join","id":1,"room":[1]}"#.utf8).span,
      maskingKey: 2),
    // Text that is no UTF-8 (RFC 6455, 8.1).
    FrameEncoder.frame(opcode: .text, payload: [0xC0, 0x80, 0xFF].span, maskingKey: 3),
    // A frame without a mask (5.1), one of a reserved opcode, one that promises 2^62 bytes.
    [0x81, 0x02, 0x7B, 0x7D],
    [0x83, 0x80, 0, 0, 0, 0],
    [0x81, 0xFF, 0x40, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
  ]
}
