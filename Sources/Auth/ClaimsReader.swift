// The claims of a token whose signature is right (RFC 7519 4.1, and the three of Roost: `info`,
// `rooms`, and `sub` as the user). The issuer is trusted and may still have made a mistake: what is
// not as described refuses the token instead of granting something that nobody meant.

import RoostJSON

/// Reads claims by a set of rules.
struct ClaimsReader {
  let rules: TokenRules

  private static let infoBytesMax = 1024
  private static let tokenIDBytesMax = 128
  private static let audiencesMax = 100
  /// The year 10000; beyond it a number is a mistake, such as milliseconds.
  private static let secondsEnd = 253_402_300_800.0

  /// What the claims grant at `wallSeconds`, seconds since 1970.
  func grant(
    of text: borrowing Span<UInt8>, wallSeconds: Int64
  ) throws(TokenRejection) -> Grant {
    let claims = try UniqueMembers(of: text, at: 0, isDocument: true)
    let expiry = try time(claims["exp"], in: text)
    let notBefore = try time(claims["nbf"], in: text)
    let issued = try time(claims["iat"], in: text)
    guard let expiry else { throw TokenRejection(.claim) }
    let now = Double(wallSeconds)
    let leeway = Double(rules.leeway)
    // § RFC 7519 4.1.4: on or after the expiry a token is no good.
    guard now < expiry.rounded(.down) + leeway else { throw TokenRejection(.expired) }
    guard now + leeway >= notBefore ?? 0 else { throw TokenRejection(.notYetValid) }
    guard now + leeway >= issued ?? 0 else { throw TokenRejection(.notYetValid) }
    guard expiry - (issued ?? now) <= Double(rules.lifetimeMax) else {
      throw TokenRejection(.lifetime)
    }
    try checkIssuer(claims["iss"], in: text)
    try checkAudience(claims["aud"], in: text)
    let user = try user(claims["sub"], in: text)
    return Grant(
      user: user, info: try info(claims["info"], in: text),
      rights: try rights(claims["rooms"], in: text),
      tokenID: try tokenID(claims["jti"], in: text),
      issuedAt: issued.map { Int64($0.rounded(.down)) }, expiresAt: Int64(expiry.rounded(.down)))
  }

  /// § RFC 7519 2: a NumericDate, seconds since 1970, fractions allowed.
  private func time(
    _ value: RawRange?, in text: borrowing Span<UInt8>
  ) throws(TokenRejection) -> Double? {
    guard let value else { return nil }
    guard value.kind == .number, value.count <= 64,
      let seconds = UniqueMembers.scanner.double(value, in: text),
      seconds >= 0, seconds < Self.secondsEnd
    else { throw TokenRejection(.claim) }
    return seconds
  }

  private func checkIssuer(
    _ value: RawRange?, in text: borrowing Span<UInt8>
  ) throws(TokenRejection) {
    if let value, value.kind != .string { throw TokenRejection(.claim) }
    guard let issuer = rules.issuer else { return }
    guard let value, UniqueMembers.scanner.equals(value, issuer, in: text) else {
      throw TokenRejection(.issuer)
    }
  }

  private func checkAudience(
    _ value: RawRange?, in text: borrowing Span<UInt8>
  ) throws(TokenRejection) {
    var audiences: [RawRange] = []
    switch value?.kind {
    case nil:
      if rules.audiences.isEmpty { return }
    case .string:
      if let value { audiences = [value] }
    case .array:
      audiences = try elements(of: value, countMax: Self.audiencesMax, in: text)
    default:
      throw TokenRejection(.claim)
    }
    var isMeant = false
    for audience in audiences {
      guard audience.kind == .string else { throw TokenRejection(.claim) }
      for ours in rules.audiences where UniqueMembers.scanner.equals(audience, ours, in: text) {
        isMeant = true
      }
    }
    // § RFC 7519 4.1.3: whoever is not among a token's audience must refuse it.
    guard isMeant else { throw TokenRejection(.audience) }
  }

  private func user(
    _ value: RawRange?, in text: borrowing Span<UInt8>
  ) throws(TokenRejection) -> String {
    let bytes = try string(value, bytesMax: Identity.userBytesMax, in: text)
    guard let bytes, Identity.isValidUser(bytes) else { throw TokenRejection(.claim) }
    return String(decoding: bytes, as: UTF8.self)
  }

  private func tokenID(
    _ value: RawRange?, in text: borrowing Span<UInt8>
  ) throws(TokenRejection) -> String? {
    try string(value, bytesMax: Self.tokenIDBytesMax, in: text).map {
      String(decoding: $0, as: UTF8.self)
    }
  }

  private func info(
    _ value: RawRange?, in text: borrowing Span<UInt8>
  ) throws(TokenRejection) -> [UInt8]? {
    guard let value, value.kind != .null else { return nil }
    guard value.count <= Self.infoBytesMax else { throw TokenRejection(.claim) }
    var info: [UInt8] = []
    JSONWriter.appendValue(value, in: text, to: &info)
    return info
  }

  private func rights(
    _ value: RawRange?, in text: borrowing Span<UInt8>
  ) throws(TokenRejection) -> RoomRights {
    guard let value else { return .none }
    guard value.kind == .array else { throw TokenRejection(.claim) }
    var rules: [RoomRights.Rule] = []
    for element in try elements(of: value, countMax: RoomRights.rulesMax, in: text) {
      guard element.kind == .object else { throw TokenRejection(.claim) }
      let members = try UniqueMembers(of: text, at: element.start, isDocument: false)
      // A member that is not known may take back what the others give.
      guard members.hasOnly(["pattern", "allow"]),
        let patternText = try string(
          members["pattern"], bytesMax: RoomPattern.bytesMax, in: text),
        let pattern = RoomPattern(patternText), members["allow"]?.kind == .array
      else { throw TokenRejection(.claim) }
      var actions: Set<RoomAction> = []
      let words = try elements(
        of: members["allow"], countMax: RoomAction.allCases.count, in: text)
      for word in words {
        let action = RoomAction.allCases.first {
          UniqueMembers.scanner.equals(word, $0.rawValue, in: text)
        }
        guard let action else { throw TokenRejection(.claim) }
        actions.insert(action)
      }
      rules.append(RoomRights.Rule(pattern, actions))
    }
    return RoomRights(rules)
  }

  /// The content of a string of 1 to `bytesMax` bytes; nil when the claim is not there.
  private func string(
    _ value: RawRange?, bytesMax: Int, in text: borrowing Span<UInt8>
  ) throws(TokenRejection) -> [UInt8]? {
    guard let value else { return nil }
    guard value.kind == .string, value.count <= 6 * bytesMax + 2 else {
      throw TokenRejection(.claim)
    }
    let bytes = UniqueMembers.scanner.unescaped(value, in: text)
    guard (1...bytesMax).contains(bytes.count) else { throw TokenRejection(.claim) }
    return bytes
  }

  private func elements(
    of value: RawRange?, countMax: Int, in text: borrowing Span<UInt8>
  ) throws(TokenRejection) -> [RawRange] {
    guard let value else { return [] }
    var elements: [RawRange] = []
    do throws(JSONViolation) {
      _ = try UniqueMembers.scanner.array(in: text, at: value.start) { element in
        if elements.count <= countMax { elements.append(element) }
      }
    } catch {
      throw TokenRejection(.malformed)
    }
    guard elements.count <= countMax else { throw TokenRejection(.claim) }
    return elements
  }
}
