// What `roost top` shows: the answers to GET /v1/nodes and GET /v1/top, read. Every text in them is
// cleaned here, once, so that nothing behind can send a terminal what somebody else wrote.

import RoostJSON

/// The cluster at one moment.
struct ClusterSnapshot: Equatable {
  /// A node's row.
  struct Node: Equatable {
    /// How its links to Redis are.
    enum Links: String {
      case none = "-"
      case open = "ok"
      case late
      case down
    }

    var name = ""
    var incarnation = ""
    var phase = "silent"
    var notReady: String?
    var connections = 0
    var connectionsMax = 0
    var rooms = 0
    var messagesIn = 0.0
    var messagesOut = 0.0
    var handshakes = 0.0
    var queueBytes = 0
    var residentBytes = 0
    var links = Links.none
    var version = ""
    /// Milliseconds since the node said all this; nil when it has said nothing.
    var age: Int?
  }

  /// A room's row.
  struct Room: Equatable {
    let name: String
    let members: Int
    let messagesPerSecond: Double
  }

  /// A connection's row.
  struct Connection: Equatable {
    let id: String
    let user: String?
    let address: String
    let node: String
    let rooms: Int
    let queueBytes: Int
    let messagesPerSecond: Double
  }

  var nodes: [Node] = []
  /// Nodes that were not seen, or did not answer.
  var missing: [String] = []
  var largestRooms: [Room] = []
  var busiestRooms: [Room] = []
  var deepestQueues: [Connection] = []
  var busiestConnections: [Connection] = []

  /// Bytes of the largest answer that is read.
  static let bytesMax = 4 << 20
  /// The first numbers above which a count is not believed: they fit every sum here.
  private static let countMax: Int64 = 1 << 50

  /// An empty cluster.
  init() {}

  /// Reads both answers; nil when either is not what a node says.
  init?(nodes nodesText: [UInt8], top topText: [UInt8]) {
    guard let nodesTree = Self.tree(nodesText), let topTree = Self.tree(topText),
      let listed = nodesTree["nodes"]?.elements
    else { return nil }
    nodes = listed.map(Self.node)
    var unseen: Set<String> = []
    for tree in [nodesTree, topTree] {
      for name in tree["missing"]?.elements ?? [] {
        if let name = name.string { unseen.insert(TerminalText.clean(name)) }
      }
    }
    missing = unseen.sorted()
    largestRooms = (topTree["rooms"]?.elements ?? []).map(Self.room)
    busiestRooms = (topTree["busiest_rooms"]?.elements ?? []).map(Self.room)
    deepestQueues = (topTree["queues"]?.elements ?? []).map(Self.connection)
    busiestConnections = (topTree["busiest_connections"]?.elements ?? []).map(Self.connection)
  }

  /// Nodes that take connections.
  var readyCount: Int { nodes.count { $0.phase == "serving" && $0.notReady == nil } }

  /// A figure of all nodes together.
  func sum(_ figure: (Node) -> Double) -> Double { nodes.reduce(0) { $0 + figure($1) } }

  private static func tree(_ text: [UInt8]) -> JSONTree? {
    do {
      return try JSONTree(parsing: text, depthMax: 8, bytesMax: bytesMax)
    } catch {
      return nil
    }
  }

  private static func node(_ tree: JSONTree) -> Node {
    var node = Node()
    node.name = text(tree["node"])
    node.incarnation = text(tree["incarnation"])
    if let phase = tree["phase"]?.string { node.phase = TerminalText.clean(phase) }
    node.notReady = tree["not_ready"]?.string.map(TerminalText.clean)
    node.connections = count(tree["connections"])
    node.connectionsMax = count(tree["connections_max"])
    node.rooms = count(tree["rooms"])
    node.messagesIn = rate(tree["rates"]?["messages_in"])
    node.messagesOut = rate(tree["rates"]?["messages_out"])
    node.handshakes = rate(tree["rates"]?["handshakes"])
    node.queueBytes = count(tree["queue_bytes"])
    node.residentBytes = count(tree["resident_bytes"])
    node.version = text(tree["version"])
    node.age = tree["figures_age_ms"].map(count)
    if let redis = tree["redis"] {
      let isOpen = redis["commands"]?.bool == true && redis["subscriptions"]?.bool == true
      node.links = !isOpen ? .down : redis["late"]?.bool == true ? .late : .open
    }
    return node
  }

  private static func room(_ tree: JSONTree) -> Room {
    Room(
      name: text(tree["room"]), members: count(tree["members"]),
      messagesPerSecond: rate(tree["messages_per_second"]))
  }

  private static func connection(_ tree: JSONTree) -> Connection {
    Connection(
      id: text(tree["connection"]), user: tree["user"]?.string.map(TerminalText.clean),
      address: text(tree["address"]), node: text(tree["node"]), rooms: count(tree["room_count"]),
      queueBytes: count(tree["queue_bytes"]),
      messagesPerSecond: rate(tree["messages_per_second"]))
  }

  private static func text(_ tree: JSONTree?) -> String { TerminalText.clean(tree?.string ?? "") }

  private static func count(_ tree: JSONTree?) -> Int {
    Int(min(max(tree?.integer ?? 0, 0), countMax))
  }

  private static func rate(_ tree: JSONTree?) -> Double {
    let rate = tree?.double ?? 0
    return rate.isFinite ? max(rate, 0) : 0
  }
}
