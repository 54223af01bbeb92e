// What the two sides settled on for permessage-deflate (RFC 7692 section 7), and what this side is
// willing to settle on.

/// The outcome of negotiating compression.
public struct DeflateAgreement: Equatable, Sendable {
  /// The server compresses each message by itself; RFC 7692 7.1.1.1.
  public let serverNoContextTakeover: Bool
  /// The client compresses each message by itself; RFC 7692 7.1.1.2.
  public let clientNoContextTakeover: Bool
  /// The server's back references reach 2 to this power bytes: 8...15; RFC 7692 7.1.2.1.
  public let serverMaxWindowBits: Int
  /// The same for the client's: 8...15; RFC 7692 7.1.2.2.
  public let clientMaxWindowBits: Int

  /// Puts an agreement together.
  public init(
    serverNoContextTakeover: Bool, clientNoContextTakeover: Bool, serverMaxWindowBits: Int,
    clientMaxWindowBits: Int
  ) {
    precondition((8...15).contains(serverMaxWindowBits), "\(serverMaxWindowBits) window bits")
    precondition((8...15).contains(clientMaxWindowBits), "\(clientMaxWindowBits) window bits")
    self.serverNoContextTakeover = serverNoContextTakeover
    self.clientNoContextTakeover = clientNoContextTakeover
    self.serverMaxWindowBits = serverMaxWindowBits
    self.clientMaxWindowBits = clientMaxWindowBits
  }

  /// Whether messages from that side may refer to the ones before them.
  ///
  /// If so, this connection needs an `Inflater` (or, for its own side, a `Deflater`) to itself.
  public func keepsContext(from side: Role) -> Bool {
    side == .server ? !serverNoContextTakeover : !clientNoContextTakeover
  }

  /// The window of messages from that side, as a power of two.
  public func windowBits(from side: Role) -> Int {
    side == .server ? serverMaxWindowBits : clientMaxWindowBits
  }

  /// The window bits of a `Deflater` for that side's messages: 9...15, or nothing when that side
  /// must send them uncompressed.
  ///
  /// zlib has no raw deflate with the 8 bits that a peer may limit this side to. § 6: each message
  /// says by itself whether it is compressed. So the agreement holds all the same, and the other
  /// side's messages still come compressed.
  public func deflaterWindowBits(for side: Role) -> Int? {
    let bits = windowBits(from: side)
    return bits >= 9 ? bits : nil
  }
}

/// What this side agrees to.
public struct DeflateConfiguration: Equatable, Sendable {
  /// Whether compression is offered and accepted at all.
  public let isEnabled: Bool
  /// Whether the server may keep its window between messages: a deflater a connection.
  public let allowsServerContextTakeover: Bool
  /// Whether the client may keep its window between messages: an inflater a connection.
  public let allowsClientContextTakeover: Bool
  /// The widest window that the server uses: 9...15.
  public let serverWindowBits: Int
  /// The widest window that a client uses: 9...15.
  ///
  /// For the offer only. A server leaves the choice to its clients.
  public let clientWindowBits: Int

  /// No compression.
  public static let disabled = DeflateConfiguration(
    isEnabled: false, allowsServerContextTakeover: false, allowsClientContextTakeover: false,
    serverWindowBits: 15)

  /// Compression of each message by itself: no memory a connection, and one compressed form of a
  /// message serves every member of a room.
  public static let eachMessageByItself = DeflateConfiguration(
    isEnabled: true, allowsServerContextTakeover: false, allowsClientContextTakeover: false,
    serverWindowBits: 15)

  /// Puts a configuration together.
  public init(
    isEnabled: Bool, allowsServerContextTakeover: Bool, allowsClientContextTakeover: Bool,
    serverWindowBits: Int, clientWindowBits: Int = 15
  ) {
    precondition((9...15).contains(serverWindowBits), "\(serverWindowBits) window bits")
    precondition((9...15).contains(clientWindowBits), "\(clientWindowBits) window bits")
    self.isEnabled = isEnabled
    self.allowsServerContextTakeover = allowsServerContextTakeover
    self.allowsClientContextTakeover = allowsClientContextTakeover
    self.serverWindowBits = serverWindowBits
    self.clientWindowBits = clientWindowBits
  }
}
