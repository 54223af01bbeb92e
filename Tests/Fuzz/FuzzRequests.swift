// Text messages of clients: reading goes on and ends; what is answered or forwarded is one line of
// valid JSON, whatever the request was.

import RoostJSON
import RoostRooms
import RoostWire

private let limits = RequestLimits(
  depthMax: 16, keyBytesMax: 64, idBytesMax: 64, tokenBytesMax: 256)

func fuzzRequests(_ text: borrowing Span<UInt8>) {
  let reader = RequestReader(limits: limits)
  var offset = 0
  while true {
    let before = offset
    let step = reader.next(in: text, at: &offset)
    precondition(offset >= before && offset <= text.count, "from \(before) to \(offset)")
    switch step {
    case .end:
      precondition(offset == text.count)
      return
    case .syntaxError(let rejection):
      precondition(offset == text.count)
      check {
        Reply.error(
          id: nil, code: rejection.code, message: rejection.message, retryAfter: nil, to: &$0)
      }
    case .request(let parsed):
      precondition(offset > before)
      check(parsed)
    }
  }
}

private func check(_ parsed: ParsedRequest) {
  if let id = parsed.id { precondition(!id.isEmpty && id.count <= limits.idBytesMax) }
  switch parsed.result {
  case .failure(let rejection):
    precondition(!rejection.message.isEmpty)
    check {
      Reply.error(
        id: parsed.id, code: rejection.code, message: rejection.message,
        retryAfter: .milliseconds(20), to: &$0)
    }
  case .success(.publish(let room, let data, _)):
    let envelope = Envelope(
      room: room, position: nil, payload: .json(data), sender: nil, wallMilliseconds: 1)
    check { Push.message(envelope, to: &$0) }
    check(parsed.id) { Reply.published(id: parsed.id, position: nil, to: &$0) }
  case .success(.send(_, let data)):
    check { Push.direct(data: data, sender: nil, to: &$0) }
    check(parsed.id) { Reply.sent(id: parsed.id, delivered: 1, isComplete: true, to: &$0) }
  case .success(.join(let room, _)):
    check(parsed.id) {
      Reply.joined(
        id: parsed.id, room: room, members: 1, position: nil, recovered: nil, isDegraded: false,
        to: &$0)
    }
  case .success(.ping):
    check { Reply.pong(id: parsed.id, to: &$0) }
  case .success:
    check(parsed.id) { Reply.done(id: parsed.id, to: &$0) }
  }
}

/// An answer is there exactly when the request has an id.
private func check(_ id: [UInt8]?, _ write: (inout [UInt8]) -> Void) {
  var output: [UInt8] = []
  write(&output)
  precondition(output.isEmpty == (id == nil))
  if id != nil { check(write) }
}

private func check(_ write: (inout [UInt8]) -> Void) {
  var output: [UInt8] = []
  write(&output)
  let text = String(decoding: output, as: UTF8.self)
  precondition(!output.contains(0x0A) && !output.contains(0x0D), "a line break in \(text)")
  let scanner = JSONScanner(depthMax: limits.depthMax + 2)
  guard let document = try? scanner.document(in: output.span), document.kind == .object else {
    preconditionFailure("this is not an object: \(text)")
  }
}
