// Messages of our own making: whatever is compressed, fragmented, masked and cut into pieces comes
// out as it went in, in both directions.

import RoostDeflate
import RoostWebSocket
import Synchronization

/// Compressors are too dear to make one for each input.
private let tools = Mutex(Tools())

private struct Tools: ~Copyable {
  var deflater: Deflater?
  var inflater = Inflater(windowBits: 15)

  init() {
    deflater = try? Deflater(windowBits: 15, level: 1, memoryLevel: 8)
  }
}

func fuzzMessages(_ input: borrowing Span<UInt8>) {
  guard input.count >= 1 else { return }
  let plan = Plan(options: input[0], content: input.extracting(1..<input.count).copy())
  var pieces = Pieces(for: input)
  let cuts = (0..<64).map { _ in pieces.next(upTo: 300) }
  tools.withLock { tools in
    let wire = plan.encode(&tools, cuts)
    plan.check(wire, &tools.inflater, cuts)
  }
}

/// What is sent, and how.
private struct Plan {
  /// The receiver's; frames to a server are masked.
  let role: Role
  let isCompressed: Bool
  let kind: MessageKind
  let messages: [[UInt8]]

  /// The options choose how; the content is what: messages of the lengths that their first bytes say.
  init(options: UInt8, content: [UInt8]) {
    role = options & 1 == 0 ? .server : .client
    isCompressed = options & 6 == 6
    var messages: [[UInt8]] = []
    var start = 0
    while start < content.count, messages.count < 8 {
      let count = Int(content[start]) * (options & 8 == 0 ? 1 : 17)
      let end = min(content.count, start + 1 + count)
      messages.append(Array(content[start + 1..<end]))
      start = end
    }
    let isText = messages.allSatisfy { String(validating: $0, as: UTF8.self) != nil }
    kind = isText && options & 16 == 0 ? .text : .binary
    self.messages = messages
  }

  func encode(_ tools: inout Tools, _ cuts: [Int]) -> [UInt8] {
    var wire: [UInt8] = []
    for (number, message) in messages.enumerated() {
      var payload = message
      if isCompressed {
        payload = []
        tools.deflater?.reset()
        tools.deflater?.compress(message.span, into: &payload)
      }
      let fragments = Self.fragments(of: payload, Array(cuts[(number * 7)...]))
      for (place, fragment) in fragments.enumerated() {
        append(
          place == 0 ? kind.opcode : .continuation, fragment,
          isFinal: place == fragments.count - 1, isCompressed: isCompressed && place == 0, to: &wire
        )
        // A control frame may stand between any two.
        if cuts[place % cuts.count] % 3 == 0 { append(.ping, [UInt8(number)], to: &wire) }
      }
    }
    append(.close, FrameEncoder.closePayload(code: 1000, reason: ""), to: &wire)
    return wire
  }

  private static func fragments(of payload: [UInt8], _ cuts: [Int]) -> [[UInt8]] {
    guard cuts[0] % 2 == 0 else { return [payload] }
    var fragments: [[UInt8]] = []
    var start = 0
    while start < payload.count {
      let end = min(
        payload.count, start + cuts[fragments.count % 8] + (fragments.count > 32 ? 1 : 0))
      fragments.append(Array(payload[start..<end]))
      start = end
      // Cuts may all be nothing.
      if fragments.count == 200 {
        fragments.append(Array(payload[start...]))
        break
      }
    }
    return fragments + [[]]
  }

  private func append(
    _ opcode: Opcode, _ payload: [UInt8], isFinal: Bool = true, isCompressed: Bool = false,
    to wire: inout [UInt8]
  ) {
    let key = role == .server ? UInt32(truncatingIfNeeded: wire.count &* 0x9E37_79B9) : nil
    FrameEncoder.append(
      opcode: opcode, payload: payload.span, isFinal: isFinal, isCompressed: isCompressed,
      maskingKey: key, into: &wire)
  }

  func check(_ wire: [UInt8], _ inflater: inout Inflater, _ cuts: [Int]) {
    let agreement = DeflateAgreement(
      serverNoContextTakeover: true, clientNoContextTakeover: true, serverMaxWindowBits: 15,
      clientMaxWindowBits: 15)
    let largest = messages.map(\.count).max() ?? 0
    var reader = MessageReader(
      role: role, messageBytesMax: largest, deflate: isCompressed ? agreement : nil)
    var received = 0
    var isClosed = false
    var start = 0
    var turn = 0
    while start < wire.count {
      let end = min(wire.count, start + 1 + cuts[turn % cuts.count])
      var piece = Array(wire[start..<end])
      (start, turn) = (end, turn + 1)
      var offset = 0
      while true {
        var span = piece.mutableSpan
        guard let step = try? reader.next(&span, at: &offset, inflater: &inflater) else {
          preconditionFailure("message \(received) of \(messages.count) is a violation")
        }
        if step == .needMore { break }
        switch step {
        case .needMore, .ping: break
        case .message(let kind, let payload):
          let bytes =
            switch payload {
            case .inInput(let range): Array(piece[range])
            case .assembled: reader.assembled
            }
          precondition(kind == self.kind && bytes == messages[received], "message \(received)")
          received += 1
        case .close(let code, _):
          precondition(code == 1000)
          isClosed = true
        case .pong: preconditionFailure("a pong that nobody sent")
        }
      }
    }
    precondition(received == messages.count && isClosed, "\(received) of \(messages.count) came")
  }
}
