// One WebSocket of a command: frames as they come, nothing hidden. The client library connects anew and
// recovers by itself; whoever looks at the protocol wants to see what there is.

import RoostCrypto
import RoostEventLoop
import RoostHTTP
import RoostWebSocket

/// What came from a node.
enum PeerEvent: Equatable {
  case text([UInt8])
  case binary([UInt8])
  case ping([UInt8])
  case pong
  /// A close frame: its code, nil without one, and its reason.
  case closed(UInt16?, String)
  /// The stream ended or was cut: why.
  case lost(String)
  /// Nothing until the deadline.
  case nothing
}

/// How a command connects.
struct PeerOptions: Equatable, Sendable {
  var token: String?
  /// Who may vouch for the node (PEM); nil: the authorities of the system.
  var caFile: String?
  /// How long the handshake may take.
  var patience = Duration.seconds(10)
}

/// A WebSocket, seen from the client's side.
///
/// Owner: one thread.
final class WebSocketPeer {
  private static let messageBytesMax = 64 << 20

  let stream: BlockingStream
  private var input: [UInt8] = []
  private var start = 0
  private var maskingKey: UInt32 = 0x5F37_59DF

  /// Connects and shakes hands.
  init(_ url: WebSocketURL, _ options: PeerOptions) throws(StreamFailure) {
    let deadline = MonotonicInstant.now().advanced(by: options.patience)
    var context: TLSContext?
    if url.isEncrypted {
      do throws(TLSFailure) {
        context = try TLSContext.client(
          caFile: options.caFile, certificateFile: nil, keyFile: nil)
      } catch {
        throw StreamFailure("\(error)")
      }
    }
    stream = try BlockingStream(
      host: url.host, port: url.port, context: context, deadline: deadline)
    var key = [UInt8](repeating: 0, count: 16)
    RandomBytes.fill(&key)
    let handshake: ClientHandshake
    do throws(HandshakeViolation) {
      handshake = try ClientHandshake(
        host: url.authority, path: url.path, key: key, subprotocols: ["roost.v1.json"],
        deflate: .disabled,
        extraFields: options.token.map { [("Authorization", "Bearer \($0)")] } ?? [])
    } catch {
      throw StreamFailure("the URL or the token has characters that a request cannot have")
    }
    try stream.send(handshake.requestBytes, deadline: deadline)
    let head = try readHead(deadline: deadline)
    do throws(HandshakeViolation) {
      _ = try handshake.verify(head)
    } catch {
      guard head.status == 101 else {
        throw StreamFailure("the handshake was answered \(head.status)")
      }
      throw StreamFailure("the handshake's answer is none of a WebSocket's: \(error)")
    }
  }

  private func readHead(deadline: MonotonicInstant) throws(StreamFailure) -> ResponseHead {
    let mark = Array("\r\n\r\n".utf8)
    while true {
      if let range = input.firstRange(of: mark) {
        let head = Array(input[..<range.upperBound])
        input.removeFirst(range.upperBound)
        do throws(HTTPViolation) {
          return try ResponseHead(
            parsing: head.span, requestLineBytesMax: 4096, headBytesMax: 16_384, fieldsMax: 100)
        } catch {
          throw StreamFailure("what answered does not speak HTTP")
        }
      }
      guard input.count < 16_384 else { throw StreamFailure("the handshake's answer has no end") }
      switch stream.receive(deadline: deadline) {
      case .bytes(let bytes): input += bytes
      case .ended: throw StreamFailure("the connection ended within the handshake")
      case .cut(let reason): throw StreamFailure(reason)
      case .nothing: throw StreamFailure("the handshake was not answered within the time")
      }
    }
  }

  // MARK: Frames

