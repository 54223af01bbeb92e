// From bytes to messages: RFC 6455 section 5 and RFC 7692. The caller reads into one buffer that all
// its connections share; a message that lies in it as a whole is handed out where it lies, and only
// what is incomplete at the end of the buffer, fragmented or compressed is copied here. All other
// rules about one frame are in `FrameDecoder`; this file knows how frames follow each other.

public import RoostDeflate

/// Turns the bytes of one connection into messages and control frames.
///
/// Lives in its connection's thread. Owns heap only while a message or control frame is incomplete,
/// and until the next call after it has handed out an assembled one.
public struct MessageReader: ~Copyable, Sendable {
  // What was agreed on.
  private let messageBytesMax: Int
  private let peer: Role
  private let isDeflateAgreed: Bool
  private let keepsDeflateContext: Bool

  // Where the reader stands.
  private var place = Place.header
  private var message: MessageUnderWay?
  private var utf8 = UTF8Check()
  private var isAssembledHandedOut = false

  // The bytes of a header that is not complete yet.
  private var headerCount: UInt8 = 0
  private var headerStart = InlineArray<14, UInt8>(repeating: 0)

  /// Frames whose header was read, modulo 2^32: what a peer costs besides its bytes.
  public private(set) var framesRead: UInt32 = 0

  /// What has come of the message under way, as on the wire but for the mask.
  private var partial: [UInt8] = []

  /// The payload of the last step, where that step says `.assembled`; otherwise no meaning.
  ///
  /// Valid until the next call of `next`, which frees it.
  public private(set) var assembled: [UInt8] = []

  /// The place inside the stream of frames.
  private enum Place {
    case header
    case data(FrameRest)
    case control(Opcode, FrameRest)
    case ended
  }

  /// What is to come of the frame under way, and the key turned to its next byte.
  private struct FrameRest {
    var payloadBytes: Int
    var maskingKey: UInt32
    let isFinal: Bool
  }

  private struct MessageUnderWay {
    let kind: MessageKind
    let isCompressed: Bool
  }

  /// What a call found, when it found anything.
  private enum Progress {
    case goOn
    case step(ReadStep)
  }

  /// An assembled buffer up to this size is used again for further messages of the same input.
  private static let keptCapacityMax = 65_536

  /// Prepares a reader for a connection whose handshake is done.
  ///
  /// - Parameters:
  ///   - role: this side's.
  ///   - messageBytesMax: the most bytes of a message after reassembly and inflating, 0 or more.
  ///   - deflate: what the handshake agreed on, or nothing.
  public init(role: Role, messageBytesMax: Int, deflate: DeflateAgreement?) {
    precondition(messageBytesMax >= 0, "messages of \(messageBytesMax) bytes")
    self.messageBytesMax = messageBytesMax
    peer = role == .server ? .client : .server
    isDeflateAgreed = deflate != nil
    keepsDeflateContext = deflate?.keepsContext(from: peer) ?? false
  }

  /// Whether a message has begun and not ended, or a frame is incomplete.
  public var isInsideMessage: Bool {
    if case .ended = place { return false }
    if case .header = place { return message != nil || headerCount > 0 }
    return true
  }

  /// Bytes of heap that are held for this connection now: 0 when it is idle.
  public var heapBytes: Int { partial.capacity + assembled.capacity }

  /// Reads on in `input` from `offset` until a message or control frame is complete.
  ///
  /// Unmasks in place and moves `offset` behind what it has taken in; bytes before `offset` must not
  /// be presented again. Call it until it answers `.needMore`, for which it has consumed all of the
  /// input. After a close frame whatever follows is dropped (RFC 6455 5.5.1).
  ///
  /// An error ends the connection: the rest of the input is consumed, the buffers are freed, and
  /// further calls answer `.needMore`. The caller sends the violation's close code.
  ///
  /// `inflater` is only used for compressed messages, and never left in the middle of one. Without
  /// context takeover by the peer it is reset before each message, so one inflater serves all
  /// connections of a thread; with it (`DeflateAgreement.keepsContext(from:)`) it must be the one
  /// that belongs to this connection. Linear in the input.
  public mutating func next(
    _ input: inout MutableSpan<UInt8>, at offset: inout Int, inflater: inout Inflater
  ) throws(WebSocketViolation) -> ReadStep {
    precondition(offset >= 0 && offset <= input.count, "\(offset) of \(input.count) bytes")
    if isAssembledHandedOut {
      isAssembledHandedOut = false
      assembled.removeAll(keepingCapacity: assembled.capacity <= Self.keptCapacityMax)
    }
    do throws(WebSocketViolation) {
      while true {
        let progress: Progress
        switch place {
        case .header: progress = try readHeader(input.span, at: &offset)
        case .data(let rest):
          progress = try readData(rest, of: &input, at: &offset, inflater: &inflater)
        case .control(let opcode, let rest):
          progress = try readControl(opcode, rest, of: &input, at: &offset)
        case .ended:
          offset = input.count
          progress = .step(.needMore)
        }
        guard case .step(let step) = progress else { continue }
        if step == .needMore { freeAssembledUnlessNeeded() }
        return step
      }
    } catch {
      offset = input.count
      end()
      throw error
    }
  }

