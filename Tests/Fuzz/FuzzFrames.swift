// Bytes as a hostile peer sends them: whatever they are, pieces give what the whole gives, nothing
// goes beyond the limit, and nothing follows a close or a violation.

import RoostDeflate
import RoostWebSocket

private let messageBytesMax = 4096

func fuzzFrames(_ input: borrowing Span<UInt8>) {
  guard input.count >= 1 else { return }
  let options = input[0]
  let bytes = input.extracting(1..<input.count)
  let role: Role = options & 1 == 0 ? .server : .client
  let keepsContext = options & 4 != 0
  let agreement =
    options & 2 == 0
    ? nil
    : DeflateAgreement(
      serverNoContextTakeover: !keepsContext, clientNoContextTakeover: !keepsContext,
      serverMaxWindowBits: 15, clientMaxWindowBits: 15)
  var pieces = Pieces(for: input)
  let whole = read(bytes, role, agreement) { bytes.count }
  let cut = read(bytes, role, agreement) { pieces.next(upTo: bytes.count) }
  precondition(whole == cut, "the whole gives \(whole), pieces give \(cut)")
}

/// What came out of a stream of frames, with the payloads copied.
private enum Event: Equatable {
  case message(MessageKind, [UInt8])
  case ping([UInt8])
  case pong([UInt8])
  case close(UInt16?, [UInt8])
  case violation(WebSocketViolation)
}

private func read(
  _ bytes: borrowing Span<UInt8>, _ role: Role, _ agreement: DeflateAgreement?,
  pieceBytes: () -> Int
) -> [Event] {
  var reader = MessageReader(role: role, messageBytesMax: messageBytesMax, deflate: agreement)
  var inflater = Inflater(windowBits: 15)
  var events: [Event] = []
  var start = 0
  repeat {
    let end = min(bytes.count, start + pieceBytes())
    var piece = bytes.extracting(start..<end).copy()
    start = end
    do {
      try read(&piece, &reader, &inflater, &events)
    } catch {
      precondition((1000...4999).contains(error.closeCode) && !error.reason.isEmpty)
      events.append(.violation(error))
      // After a violation the reader is silent, whatever comes.
      var more: [UInt8] = [0x81, 0x80, 0, 0, 0, 0]
      try? read(&more, &reader, &inflater, &events)
      guard case .violation = events[events.count - 1] else {
        preconditionFailure("a violation is followed by \(events[events.count - 1])")
      }
      return events
    }
  } while start < bytes.count
  return events
}

private func read(
  _ piece: inout [UInt8], _ reader: inout MessageReader, _ inflater: inout Inflater,
  _ events: inout [Event]
) throws(WebSocketViolation) {
  var offset = 0
  while true {
    var span = piece.mutableSpan
    let step = try reader.next(&span, at: &offset, inflater: &inflater)
    func content(_ payload: RoostWebSocket.Payload) -> [UInt8] {
      switch payload {
      case .inInput(let range): Array(piece[range])
      case .assembled: reader.assembled
      }
    }
    if case .close = events.last { precondition(step == .needMore, "a close and then \(step)") }
    switch step {
    case .needMore:
      precondition(offset == piece.count, "\(offset) of \(piece.count) bytes were taken")
      return
    case .message(let kind, let payload):
      let bytes = content(payload)
      precondition(bytes.count <= messageBytesMax, "a message of \(bytes.count) bytes")
      precondition(kind == .binary || String(validating: bytes, as: UTF8.self) != nil)
      events.append(.message(kind, bytes))
    case .ping(let payload): events.append(.ping(content(payload)))
    case .pong(let payload): events.append(.pong(content(payload)))
    case .close(let code, let reason):
      let bytes = content(reason)
      precondition(bytes.count <= 123 && String(validating: bytes, as: UTF8.self) != nil)
      events.append(.close(code, bytes))
    }
  }
}
