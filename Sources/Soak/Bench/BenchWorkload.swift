// What is measured: the workloads of `ops/bench` and one of echoes, as numbers. Nothing in them is
// drawn by chance: who publishes where and when follows from the numbers alone.

/// Why a benchmark cannot be run as it was asked for, as a sentence without its full stop.
public struct BenchProblem: Error, Equatable, Sendable {
  /// The sentence.
  public let sentence: String

  /// A problem.
  public init(_ sentence: String) { self.sentence = sentence }
}

/// One workload.
public struct BenchWorkload: Equatable, Sendable {
  /// What a person types, in any case.
  public enum Name: String, CaseIterable, Sendable {
    case w1
    case w2w16
    case w2w1
    case w2paced
    case w3paced
    case w3w1
    case w4
    case w5
    case echo
  }

  /// What the clients do once they are there.
  enum Load: Equatable, Sendable {
    /// Nothing.
    case idle
    /// They only come, so many at a time.
    case handshakes(atOnce: Int)
    /// In each room so many messages are on their way to its members at any time.
    case window(Int)
    /// So many messages a second are due over all rooms, whatever became of the earlier ones.
    case paced(perSecond: Int)
    /// Each has one message on its way, which comes back to itself.
    case echo
  }

  /// Connections of a workload at least and at most.
  public static let connectionsRange = 2...100_000
  /// Handshakes that are under way at a time, in every workload.
  static let handshakesAtOnce = 256
  /// Bytes of a message.
  static let payloadBytes = 128

  /// Its name.
  public let name: Name
  /// How many connections it has.
  public let connections: Int
  /// Rooms, over which the connections are dealt out in turn; with echoes each is its own.
  let rooms: Int
  let load: Load

  /// The workload of that name.
  ///
  /// - Parameter connections: how many connections, or nil for its own number; rooms and rates go
  ///   with it, so that a room keeps its size and its rate.
  public init(_ name: Name, connections: Int? = nil) {
    self.name = name
    let own: (connections: Int, membersPerRoom: Int, load: Load) =
      switch name {
      case .w1: (15_000, 10, .idle)
      case .w2w16: (1_000, .max, .window(16))
      case .w2w1: (1_000, .max, .window(1))
      case .w2paced: (1_000, .max, .paced(perSecond: 100))
      case .w3paced, .w5: (5_000, 10, .paced(perSecond: 10))
      case .w3w1: (5_000, 10, .window(1))
      case .w4: (10_000, .max, .handshakes(atOnce: Self.handshakesAtOnce))
      case .echo: (1_000, 1, .echo)
      }
    let count = connections ?? own.connections
    precondition(Self.connectionsRange.contains(count), "\(count) connections")
    self.connections = count
    rooms = max(1, count / own.membersPerRoom)
    if case .paced(let perSecond) = own.load {
      load = .paced(perSecond: perSecond * rooms)
    } else {
      load = own.load
    }
  }

  /// Nodes that it needs, and with more than one a Redis.
  var nodes: Int { name == .w5 ? 2 : 1 }

  /// Whether connections join a room.
  var joins: Bool {
    switch load {
    case .idle, .window, .paced: true
    case .handshakes, .echo: false
    }
  }

  /// The path of the upgrade.
  var path: String { load == .echo ? "/echo" : "/ws" }

  /// What the cost of one is told for.
  var unit: String {
    switch load {
    case .idle: "connection"
    case .handshakes: "handshake"
    case .window, .paced: "delivery"
    case .echo: "echo"
    }
  }

  /// What its rate is told in.
  var units: String {
    switch load {
    case .idle: "connections"
    case .handshakes: "handshakes"
    case .window, .paced: "deliveries"
    case .echo: "echoes"
    }
  }

  /// The room of a connection.
  func room(of member: Int) -> Int { member % rooms }

  /// The node of a connection: a room's members are dealt out over all nodes.
  func node(of member: Int) -> Int { member / rooms % nodes }

  /// How many are in a room.
  func members(in room: Int) -> Int { (connections - room + rooms - 1) / rooms }

  /// One line about it.
  public var about: String {
    let all = Grouped.text(connections)
    let place =
      rooms == 1
      ? "one room of \(all)"
      : "\(Grouped.text(rooms)) rooms of \(Grouped.text(connections / rooms))"
    switch load {
    case .idle:
      return "\(all) idle members of \(rooms == 1 ? "1 room" : "\(Grouped.text(rooms)) rooms")"
    case .handshakes(let atOnce): return "\(all) handshakes, \(atOnce) at a time"
    case .window(1): return rooms == 1 ? "\(place), 1 on its way" : "\(place), 1 each on its way"
    case .window(let count): return "\(place), \(count) on their way"
    case .paced(let perSecond):
      let through = nodes > 1 ? " on \(nodes) nodes" : ""
      return "\(place)\(through), \(Grouped.text(perSecond))/s"
    case .echo: return "\(all) connections, 1 each on its way"
    }
  }

  /// The workloads of these names, each once and in the order of the list; all for no name.
  ///
  /// Throws a sentence that tells the names that there are.
  public static func read(
    _ names: [String], connections: Int?
  ) throws(BenchProblem) -> [BenchWorkload] {
    var chosen: Set<Name> = []
    for text in names {
      guard let name = Name(rawValue: text.lowercased()) else {
        let known = Name.allCases.map(\.rawValue)
        throw BenchProblem(
          "there is no workload \(TableText.harmless(text))"
            + Nearest.sentence(for: text.lowercased(), among: known)
            + "; there are \(known.joined(separator: " "))")
      }
      chosen.insert(name)
    }
    return Name.allCases.filter { names.isEmpty || chosen.contains($0) }
      .map { BenchWorkload($0, connections: connections) }
  }
}

/// Whole numbers as people read them.
enum Grouped {
  /// `15,000` for 15000.
  static func text(_ number: Int) -> String {
    let digits = Array(String(number.magnitude))
    let grouped = digits.indices.map { index in
      (index > 0 && (digits.count - index) % 3 == 0 ? "," : "") + String(digits[index])
    }.joined()
    return (number < 0 ? "-" : "") + grouped
  }
}