  /// Hands the assembled payload over instead of having it freed by the next call.
  public mutating func takeAssembled() -> [UInt8] {
    precondition(isAssembledHandedOut, "no assembled payload to take")
    isAssembledHandedOut = false
    var taken: [UInt8] = []
    swap(&taken, &assembled)
    return taken
  }

  // MARK: Headers

  private mutating func readHeader(
    _ input: borrowing Span<UInt8>, at offset: inout Int
  ) throws(WebSocketViolation) -> Progress {
    if headerCount == 0 {
      let progress = try FrameDecoder.header(
        in: input, at: offset, from: peer, isDeflateAgreed: isDeflateAgreed)
      if case .complete(let header) = progress {
        offset += header.headerBytes
        try begin(header)
        return .goOn
      }
    }
    // The header stands across the border of two inputs: it is put together byte by byte.
    while offset < input.count {
      precondition(headerCount < 14, "a header of more than 14 bytes")
      headerStart[Int(headerCount)] = input[offset]
      headerCount += 1
      offset += 1
      let progress = try FrameDecoder.header(
        in: headerStart.span.extracting(first: Int(headerCount)), at: 0, from: peer,
        isDeflateAgreed: isDeflateAgreed)
      if case .complete(let header) = progress {
        headerCount = 0
        try begin(header)
        return .goOn
      }
    }
    return .step(.needMore)
  }

  /// Checks a header against the message under way and the size limit.
  private mutating func begin(_ header: DecodedHeader) throws(WebSocketViolation) {
    framesRead &+= 1
    let rest = FrameRest(
      payloadBytes: header.payloadBytes, maskingKey: header.maskingKey, isFinal: header.isFinal)
    switch header.opcode {
    case .close, .ping, .pong:
      // § 5.4: control frames may stand between the fragments of a message.
      place = .control(header.opcode, rest)
      return
    case .continuation:
      guard message != nil else { throw .continuationWithoutMessage }
    case .text, .binary:
      guard message == nil else { throw .messageInterrupted }
      precondition(
        partial.isEmpty && utf8.isComplete,
        "\(partial.count) bytes or half a character left of an earlier message")
      message = MessageUnderWay(
        kind: header.opcode == .text ? .text : .binary, isCompressed: header.isCompressed)
    }
    // Before the first byte of it is kept, and in a form that cannot overflow.
    guard header.payloadBytes <= wireBytesMax - partial.count else {
      throw .messageTooLarge(bytesMax: messageBytesMax)
    }
    place = .data(rest)
  }

  /// The most bytes of the message under way as it travels.
  ///
  /// What does not compress grows a little: deflate's worst case is an eighth and some bytes.
  private var wireBytesMax: Int {
    guard message?.isCompressed == true else { return messageBytesMax }
    let (sum, isTooLarge) = messageBytesMax.addingReportingOverflow(messageBytesMax / 8 + 64)
    return isTooLarge ? Int.max : sum
  }

  // MARK: Payloads

