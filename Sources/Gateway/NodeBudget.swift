// How many connections this machine affords, computed once at start and printed.

/// The node's bounds from what the machine gives it.
///
/// Pure.
public struct NodeBudget: Sendable, Equatable {
  /// WebSocket connections of the node.
  public let connections: Int
  /// Sockets that the public port may hold, refused requests included.
  public let sockets: Int
  /// Sockets that may be without a finished handshake at the same time.
  public let handshakes: Int

  /// Descriptors that connections never get, so that a node at its wall still answers its operator,
  /// talks to Redis and asks whoever decides.
  ///
  /// The admin port's 64 connections; two links to Redis and the look-up of its name; what libcurl
  /// needs beside its requests; the log, standard streams, signals; files that are read while it
  /// runs. To these come requests to other servers.
  static let reservedDescriptors = 128

  /// Requests to other servers that have descriptors however few are configured.
  static let outgoingMin = 64

  /// Bytes of memory that a connection is reckoned with: its own, its share of the rooms, and the
  /// kernel's socket.
  ///
  /// Half of the memory may go to connections; queues and history have the rest.
  static let bytesPerConnection = 12_288

  /// What TLS adds to that: OpenSSL's state of an idle session, and what the allocator makes of it.
  static let bytesPerSession = 16_384

  /// Computes the budget.
  ///
  /// - Parameters:
  ///   - configured: `limits.connections`; 0 takes all that the machine affords.
  ///   - handshakes: `limits.handshakes_at_once`; 0 takes a quarter of the sockets.
  ///   - outgoing: requests to other servers at the same time; 64 are always reckoned with.
  ///   - descriptors: the process's descriptor limit.
  ///   - memoryBytes: memory that the process may use.
  ///   - shards: shards of the node, at least 1; each needs a few descriptors of its own.
  ///   - isSecured: whether the public port speaks TLS.
  public init(
    configured: Int, handshakes: Int, outgoing: Int, descriptors: Int, memoryBytes: Int,
    shards: Int, isSecured: Bool = false
  ) {
    precondition(shards >= 1 && configured >= 0, "\(shards) shards, \(configured) connections")
    let reserved = Self.reservedDescriptors + max(outgoing, Self.outgoingMin) + 8 * shards
    let byDescriptors = max(descriptors - reserved, 16)
    let connectionBytes = Self.bytesPerConnection + (isSecured ? Self.bytesPerSession : 0)
    let byMemory = max(memoryBytes / 2 / connectionBytes, 16)
    // A sixteenth of the descriptors answers those who are refused.
    let affordable = min(byDescriptors - byDescriptors / 16, byMemory)
    connections = configured > 0 ? min(configured, affordable) : affordable
    sockets = max(min(connections + connections / 16 + 64, byDescriptors), 1)
    // However few sockets there are, most of them are for those who finish.
    let quarter = max(sockets / 4, 4)
    self.handshakes = handshakes > 0 ? min(handshakes, quarter) : quarter
  }
}
