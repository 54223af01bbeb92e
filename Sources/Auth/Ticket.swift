// What a client takes with it to another node, so that it is known there as who it was: signed by
// the cluster, good for one use. It gives no rights: whoever presents it still shows a token. Pure
// but for the code that signs it; where it goes and whether it was used is others' business.
//
// The bytes, before Base64url, all numbers big-endian:
//   version (1) · issued (8) · expiry (8) · id (16) · connection: process (8) shard (2) slot (4)
//   generation (4) · incarnation length (1) · incarnation · user length (1) · user · code (32)
// Length 0 of the user says that there is none: no user's name is empty.

import RoostCrypto
public import RoostRooms

/// Where a connection came from, and whose it was.
public struct Ticket: Sendable, Equatable {
  /// How long a ticket can be used at most, whatever lives.
  public static let lifetimeMax = Duration.seconds(86_400)
  /// Characters of a ticket as it travels: more are none.
  public static let textBytesMax = 600
  /// Bytes of an incarnation's name.
  public static let incarnationBytesMax = 120
  /// Bytes of a secret that signs.
  public static let secretBytesMin = 32

  static let idBytes = 16
  private static let version: UInt8 = 1
  private static let codeBytes = 32
  /// Bytes before the incarnation's length.
  private static let headBytes = 1 + 8 + 8 + idBytes + 18
  /// Signed with everything, so that a code of this secret for something else is none of a ticket.
  private static let purpose = Array("roost ticket 1\0".utf8)

  /// When it was made, in seconds since 1970.
  public let issuedAt: Int64
  /// When it ends, in seconds since 1970.
  public let expiresAt: Int64
  /// Tells it from all others: 16 random bytes.
  public let id: [UInt8]
  /// The run of the node that made it.
  public let incarnation: String
  /// The connection as rooms know it.
  public let member: ConnectionID
  /// Its user; nil for an anonymous one.
  public let user: String?

  /// Puts a ticket together.
  ///
  /// - Parameters:
  ///   - expiresAt: cut to ``lifetimeMax`` behind `issuedAt`.
  ///   - id: 16 bytes.
  public init(
    issuedAt: Int64, expiresAt: Int64, id: [UInt8], incarnation: String, member: ConnectionID,
    user: String?
  ) {
    precondition(id.count == Self.idBytes, "an id of \(id.count) bytes")
    self.issuedAt = issuedAt
    let (latest, overflow) = issuedAt.addingReportingOverflow(
      Self.lifetimeMax.components.seconds)
    self.expiresAt = overflow ? expiresAt : min(expiresAt, latest)
    self.id = id
    self.incarnation = incarnation
    self.member = member
    self.user = user
  }

  /// Why something is no ticket that counts.
  public enum Rejection: Error, Sendable, Equatable {
    /// It is not written like one.
    case malformed
    /// None of the secrets has signed it.
    case forged
    /// Its time is over, or has not begun.
    case expired
  }

  // MARK: Writing

  /// The ticket as it travels, signed; nil when a part of it is longer than tickets hold.
  ///
  /// Any thread. ASCII letters, digits, `-` and `_`.
  public func text(signedBy secret: borrowing Span<UInt8>) -> [UInt8]? {
    let user = Array((user ?? "").utf8)
    guard (1...Self.incarnationBytesMax).contains(incarnation.utf8.count),
      user.count <= Identity.userBytesMax, self.user == nil || !user.isEmpty
    else { return nil }
    var bytes: [UInt8] = [Self.version]
    bytes.reserveCapacity(Self.headBytes + 2 + 100 + user.count + Self.codeBytes)
    Self.append(UInt64(bitPattern: issuedAt), 8, to: &bytes)
    Self.append(UInt64(bitPattern: expiresAt), 8, to: &bytes)
    bytes += id
    Self.append(member.process, 8, to: &bytes)
    Self.append(UInt64(member.shard), 2, to: &bytes)
    Self.append(UInt64(member.slot), 4, to: &bytes)
    Self.append(UInt64(member.generation), 4, to: &bytes)
    bytes.append(UInt8(incarnation.utf8.count))
    bytes.append(contentsOf: incarnation.utf8)
    bytes.append(UInt8(user.count))
    bytes += user
    bytes += Self.code(of: bytes[...], secret)
    let text = Base64.encodeURL(bytes.span)
    precondition(text.count <= Self.textBytesMax, "a ticket of \(text.count) characters")
    return text
  }

