// The keys of a scenario file: what each means, what it allows, where it goes. The reader, the
// command's help and the tests know no other list.

import RoostJSON

/// Why a scenario cannot be run, as a sentence without its full stop.
public struct ScenarioProblem: Error, Equatable, Sendable {
  /// The sentence.
  public let sentence: String

  /// A problem.
  public init(_ sentence: String) { self.sentence = sentence }
}

/// One key.
public struct ScenarioKey {
  enum Kind {
    case text(WritableKeyPath<Scenario, String>)
    case number(WritableKeyPath<Scenario, Int>, ClosedRange<Int>)
    case flag(WritableKeyPath<Scenario, Bool>)
    case clients(ClientKind)
    case faultKinds
    case faults
  }

  /// Its path, with a dot for a level.
  public let path: String
  let kind: Kind
  /// One sentence.
  public let meaning: String

  /// What it allows, and what it is without.
  public var allowed: String {
    let defaults = Scenario()
    switch kind {
    case .text: return "a text"
    case .number(let place, let range):
      return "\(range.lowerBound) to \(range.upperBound), \(defaults[keyPath: place]) without it"
    case .flag(let place): return "true or false, \(defaults[keyPath: place]) without it"
    case .clients(let kind): return "0 to 100000, \(defaults.clients[kind] ?? 0) without it"
    case .faultKinds: return "a list of kinds of faults"
    case .faults: return "a list of objects with at, kind, and where it matters node and seconds"
    }
  }

  /// All keys, in the order of the documentation.
  public static var all: [ScenarioKey] {
    [
      ScenarioKey(path: "about", kind: .text(\.about), meaning: "What the scenario is for."),
      ScenarioKey(
        path: "seconds", kind: .number(\.seconds, 1...86_400),
        meaning: "How long clients publish and things break."),
      ScenarioKey(
        path: "nodes", kind: .number(\.nodes, 1...6), meaning: "Nodes of the cluster."),
      ScenarioKey(
        path: "shards", kind: .number(\.shards, 1...64), meaning: "Shards of each node."),
      ScenarioKey(
        path: "balancer", kind: .flag(\.balancer),
        meaning: "Whether HAProxy stands in front; else clients choose a node by themselves."),
      ScenarioKey(
        path: "rooms.history", kind: .number(\.rooms, 0...100_000),
        meaning: "Rooms that keep a history."),
      ScenarioKey(
        path: "rooms.plain", kind: .number(\.plainRooms, 0...100_000),
        meaning: "Rooms that keep none."),
      ScenarioKey(
        path: "rooms.presence_percent", kind: .number(\.presencePercent, 0...100),
        meaning: "Of a hundred rooms so many have presence, of which observers are kept."),
    ]
      + ClientKind.allCases.map {
        ScenarioKey(path: "clients.\($0.rawValue)", kind: .clients($0), meaning: Self.meaning($0))
      } + [
        ScenarioKey(
          path: "clients.connects_per_second", kind: .number(\.connectsPerSecond, 1...10_000),
          meaning: "How fast they connect at the beginning."),
        ScenarioKey(
          path: "clients.deflate_percent", kind: .number(\.deflatePercent, 0...100),
          meaning: "Of a hundred clients so many offer permessage-deflate."),
        ScenarioKey(
          path: "clients.tls_percent", kind: .number(\.tlsPercent, 0...100),
          meaning: "Of a hundred clients so many speak TLS with the nodes, all of which then do."),
        ScenarioKey(
          path: "clients.churn_seconds", kind: .number(\.churnSeconds, 1...3600),
          meaning: "How long a churning client stays, half of that to one and a half."),
        ScenarioKey(
          path: "publishes.per_second", kind: .number(\.publishesPerSecond, 0...100_000),
          meaning: "Publishes a second, over all rooms."),
        ScenarioKey(
          path: "publishes.bytes", kind: .number(\.payloadBytes, Parcel.bytesMin...60_000),
          meaning: "Bytes of each."),
        ScenarioKey(
          path: "history.messages", kind: .number(\.historyMessages, 1...1_000_000),
          meaning: "Messages that a room keeps."),
        ScenarioKey(
          path: "history.seconds", kind: .number(\.historySeconds, 1...86_400),
          meaning: "Seconds for which it keeps them."),
        ScenarioKey(
          path: "redis.persistence", kind: .flag(\.persistence),
          meaning: "Whether Redis writes an append-only file."),
        ScenarioKey(
          path: "drain.window", kind: .number(\.drainWindow, 0...3600),
          meaning: "Seconds over which a node sends its clients away; 0 closes all at once."),
        ScenarioKey(
          path: "drain.lb_grace", kind: .number(\.drainGrace, 0...3600),
          meaning: "Seconds for which a draining node still takes connections."),
        ScenarioKey(
          path: "limits.handshakes_per_second", kind: .number(\.handshakesPerSecond, 0...100_000),
          meaning: "Handshakes a second that a node takes, 0 for no limit."),
        ScenarioKey(
          path: "limits.ping_interval", kind: .number(\.pingSeconds, 0...3600),
          meaning: "Seconds from one ping of a node to the next, 0 for none."),
        ScenarioKey(
          path: "limits.pong_timeout", kind: .number(\.pongSeconds, 1...300),
          meaning: "Seconds that a client may take to answer; at most limits.ping_interval."),
        ScenarioKey(
          path: "faults.quiet_seconds", kind: .number(\.quietSeconds, 0...3600),
          meaning: "Seconds at the beginning without faults."),
        ScenarioKey(
          path: "faults.every_seconds", kind: .number(\.faultEverySeconds, 1...3600),
          meaning: "Seconds between two faults that are drawn from the seed."),
        ScenarioKey(
          path: "faults.kinds", kind: .faultKinds, meaning: "The kinds that are drawn."),
        ScenarioKey(
          path: "faults.at", kind: .faults, meaning: "Faults at times of their own, in seconds."),
        ScenarioKey(
          path: "must.delivery_p99_ms", kind: .number(\.deliveryP99Milliseconds, 0...600_000),
          meaning: "What 99 of 100 live messages may take, from when they were due; 0 for no bound."
        ),
        ScenarioKey(
          path: "must.reconnect_p99_ms", kind: .number(\.reconnectP99Milliseconds, 0...600_000),
          meaning: "What 99 of 100 reconnections of stock clients may take; 0 for no bound."),
        ScenarioKey(
          path: "must.handshakes_per_second", kind: .number(\.handshakesMost, 0...100_000),
          meaning: "The most handshakes that a node may be sent in a second; 0 for no bound."),
      ]
  }

