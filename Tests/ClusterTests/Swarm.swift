// Many members on one thread: they connect, publish at a pace, come back when they are cut off, and
// receive, while a scenario breaks things around them.

import Glibc
import RoostEventLoop
import TestRandom
import TestSupport

/// All members of a scenario.
///
/// One thread at a time.
final class Swarm {
  private(set) var members: [ClusterMember] = []
  var nodes: [ClusterNode]
  /// Time between two publishes of one member; nil while nobody publishes.
  var pace: Duration?
  /// Publishes of one member that may be without an answer.
  var outstandingMax = 2
  private var generator: SeededGenerator
  private var nextPublish: [MonotonicInstant] = []

  init(nodes: [ClusterNode], generator: SeededGenerator) {
    self.nodes = nodes
    self.generator = generator
  }

  /// Adds members to a room; they connect in the turns that follow, to nodes chosen at random.
  func add(_ count: Int, to room: String) {
    for _ in 0..<count {
      members.append(ClusterMember("m\(members.count)", room: room))
      nextPublish.append(.zero)
    }
  }

  /// Members of a room.
  func members(of room: String) -> [ClusterMember] { members.filter { $0.room == room } }

  /// All rooms, sorted.
  var rooms: [String] { Set(members.map(\.room)).sorted() }

  // MARK: Running

  /// Lets the load go on for so long.
  func run(for duration: Duration) throws {
    let end = MonotonicInstant.now().advanced(by: duration)
    while MonotonicInstant.now() < end { try turn() }
  }

  /// Lets the load go on until something is so; throws with `what` when it is not in time.
  func run(
    until what: String, within limit: Duration = .seconds(60), _ condition: () throws -> Bool
  ) throws {
    let end = MonotonicInstant.now().advanced(by: limit)
    var nextLook = MonotonicInstant.zero
    while true {
      try turn()
      let now = MonotonicInstant.now()
      guard nextLook <= now else { continue }
      nextLook = now.advanced(by: .milliseconds(25))
      if try condition() { return }
      guard now < end else {
        throw TestFailure("not \(what) within \(limit); \(generator); \(summary)")
      }
    }
  }

  /// Waits until every member is in its room.
  func awaitPresent(within limit: Duration = .seconds(60)) throws {
    try run(until: "all members in their rooms", within: limit) {
      members.allSatisfy(\.isPresent)
    }
  }

  /// One round: whoever is away connects, whoever is due publishes, whatever has come is taken.
  func turn() throws {
    let now = MonotonicInstant.now()
    for node in nodes where node.isUsable { node.takeLog() }
    var entries: [pollfd] = []
    var places: [Int] = []
    for (place, member) in members.enumerated() {
      if case .away(let until) = member.stage, until <= now { try connect(member, now) }
      guard let client = member.client, member.node?.isUsable == true else {
        if member.node?.isUsable == false { checkDead(member, now) }
        continue
      }
      try member.act(at: now)
      publish(place, now)
      entries.append(pollfd(fd: client.socket.pollable, events: Int16(POLLIN), revents: 0))
      places.append(place)
    }
    _ = poll(&entries, UInt(entries.count), entries.isEmpty ? 5 : 2)
    for (entry, place) in zip(entries, places) where entry.revents != 0 {
      if try !members[place].receive(at: now) { members[place].lose(at: now) }
    }
  }

  /// A member of a node that is dead has its last bytes and its end in its socket.
  private func checkDead(_ member: ClusterMember, _ now: MonotonicInstant) {
    guard let client = member.client else { return }
    var entry = pollfd(fd: client.socket.pollable, events: Int16(POLLIN), revents: 0)
    guard poll(&entry, 1, 0) > 0 else { return }
    if (try? member.receive(at: now)) != true { member.lose(at: now) }
  }

  private func connect(_ member: ClusterMember, _ now: MonotonicInstant) throws {
    guard let node = nodes.filter(\.isUsable).randomElement(using: &generator) else { return }
    do {
      try member.connect(to: node)
    } catch {
      member.lose(at: now)
    }
  }

  private func publish(_ place: Int, _ now: MonotonicInstant) {
    let member = members[place]
    guard let pace, member.isPresent, nextPublish[place] <= now, member.publishesFrom <= now,
      member.outstanding.count < outstandingMax
    else { return }
    let (seconds, attoseconds) = pace.components
    let milliseconds = seconds * 1000 + attoseconds / 1_000_000_000_000_000
    let wait = Int64.random(in: milliseconds / 2...milliseconds * 3 / 2, using: &generator)
    nextPublish[place] = now.advanced(by: .milliseconds(wait))
    if (try? member.publish()) == nil { member.lose(at: now) }
  }

  // MARK: The end

  /// Ends publishing and waits until everybody has everything: a last message in each room reaches
  /// all its members.
  func settle(within limit: Duration = .seconds(60)) throws {
    pace = nil
    try awaitPresent(within: limit)
    try run(until: "all publishes answered", within: limit) {
      members.allSatisfy { $0.outstanding.isEmpty }
    }
    var fences: [String: [String]] = [:]
    var lastTry: [String: MonotonicInstant] = [:]
    try run(until: "the last message with all members", within: limit) {
      let now = MonotonicInstant.now()
      var isDone = true
      for room in rooms {
        let inRoom = members(of: room)
        let sent = fences[room, default: []]
        if sent.contains(where: { text in inRoom.allSatisfy { $0.texts.contains(text) } }) {
          continue
        }
        isDone = false
        // A last message that was refused, or that came while somebody was away, is sent again.
        if let last = lastTry[room], now.since(last) < .seconds(2) { continue }
        guard let publisher = inRoom.first(where: { $0.isPresent }) else { continue }
        lastTry[room] = now
        fences[room, default: []].append(try publisher.publish())
      }
      return isDone
    }
    try run(until: "presence read by all", within: limit) {
      members.allSatisfy { $0.isPresenceRead && $0.outstanding.isEmpty && $0.isPresent }
    }
  }

  /// What it looks like, for a failure.
  var summary: String {
    var lines: [String] = []
    for room in rooms {
      let inRoom = members(of: room)
      let ends = inRoom.flatMap(\.ends.values)
      lines.append(
        "\(room): \(inRoom.filter(\.isPresent).count)/\(inRoom.count) present, "
          + "\(ends.filter { if case .accepted = $0 { true } else { false } }.count) accepted, "
          + "\(ends.filter { $0 == .unknown }.count) unknown, "
          + "outstanding \(inRoom.map(\.outstanding.count).reduce(0, +)), "
          + "offsets \(Set(inRoom.map { "\($0.epoch.prefix(6)) \($0.offset)" }).sorted()), "
          + "errors \(inRoom.reduce(into: [String: Int]()) { $0.merge($1.errors, uniquingKeysWith: +) })"
      )
    }
    for node in nodes where node.isUsable {
      lines.append("\(node.name): \((try? node.get("/readyz").text) ?? "no answer")")
    }
    return "\n" + lines.joined(separator: "\n")
  }
}
