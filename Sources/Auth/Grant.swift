// What an accepted token gives to a connection.

/// Who the bearer of a token is, what the token lets it do, and until when.
///
/// Any thread; a value.
public struct Grant: Sendable, Equatable {
  /// The user (`sub`).
  public let user: String
  /// What the token says about the user, JSON text on one line, at most 1 KiB; nil when nothing.
  public let info: [UInt8]?
  /// What the token allows in rooms whose policy asks it.
  public let rights: RoomRights
  /// The token's own name (`jti`).
  public let tokenID: String?
  /// When it was issued (`iat`), in seconds since 1970; nil when it does not say.
  public let issuedAt: Int64?
  /// When it expires (`exp`), in seconds since 1970.
  public let expiresAt: Int64

  /// Puts a grant together.
  public init(
    user: String, info: [UInt8]?, rights: RoomRights, tokenID: String?, issuedAt: Int64?,
    expiresAt: Int64
  ) {
    self.user = user
    self.info = info
    self.rights = rights
    self.tokenID = tokenID
    self.issuedAt = issuedAt
    self.expiresAt = expiresAt
  }

  /// Who the bearer is to the policies of rooms.
  public var identity: Identity { Identity(user: user, info: info, rights: rights) }
}