  private static func meaning(_ kind: ClientKind) -> String {
    switch kind {
    case .ours: "Clients that are the machine of the client library."
    case .stock: "Clients that connect again with a growing pause and join from where they were."
    case .churning: "Stock clients that go and come back all the time."
    case .slow: "Stock clients that read a little at a time."
    case .frozen: "Stock clients that stop reading for seconds."
    case .flooding: "Clients that send far more than they may; they are not judged."
    case .malformed: "Clients that send what is no WebSocket or no request; they are not judged."
    }
  }

  /// Puts a value where it belongs.
  func apply(_ value: JSONTree, to scenario: inout Scenario) throws(ScenarioProblem) {
    switch kind {
    case .text(let place):
      guard let text = value.string else { throw wrong() }
      scenario[keyPath: place] = text
    case .number(let place, let range):
      scenario[keyPath: place] = try number(value, range)
    case .flag(let place):
      guard let flag = value.bool else { throw wrong() }
      scenario[keyPath: place] = flag
    case .clients(let kind): scenario.clients[kind] = try number(value, 0...100_000)
    case .faultKinds:
      guard let elements = value.elements else { throw wrong() }
      scenario.faultKinds = []
      for element in elements { scenario.faultKinds.append(try FaultKind.read(element)) }
    case .faults:
      guard let elements = value.elements else { throw wrong() }
      scenario.faults = []
      for element in elements { scenario.faults.append(try PlannedFault(element, in: path)) }
    }
  }

  private func number(
    _ value: JSONTree, _ range: ClosedRange<Int>
  ) throws(ScenarioProblem) -> Int {
    guard let number = value.integer.flatMap({ Int(exactly: $0) }), range.contains(number) else {
      throw wrong()
    }
    return number
  }

  private func wrong() -> ScenarioProblem { ScenarioProblem("\(path) takes \(allowed)") }
}