  /// What comes next; pings are told and not answered.
  func next(deadline: MonotonicInstant) -> PeerEvent {
    while true {
      do throws(StreamFailure) {
        if let frame = try takeFrame() { return Self.event(frame) }
      } catch {
        return .lost(error.description)
      }
      switch stream.receive(deadline: deadline) {
      case .bytes(let bytes): input += bytes
      case .ended: return .lost("the other side has ended the connection")
      case .cut(let reason): return .lost(reason)
      case .nothing: return .nothing
      }
    }
  }

  /// The next event that is no ping; pings are answered.
  func nextAnswering(deadline: MonotonicInstant) throws(StreamFailure) -> PeerEvent {
    while true {
      let event = next(deadline: deadline)
      guard case .ping(let payload) = event else { return event }
      try send(.pong, payload, patience: .seconds(10))
    }
  }

  /// Sends a frame.
  func send(_ opcode: Opcode, _ payload: [UInt8], patience: Duration) throws(StreamFailure) {
    // § RFC 6455 5.3 wants keys that nobody can foresee, for proxies that would take bytes of an
    // attacker for a request; this program sends what its own user typed.
    var key: [UInt8] = [0, 0, 0, 0]
    RandomBytes.fill(&key)
    maskingKey = key.reduce(0) { $0 << 8 | UInt32($1) }
    let frame = FrameEncoder.frame(opcode: opcode, payload: payload.span, maskingKey: maskingKey)
    try stream.send(frame, deadline: MonotonicInstant.now().advanced(by: patience))
  }

  /// Sends a text message.
  func send(text: String) throws(StreamFailure) {
    try send(.text, Array(text.utf8), patience: .seconds(30))
  }

  /// Says goodbye (RFC 6455 7.1.1) and waits a moment for the answer.
  func close() {
    let payload = FrameEncoder.closePayload(code: 1000, reason: "")
    do throws(StreamFailure) {
      try send(.close, payload, patience: .seconds(1))
    } catch {
      return
    }
    let deadline = MonotonicInstant.now().advanced(by: .seconds(2))
    while true {
      switch next(deadline: deadline) {
      case .closed, .lost, .nothing: return
      case .text, .binary, .ping, .pong: break
      }
    }
  }

  private static func event(_ frame: (opcode: UInt8, payload: [UInt8])) -> PeerEvent {
    let payload = frame.payload
    switch frame.opcode {
    case 1: return .text(payload)
    case 2: return .binary(payload)
    case 8:
      guard payload.count >= 2 else { return .closed(nil, "") }
      return .closed(
        UInt16(payload[0]) << 8 | UInt16(payload[1]),
        String(decoding: payload.dropFirst(2), as: UTF8.self))
    case 9: return .ping(payload)
    case 10: return .pong
    default: return .lost("a frame of the unknown opcode \(frame.opcode) came")
    }
  }

  /// § RFC 6455 5.2: a frame that has come whole; nodes send none in pieces.
  private func takeFrame() throws(StreamFailure) -> (opcode: UInt8, payload: [UInt8])? {
    let count = input.count - start
    guard count >= 2 else { return nil }
    let first = input[start]
    let second = input[start + 1]
    guard second & 0x80 == 0 else { throw StreamFailure("a masked frame came from a server") }
    guard first & 0xF0 == 0x80 else { throw StreamFailure("a frame in pieces or compressed came") }
    var head = 2
    var length = Int(second & 0x7F)
    if length >= 126 {
      let bytes = length == 126 ? 2 : 8
      head += bytes
      guard count >= head else { return nil }
      // Eight bytes cannot run over: what is too long is refused before it is shifted again.
      length = 0
      for byte in input[start + 2..<start + head] {
        length = length << 8 | Int(byte)
        guard length <= Self.messageBytesMax else { throw StreamFailure("a message is too long") }
      }
    }
    guard count >= head + length else { return nil }
    let payload = Array(input[start + head..<start + head + length])
    start += head + length
    if start > 1 << 16 || start == input.count {
      input.removeFirst(start)
      start = 0
    }
    return (first & 0x0F, payload)
  }
}
