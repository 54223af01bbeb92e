// Tokens and key sets. The first byte chooses: a whole token, claims or a header that the one key
// signs, or a JWK set. What is accepted must be what the rules allow.

import Auth
import RoostCrypto
import RoostRooms

private let secret = [UInt8](repeating: UInt8(ascii: "k"), count: 32)
private let now: Int64 = 1_800_000_000
private let rules = TokenRules(
  issuer: nil, audiences: ["roost"], leeway: 30, lifetimeMax: 3600, bytesMax: 8192)

private func verifier() -> TokenVerifier {
  let key = TokenKeyMaterial(keyID: "k", algorithm: .hs256, material: .secret(secret))
  guard let keys = try? KeySet([key]), let verifier = try? TokenVerifier(keys: keys, rules: rules)
  else { preconditionFailure("the key is not accepted") }
  return verifier
}

func fuzzTokens(_ input: borrowing Span<UInt8>) {
  guard input.count >= 1 else { return }
  let text = input.extracting(1..<input.count)
  switch input[0] {
  case UInt8(ascii: "C"):
    check(signed(header: Array(#"{"alg":"HS256","kid":"k"}"#.utf8), claims: text.copy()))
  case UInt8(ascii: "H"):
    check(
      signed(
        header: text.copy(),
        claims: Array(#"{"sub":"ann","aud":"roost","exp":1800000100}"#.utf8)))
  case UInt8(ascii: "J"): fuzzKeySet(text)
  default: check(text.copy())
  }
}

private func signed(header: [UInt8], claims: [UInt8]) -> [UInt8] {
  var token = Base64.encodeURL(header.span) + [UInt8(ascii: ".")] + Base64.encodeURL(claims.span)
  let code = HMAC.sha256(key: secret.span, message: token.span)
  token += [UInt8(ascii: ".")] + Base64.encodeURL(code.span)
  return token
}

private func check(_ token: [UInt8]) {
  guard let grant = try? verifier().verify(token.span, wallSeconds: now) else { return }
  precondition(token.count <= rules.bytesMax)
  precondition(Identity.isValidUser(Array(grant.user.utf8)), "\(grant.user) is no user")
  precondition(grant.expiresAt > now - rules.leeway, "\(grant.expiresAt) has expired")
  precondition(grant.expiresAt - (grant.issuedAt ?? now) <= rules.lifetimeMax)
  precondition((grant.issuedAt ?? 0) <= now + rules.leeway)
  precondition((grant.info?.count ?? 0) <= 1024 && (grant.tokenID?.utf8.count ?? 1) <= 128)
  precondition(grant.info.map { String(validating: $0, as: UTF8.self) != nil } ?? true)
  precondition(grant.info.map { !$0.contains(UInt8(ascii: "\n")) } ?? true)
  if let room = RoomName(text: "chat:lobby") {
    for action in RoomAction.allCases { _ = grant.rights.allows(action, in: room) }
  }
  // Nobody can change a byte of it.
  for place in stride(from: 0, to: token.count, by: max(token.count / 16, 1)) {
    var other = token
    other[place] ^= 1
    precondition((try? verifier().verify(other.span, wallSeconds: now)) == nil)
  }
}

private func fuzzKeySet(_ text: borrowing Span<UInt8>) {
  do {
    let set = try KeySet.parse(jwks: text.copy(), allowsSecrets: true)
    precondition(set.keys.count + set.skipped.count <= KeySet.keysMax)
    precondition(set.skipped.allSatisfy { !$0.reason.isEmpty })
    // What was checked once can be used.
    guard (try? TokenVerifier(keys: set, rules: rules)) != nil else {
      preconditionFailure("a key of the set does not work: \(set.keys)")
    }
  } catch {
    precondition(!error.description.isEmpty)
  }
}
