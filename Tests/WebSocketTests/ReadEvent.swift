import RoostDeflate
import RoostWebSocket

/// What a reader has made of some bytes, with the payloads as copies.
enum ReadEvent: Equatable {
  case text(String)
  case binary([UInt8])
  case ping([UInt8])
  case pong([UInt8])
  case close(UInt16?, String)
  case violation(WebSocketViolation)
}

/// A reader with the inflater it needs, and everything it has read so far.
struct EventReader: ~Copyable {
  var reader: MessageReader
  var inflater = Inflater(windowBits: 15)
  var events: [ReadEvent] = []

  init(role: Role, messageBytesMax: Int = 1_000_000, deflate: DeflateAgreement? = nil) {
    reader = MessageReader(role: role, messageBytesMax: messageBytesMax, deflate: deflate)
  }

  /// Presents one piece of the stream, as one read from a socket would.
  mutating func receive(_ piece: [UInt8]) {
    var buffer = piece
    var offset = 0
    while true {
      do throws(WebSocketViolation) {
        var span = buffer.mutableSpan
        let step = try reader.next(&span, at: &offset, inflater: &inflater)
        if step == .needMore { break }
        append(step, buffer)
      } catch {
        events.append(.violation(error))
        break
      }
    }
    precondition(offset == buffer.count, "the reader left bytes behind")
  }

  private mutating func append(_ step: ReadStep, _ buffer: [UInt8]) {
    switch step {
    case .needMore: break
    case .message(.text, let payload): events.append(.text(string(bytes(payload, buffer))))
    case .message(.binary, let payload): events.append(.binary(bytes(payload, buffer)))
    case .ping(let payload): events.append(.ping(bytes(payload, buffer)))
    case .pong(let payload): events.append(.pong(bytes(payload, buffer)))
    case .close(let code, let reason):
      events.append(.close(code, string(bytes(reason, buffer))))
    }
  }

  private func bytes(_ payload: Payload, _ buffer: [UInt8]) -> [UInt8] {
    switch payload {
    case .inInput(let range): Array(buffer[range])
    case .assembled: reader.assembled
    }
  }

  private func string(_ bytes: [UInt8]) -> String {
    guard let text = String(validating: bytes, as: UTF8.self) else {
      preconditionFailure("the reader handed out text that is not UTF-8: \(bytes)")
    }
    return text
  }
}

/// What a reader makes of a stream that comes in the given pieces.
func events(
  of stream: [[UInt8]], role: Role = .server, messageBytesMax: Int = 1_000_000,
  deflate: DeflateAgreement? = nil
) -> [ReadEvent] {
  var reader = EventReader(role: role, messageBytesMax: messageBytesMax, deflate: deflate)
  for piece in stream { reader.receive(piece) }
  return reader.events
}

/// One frame as a client sends it, unless `maskingKey` says otherwise.
func frame(
  _ opcode: Opcode, _ payload: [UInt8], isFinal: Bool = true, isCompressed: Bool = false,
  maskingKey: UInt32? = 0x37FA_213D
) -> [UInt8] {
  FrameEncoder.frame(
    opcode: opcode, payload: payload.span, isFinal: isFinal, isCompressed: isCompressed,
    maskingKey: maskingKey)
}

/// A frame with a text for its payload.
func frame(
  _ opcode: Opcode, _ text: String, isFinal: Bool = true, isCompressed: Bool = false,
  maskingKey: UInt32? = 0x37FA_213D
) -> [UInt8] {
  frame(
    opcode, [UInt8](text.utf8), isFinal: isFinal, isCompressed: isCompressed,
    maskingKey: maskingKey)
}

extension DeflateAgreement {
  /// Each message by itself, in both directions.
  static let withoutTakeover = DeflateAgreement(
    serverNoContextTakeover: true, clientNoContextTakeover: true, serverMaxWindowBits: 15,
    clientMaxWindowBits: 15)

  /// Both windows kept from message to message.
  static let withTakeover = DeflateAgreement(
    serverNoContextTakeover: false, clientNoContextTakeover: false, serverMaxWindowBits: 15,
    clientMaxWindowBits: 15)
}
