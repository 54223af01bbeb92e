// Tickets of connections that move from node to node, as far as the backplane has to do with them:
// whether the run of the node that made one still counts, and that none is used twice.

public import RoostRooms

/// A ticket that somebody has shown, its signature verified.
public struct TicketClaim: Sendable, Equatable {
  /// Its 16 random bytes.
  public let id: [UInt8]
  /// The run of the node that made it.
  public let incarnation: String
  /// The connection that it stands for.
  public let member: ConnectionID
  /// When it ends, in seconds since 1970.
  public let expiresAt: Int64

  /// Puts a claim together.
  public init(id: [UInt8], incarnation: String, member: ConnectionID, expiresAt: Int64) {
    self.id = id
    self.incarnation = incarnation
    self.member = member
    self.expiresAt = expiresAt
  }
}

/// What became of a ticket.
public enum TicketOutcome: Sendable, Equatable {
  /// It was good and is used now; `issuer` is the run of the node that may still hold the
  /// connection before, nil when that one is gone.
  case accepted(issuer: String?)
  /// It had been used.
  case used
  /// The node that made it is unknown, or has been gone for too long.
  case outlived
  /// Redis did not say.
  case undecided
}

/// What a node makes tickets with.
public struct ResumptionTerms: Sendable, Equatable {
  /// This run of the node.
  public let incarnation: String
  /// The secret that the cluster shares, where none is configured.
  public let secret: [UInt8]

  /// Puts terms together.
  public init(incarnation: String, secret: [UInt8]) {
    self.incarnation = incarnation
    self.secret = secret
  }
}