  private mutating func readData(
    _ rest: FrameRest, of input: inout MutableSpan<UInt8>, at offset: inout Int,
    inflater: inout Inflater
  ) throws(WebSocketViolation) -> Progress {
    guard let message else { preconditionFailure("payload of no message") }
    let (range, rest) = takePiece(of: rest, from: &input, at: &offset)
    if message.kind == .text, !message.isCompressed {
      // § 8.1: text that is not UTF-8 fails the connection, here at its first wrong byte.
      guard utf8.check(input.span, in: range) else { throw .invalidUTF8 }
    }
    guard rest.payloadBytes == 0, rest.isFinal else {
      partial.append(copying: input.span.extracting(range))
      place = rest.payloadBytes == 0 ? .header : .data(rest)
      return rest.payloadBytes == 0 ? .goOn : .step(.needMore)
    }
    self.message = nil
    place = .header
    guard message.kind == .binary || utf8.isComplete else { throw .invalidUTF8 }
    if partial.isEmpty {
      // The whole message lies in the input.
      guard message.isCompressed else { return .step(.message(message.kind, .inInput(range))) }
      try inflate(input.span.extracting(range), as: message.kind, with: &inflater)
    } else {
      partial.append(copying: input.span.extracting(range))
      var wire: [UInt8] = []
      swap(&wire, &partial)
      if message.isCompressed {
        try inflate(wire.span, as: message.kind, with: &inflater)
      } else {
        swap(&wire, &assembled)
      }
    }
    isAssembledHandedOut = true
    return .step(.message(message.kind, .assembled))
  }

  /// Inflates a whole message into `assembled` and checks it.
  private mutating func inflate(
    _ wire: borrowing Span<UInt8>, as kind: MessageKind, with inflater: inout Inflater
  ) throws(WebSocketViolation) {
    precondition(assembled.isEmpty, "\(assembled.count) bytes before an inflated message")
    if !keepsDeflateContext { inflater.reset() }
    do throws(DeflateViolation) {
      try inflater.decompress(wire, into: &assembled, bytesMax: messageBytesMax)
    } catch {
      switch error {
      case .tooLarge(let bytesMax): throw .messageTooLarge(bytesMax: bytesMax)
      case .corrupt: throw .compressedPayloadCorrupt
      case .outOfMemory: throw .outOfMemory
      }
    }
    guard kind == .text else { return }
    var check = UTF8Check()
    guard check.check(assembled.span, in: 0..<assembled.count), check.isComplete else {
      throw .invalidUTF8
    }
  }

  private mutating func readControl(
    _ opcode: Opcode, _ rest: FrameRest, of input: inout MutableSpan<UInt8>, at offset: inout Int
  ) throws(WebSocketViolation) -> Progress {
    let (range, rest) = takePiece(of: rest, from: &input, at: &offset)
    // Between steps `assembled` is empty, or holds the first part of this very frame.
    let isWholeInInput = rest.payloadBytes == 0 && assembled.isEmpty
    if !isWholeInInput { assembled.append(copying: input.span.extracting(range)) }
    guard rest.payloadBytes == 0 else {
      place = .control(opcode, rest)
      return .step(.needMore)
    }
    place = .header
    isAssembledHandedOut = !isWholeInInput
    let payload = isWholeInInput ? Payload.inInput(range) : .assembled
    switch opcode {
    case .ping: return .step(.ping(payload))
    case .pong: return .step(.pong(payload))
    default: break
    }
    guard isWholeInInput else {
      let code = try ClosePayload.code(of: assembled.span)
      assembled.removeFirst(code == nil ? 0 : 2)
      dropMessage()
      return .step(.close(code: code, reason: .assembled))
    }
    let code = try ClosePayload.code(of: input.span.extracting(range))
    dropMessage()
    let reason = code == nil ? range : range.lowerBound + 2..<range.upperBound
    return .step(.close(code: code, reason: .inInput(reason)))
  }

  /// Unmasks what the input holds of the frame under way and moves behind it.
  private func takePiece(
    of rest: FrameRest, from input: inout MutableSpan<UInt8>, at offset: inout Int
  ) -> (Range<Int>, FrameRest) {
    var rest = rest
    let range = offset..<offset + min(rest.payloadBytes, input.count - offset)
    if rest.maskingKey != 0 {
      rest.maskingKey = Mask.apply(rest.maskingKey, to: &input, in: range)
    }
    rest.payloadBytes -= range.count
    offset = range.upperBound
    return (range, rest)
  }

  // MARK: Freeing

  /// Nothing comes after a close frame or an error, so nothing is kept for it.
  private mutating func dropMessage() {
    place = .ended
    message = nil
    partial = []
  }

  private mutating func end() {
    dropMessage()
    assembled = []
    isAssembledHandedOut = false
    headerCount = 0
  }

  /// An idle connection owns no heap; one in the middle of a control frame needs its first part.
  private mutating func freeAssembledUnlessNeeded() {
    if case .control = place { return }
    assembled = []
  }
}
