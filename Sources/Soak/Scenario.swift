// What a soak does, as one value: how many clients of which kinds, what they publish, what is
// broken. The file's keys are in the table of `ScenarioKey`, which reads them and explains them.

/// Kinds of clients.
public enum ClientKind: String, CaseIterable, Sendable {
  /// The machine of the client library.
  case ours
  /// Connects again with a growing pause, and joins from where it was.
  case stock
  /// As stock, and goes away and comes back all the time.
  case churning
  /// As stock, and reads a little at a time.
  case slow
  /// As stock, and stops reading for seconds.
  case frozen
  /// Sends far more than it may; is not judged.
  case flooding
  /// Sends what is no WebSocket or no request; is not judged.
  case malformed

  /// Whether what it is given is held against what was promised.
  public var isJudged: Bool { self != .flooding && self != .malformed }
}

/// A scenario.
public struct Scenario: Equatable, Sendable {
  /// What it is for, in a sentence.
  public var about = ""
  /// How long clients publish, in seconds.
  public var seconds = 60
  /// Nodes of the cluster.
  public var nodes = 3
  /// Shards of each node.
  public var shards = 1
  /// Whether HAProxy stands in front of the nodes; without it clients choose a node by themselves.
  public var balancer = true
  /// Rooms that keep a history.
  public var rooms = 50
  /// Rooms that keep none.
  public var plainRooms = 0
  /// Of a hundred rooms so many have presence.
  public var presencePercent = 0
  /// Clients by kind.
  public var clients: [ClientKind: Int] = [.ours: 100, .stock: 100]
  /// Connections that the clients begin with, a second.
  public var connectsPerSecond = 500
  /// Of a hundred clients so many offer compression.
  public var deflatePercent = 25
  /// Of a hundred clients so many connect over TLS.
  public var tlsPercent = 0
  /// Publishes a second, over all rooms.
  public var publishesPerSecond = 200
  /// Bytes of a publish.
  public var payloadBytes = 128
  /// Messages that a room with history keeps.
  public var historyMessages = 5000
  /// Seconds for which a room keeps them.
  public var historySeconds = 300
  /// Whether Redis writes an append-only file.
  public var persistence = true
  /// Seconds over which a draining node sends its clients away.
  public var drainWindow = 10
  /// Seconds for which it takes connections meanwhile.
  public var drainGrace = 3
  /// Seconds for which a churning client stays.
  public var churnSeconds = 5
  /// Handshakes a second that a node takes; 0 for no limit.
  public var handshakesPerSecond = 0
  /// Seconds from one ping of a node to the next; 0 for none.
  public var pingSeconds = 25
  /// Seconds that a client may take to answer it.
  public var pongSeconds = 10
  /// Seconds at the beginning without faults.
  public var quietSeconds = 5
  /// Kinds of faults that are drawn from the seed.
  public var faultKinds: [FaultKind] = []
  /// Seconds between two of them.
  public var faultEverySeconds = 10
  /// Faults at times of their own.
  public var faults: [PlannedFault] = []
  /// Milliseconds that 99 of 100 messages may take; 0 for no bound.
  public var deliveryP99Milliseconds = 0
  /// Milliseconds that 99 of 100 reconnections of stock clients may take; 0 for no bound.
  public var reconnectP99Milliseconds = 0
  /// Handshakes that a node may be sent in a second; 0 for no bound.
  public var handshakesMost = 0

  /// The defaults.
  public init() {}

  /// Whether a proxy is to stand between nodes and Redis.
  var breaksLinks: Bool { brokenKinds.contains(where: \.isOfLink) }

  /// Whether a proxy is to stand between clients and nodes.
  var breaksPaths: Bool { brokenKinds.contains(where: \.isOfPath) }

  /// The faults that may come, at random or as planned.
  var brokenKinds: [FaultKind] { faultKinds + faults.map(\.kind) }

  /// Clients of all kinds.
  public var clientCount: Int { clients.values.reduce(0, +) }

  /// Changes the number of clients and keeps the share of each kind, at least one of each.
  public mutating func setClients(_ count: Int) {
    let before = max(clientCount, 1)
    var left = count
    for kind in ClientKind.allCases.dropFirst() where clients[kind, default: 0] > 0 {
      let share = max(1, clients[kind, default: 0] * count / before)
      clients[kind] = min(share, left)
      left -= min(share, left)
    }
    clients[.ours] = left
  }

  /// The rooms of the run.
  public var roomList: [SoakRoom] {
    (0..<rooms).map { room($0, of: ("log:", "seenlog:"), keepsHistory: true) }
      + (0..<plainRooms).map { room($0, of: ("plain", "seen:"), keepsHistory: false) }
  }

  /// A room without presence or, at even distances, with it.
  private func room(
    _ number: Int, of names: (without: String, with: String), keepsHistory: Bool
  ) -> SoakRoom {
    let hasPresence = (number + 1) * presencePercent / 100 > number * presencePercent / 100
    let name = hasPresence ? names.with : names.without
    return SoakRoom(name: "\(name)\(number)", keepsHistory: keepsHistory, hasPresence: hasPresence)
  }
}
