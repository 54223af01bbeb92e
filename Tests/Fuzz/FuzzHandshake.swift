// Opening handshakes. The first byte chooses: a client's whole request, a server's whole answer, an
// offer of compression, or an answer to one.

import RoostHTTP
import RoostWebSocket

func fuzzHandshake(_ input: borrowing Span<UInt8>) {
  guard input.count >= 1 else { return }
  let text = input.extracting(1..<input.count)
  switch input[0] {
  case UInt8(ascii: "Q"): fuzzRequest(text)
  case UInt8(ascii: "A"): fuzzAnswer(text)
  case UInt8(ascii: "O"): fuzzOffer(text)
  default: fuzzAgreement(text)
  }
}

private let configuration = DeflateConfiguration(
  isEnabled: true, allowsServerContextTakeover: true, allowsClientContextTakeover: true,
  serverWindowBits: 12, clientWindowBits: 13)

private func responseHead(_ bytes: borrowing Span<UInt8>) -> ResponseHead? {
  try? ResponseHead(parsing: bytes, requestLineBytesMax: 1024, headBytesMax: 8192, fieldsMax: 64)
}

private func fuzzRequest(_ text: borrowing Span<UInt8>) {
  guard
    let head = try? RequestHead(
      parsing: text, requestLineBytesMax: 1024, headBytesMax: 8192, fieldsMax: 64)
  else { return }
  var answer: [UInt8] = []
  let result = ServerHandshake.evaluate(
    head, subprotocols: ["roost.v1.json"], deflate: configuration, response: &answer)
  switch result {
  case .accept(let acceptance):
    guard let response = responseHead(answer.span) else {
      preconditionFailure("the answer is not a head: \(answer)")
    }
    precondition(response.status == 101 && response.fields.count(of: "Sec-WebSocket-Accept") == 1)
    precondition(response.fields.value(of: "Sec-WebSocket-Protocol") == acceptance.subprotocol)
    precondition(
      (response.fields.value(of: "Sec-WebSocket-Extensions") == nil) == (acceptance.deflate == nil))
  case .refuse(let refusal):
    precondition([400, 405, 426].contains(refusal.status) && !refusal.message.isEmpty)
  }
}

/// The answer is to a request with this key; an answer with its accept key is in the corpus.
private func fuzzAnswer(_ text: borrowing Span<UInt8>) {
  guard let head = responseHead(text),
    let handshake = try? ClientHandshake(
      host: "example.com", path: "/ws", key: Array(0..<16), subprotocols: ["roost.v1.json"],
      deflate: configuration, extraFields: [])
  else { return }
  guard let result = try? handshake.verify(head) else { return }
  precondition(head.status == 101)
  precondition(result.subprotocol == nil || result.subprotocol == "roost.v1.json")
}

private func fuzzOffer(_ text: borrowing Span<UInt8>) {
  guard
    case .agreed(let agreement) = DeflateNegotiation.choose(
      among: text, configuration: configuration)
  else { return }
  precondition(agreement.serverMaxWindowBits <= configuration.serverWindowBits)
  let response = DeflateNegotiation.response(for: agreement)
  precondition(response.hasPrefix("permessage-deflate"))
}

private func fuzzAgreement(_ text: borrowing Span<UInt8>) {
  guard
    let agreement = try? DeflateNegotiation.agreement(from: text, configuration: configuration)
  else { return }
  // The server may take less of either window than was offered, and never more.
  precondition((8...12).contains(agreement.windowBits(from: .server)))
  precondition((8...13).contains(agreement.windowBits(from: .client)))
  precondition(agreement.deflaterWindowBits(for: .client).map { (9...13).contains($0) } ?? true)
}
