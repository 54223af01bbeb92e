// What a node says about a token, with the true reason in words. Whoever presents a token to a node
// learns next to nothing; whoever has its keys may know why.

import Auth
import RoostJSON

/// Whether a node takes a token.
enum TokenVerdict: Equatable {
  case accepted(Grant)
  /// The rule, and a sentence without its full stop.
  case refused(TokenRejection.Reason, String)

  /// Judges a token as a node with these keys and rules does at `now`, in seconds since 1970.
  ///
  /// What was taken back by the server API is not known here.
  static func of(
    _ token: [UInt8], keys: KeySet, rules: TokenRules, now: Int64
  ) -> TokenVerdict {
    do throws(KeyProblem) {
      let verifier = try TokenVerifier(keys: keys, rules: rules)
      do throws(TokenRejection) {
        return .accepted(try verifier.verify(token.span, wallSeconds: now))
      } catch {
        return .refused(error.reason, why(error, token, keys, rules, now))
      }
    } catch {
      return .refused(.unknownKey, error.description)
    }
  }

  private static func why(
    _ rejection: TokenRejection, _ token: [UInt8], _ keys: KeySet, _ rules: TokenRules, _ now: Int64
  ) -> String {
    let text = TokenText(token)
    let claims = text.flatMap { try? JSONTree(parsing: $0.claims, depthMax: 64, bytesMax: 65_536) }
    let known =
      keys.keys.isEmpty
      ? "there are no keys at all"
      : "the keys are " + keys.keys.map { "\($0)" }.joined(separator: ", ")
    func moment(_ claim: String) -> String {
      guard let seconds = TokenReport.seconds(claims?[claim]) else { return "at no moment" }
      return "\(TimeText.utc(seconds)), \(TimeText.relative(seconds - now))"
    }
    func shown(_ claim: String) -> String {
      claims?[claim].map { PrettyJSON.line($0) } ?? "nothing"
    }
    switch rejection.reason {
    case .oversize: return "it has \(token.count) bytes, and at most \(rules.bytesMax) are read"
    case .malformed: return "it is not three parts of base64url with JSON inside"
    case .algorithm:
      return "its alg is not known, or not that of the key that it asks for; \(known)"
    case .type: return "its typ says that it is something else: JWT and at+jwt are taken"
    case .critical: return "its header demands (crit, b64) what is not supported"
    case .duplicate: return "a member stands in it twice"
    case .unknownKey:
      let asked = PrettyJSON.quoted(rejection.keyID ?? "")
      return "no key has the name \(asked) that it asks for; \(known)"
    case .signature: return "its signature is not that of any of the keys that fit; \(known)"
    case .claim: return claimProblem(claims)
    case .expired: return "it expired at \(moment("exp")); clocks may differ by \(rules.leeway) s"
    case .notYetValid:
      let isIssuedLater = (TokenReport.seconds(claims?["iat"]) ?? 0) > now + rules.leeway
      let reason =
        isIssuedLater
        ? "it was issued in the future, at \(moment("iat"))" : "it is good from \(moment("nbf"))"
      return "\(reason); clocks may differ by \(rules.leeway) s"
    case .lifetime:
      let longest = TimeText.span(UInt64(rules.lifetimeMax))
      return "it lives longer than tokens may, which is \(longest) (auth.tokens.lifetime_max)"
    case .issuer:
      return "its iss is \(shown("iss")), and has to be \(PrettyJSON.quoted(rules.issuer ?? ""))"
    case .audience:
      guard !rules.audiences.isEmpty else {
        return "its aud is \(shown("aud")), and this node has no auth.tokens.audience"
      }
      let ours = rules.audiences.map(PrettyJSON.quoted).joined(separator: ", ")
      return "its aud is \(shown("aud")), and has to hold one of \(ours)"
    case .revoked: return "it was taken back"
    }
  }

  /// Which claim is not as it has to be; the verifier does not tell them apart.
  private static func claimProblem(_ claims: JSONTree?) -> String {
    guard let claims else { return "its claims are no JSON object" }
    for name in ["exp", "nbf", "iat"] {
      if claims[name] == nil, name != "exp" { continue }
      guard let seconds = claims[name]?.double, (0..<253_402_300_800).contains(seconds) else {
        return "its \(name) is missing or no number of seconds since 1970"
      }
    }
    guard let user = claims["sub"]?.string, Identity.isValidUser(Array(user.utf8)) else {
      return "its sub is missing or no name of a user (1 to \(Identity.userBytesMax) bytes)"
    }
    return "one of iss, aud, jti, info and rooms is not of the form that it has to have"
  }
}