  private static func append(_ number: UInt64, _ width: Int, to output: inout [UInt8]) {
    for place in (0..<width).reversed() {
      output.append(UInt8(truncatingIfNeeded: number >> UInt64(8 * place)))
    }
  }

  private static func code(of bytes: ArraySlice<UInt8>, _ secret: borrowing Span<UInt8>) -> [UInt8]
  {
    let message = purpose + bytes
    return HMAC.sha256(key: secret, message: message.span)
  }

  // MARK: Reading

  /// Reads a ticket that one of the secrets has signed and whose time has not passed.
  ///
  /// Any thread. Every secret is tried, each in a time that does not depend on what is wrong.
  ///
  /// - Parameter leeway: seconds by which nodes' clocks may differ.
  public init(
    _ text: borrowing Span<UInt8>, secrets: [[UInt8]], wallSeconds: Int64, leeway: Int64
  ) throws(Rejection) {
    guard text.count <= Self.textBytesMax, let bytes = Base64.decodeURL(text),
      bytes.count > Self.headBytes + 2 + Self.codeBytes, bytes[0] == Self.version
    else { throw .malformed }
    let signed = bytes.dropLast(Self.codeBytes)
    var isSigned = false
    for secret in secrets {
      let code = Self.code(of: signed, secret.span)
      let given = Array(bytes.suffix(Self.codeBytes))
      if constantTimeEquals(code.span, given.span) { isSigned = true }
    }
    guard isSigned else { throw .forged }
    guard let ticket = Self.parts(of: signed) else { throw .malformed }
    self = ticket
    let (start, isEarly) = issuedAt.subtractingReportingOverflow(leeway)
    guard !isEarly, start <= wallSeconds, wallSeconds < expiresAt else { throw .expired }
  }

  private static func parts(of bytes: ArraySlice<UInt8>) -> Ticket? {
    var rest = bytes.dropFirst()
    func number(_ width: Int) -> UInt64 {
      let number = rest.prefix(width).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
      rest = rest.dropFirst(width)
      return number
    }
    func take(_ countMax: Int) -> ArraySlice<UInt8>? {
      guard let count = rest.popFirst(), Int(count) <= countMax, Int(count) <= rest.count else {
        return nil
      }
      defer { rest = rest.dropFirst(Int(count)) }
      return rest.prefix(Int(count))
    }
    let issuedAt = Int64(bitPattern: number(8))
    let expiresAt = Int64(bitPattern: number(8))
    let id = Array(rest.prefix(idBytes))
    rest = rest.dropFirst(idBytes)
    let member = ConnectionID(
      process: number(8), shard: UInt16(truncatingIfNeeded: number(2)),
      slot: UInt32(truncatingIfNeeded: number(4)),
      generation: UInt32(truncatingIfNeeded: number(4)))
    guard let name = take(incarnationBytesMax), !name.isEmpty,
      let incarnation = String(validating: name, as: UTF8.self),
      let user = take(Identity.userBytesMax), rest.isEmpty,
      user.isEmpty || Identity.isValidUser(Array(user))
    else { return nil }
    let ticket = Ticket(
      issuedAt: issuedAt, expiresAt: expiresAt, id: id, incarnation: incarnation, member: member,
      user: user.isEmpty ? nil : String(decoding: user, as: UTF8.self))
    // A node never writes a longer life than tickets have.
    return ticket.expiresAt == expiresAt ? ticket : nil
  }
}
