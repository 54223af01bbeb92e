// How many connections this machine affords, computed once at start and printed.

/// The node's bounds from what the machine gives it.
///
/// Pure.
public struct NodeBudget: Sendable, Equatable {
  /// WebSocket connections of the node.
  public let connections: Int
  /// Sockets a shard may hold, refused requests included.
  public let sockets: Int

  /// Descriptors that are kept for listeners, the admin port, logs and what comes later.
  static let reservedDescriptors = 128

  /// Bytes of memory that a connection is reckoned with: its own, its share of the rooms, and the
  /// kernel's socket.
  ///
  /// Half of the memory may go to connections; queues and history have the rest.
  static let bytesPerConnection = 12_288

  /// Computes the budget.
  ///
  /// - Parameters:
  ///   - configured: `limits.connections`; 0 takes all that the machine affords.
  ///   - descriptors: the process's descriptor limit.
  ///   - memoryBytes: memory that the process may use.
  ///   - shards: shards of the node, at least 1; each needs a few descriptors of its own.
  public init(configured: Int, descriptors: Int, memoryBytes: Int, shards: Int) {
    precondition(shards >= 1 && configured >= 0, "\(shards) shards, \(configured) connections")
    let byDescriptors = max(descriptors - Self.reservedDescriptors - 8 * shards, 16)
    let byMemory = max(memoryBytes / 2 / Self.bytesPerConnection, 16)
    // A sixteenth of the descriptors answers those who are refused.
    let affordable = min(byDescriptors - byDescriptors / 16, byMemory)
    connections = configured > 0 ? min(configured, affordable) : affordable
    sockets = max(min(connections + connections / 16 + 64, byDescriptors), 1)
  }
}
