// Tickets of connections that move. The first byte chooses: a whole ticket, or bytes that are
// signed here, so that what lies behind the signature is reached, too.

import Auth
import RoostCrypto

private let secret = [UInt8](repeating: UInt8(ascii: "t"), count: 32)
private let now: Int64 = 1_800_000_000

func fuzzTickets(_ input: borrowing Span<UInt8>) {
  guard input.count >= 1 else { return }
  let rest = input.extracting(1..<input.count).copy()
  guard input[0] == UInt8(ascii: "S") else {
    // Nobody guesses a code.
    precondition(ticket(rest) == nil)
    return
  }
  let message = Array("roost ticket 1\0".utf8) + rest
  let code = HMAC.sha256(key: secret.span, message: message.span)
  let text = Base64.encodeURL((rest + code).span)
  guard let ticket = ticket(text) else { return }
  precondition(text.count <= Ticket.textBytesMax)
  precondition(ticket.text(signedBy: secret.span) == text, "read and written differently")
  precondition(ticket.expiresAt > now && ticket.issuedAt <= now + 60)
  precondition(ticket.expiresAt - ticket.issuedAt <= 86_400)
  precondition(ticket.user.map { Identity.isValidUser(Array($0.utf8)) } ?? true)
}

private func ticket(_ text: [UInt8]) -> Ticket? {
  try? Ticket(text.span, secrets: [secret], wallSeconds: now, leeway: 60)
}
