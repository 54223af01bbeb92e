// A member of one room as a careful client is one: it keeps its position by the protocol's rules,
// comes back with `since`, and writes down everything that is not as it was promised.

import RoostEventLoop
import RoostJSON
import TestSupport

/// What a member was told, in the order in which it came.
enum Seen: Equatable {
  case message(epoch: String, offset: Int64, text: String)
  /// A message of a room without history.
  case plain(String)
  case joined(epoch: String, offset: Int64, recovered: Bool?)
  case reset(epoch: String, offset: Int64)
  case gap
  case presenceReset
}

/// What became of a publish.
enum PublishEnd: Equatable {
  case accepted(epoch: String, offset: Int64)
  case unknown
  case refused(String)
}

/// One member.
///
/// The swarm's thread only.
final class ClusterMember {
  enum Stage: Equatable {
    case away(until: MonotonicInstant)
    case joining
    case present
  }

  let name: String
  let room: String
  let keepsHistory: Bool
  let tellsPresence: Bool

  private(set) var client: TestClient?
  private(set) var node: ClusterNode?
  var stage = Stage.away(until: .zero)

  // What it has seen.
  private(set) var epoch = ""
  private(set) var offset: Int64 = -1
  private(set) var seen: [Seen] = []
  private(set) var texts: Set<String> = []
  private(set) var problems: [String] = []
  private(set) var errors: [String: Int] = [:]
  private(set) var connections = 0
  private var since: (epoch: String, offset: Int64)?

  // Presence.
  private(set) var present: Set<String> = []
  private var sinceAsked: [(isJoin: Bool, connection: String)] = []
  private var presenceAsks = 0
  private var presenceDue: MonotonicInstant?

  // Publishing.
  var publishesFrom = MonotonicInstant.zero
  private(set) var outstanding: [Int: String] = [:]
  private(set) var ends: [String: PublishEnd] = [:]
  private var lastNumber = 0

  init(_ name: String, room: String) {
    self.name = name
    self.room = room
    keepsHistory = room.hasPrefix("log:") || room.hasPrefix("all:")
    tellsPresence = room.hasPrefix("here:") || room.hasPrefix("all:")
  }

  var connection: String { client?.connection ?? "" }
  var isPresent: Bool { stage == .present }

  // MARK: Coming and going

  /// Connects to a node and asks to join, from where it was.
  func connect(to node: ClusterNode) throws {
    let client = try TestClient.open(node.address, user: name)
    self.client = client
    self.node = node
    connections += 1
    stage = .joining
    try askToJoin()
  }

  private func askToJoin() throws {
    var request = #"{"type":"join","id":"join","room":"\#(room)""#
    since = nil
    if keepsHistory, offset >= 0 {
      since = (epoch, offset)
      request += #","since":{"epoch":"\#(epoch)","offset":\#(offset)}"#
    }
    try client?.send(request + "}")
  }

  /// The connection is gone: what was not answered is unknown.
  func lose(at now: MonotonicInstant) {
    client?.socket.close()
    client = nil
    node = nil
    for text in outstanding.values { ends[text] = .unknown }
    outstanding = [:]
    presenceAsks = 0
    presenceDue = nil
    sinceAsked = []
    stage = .away(until: now.advanced(by: .milliseconds(50)))
  }

  /// Leaves with a close frame and stays away.
  func leave() {
    try? client?.sendClose(1000)
    lose(at: .now())
    stage = .away(until: MonotonicInstant.now().advanced(by: .seconds(3600)))
  }

  // MARK: Publishing

  /// Publishes a text that occurs once in the run.
  @discardableResult
  func publish(_ text: String? = nil) throws -> String {
    lastNumber += 1
    let text = text ?? "\(name)-\(lastNumber)"
    outstanding[lastNumber] = text
    try client?.send(
      #"{"type":"publish","id":\#(lastNumber),"room":"\#(room)","data":"\#(text)"}"#)
    return text
  }

  /// Whether what was accepted has its offsets in the order in which it was published.
  var isInOrder: Bool {
    var last: Int64 = -1
    for number in 1...max(1, lastNumber) {
      guard case .accepted(_, let offset) = ends["\(name)-\(number)"] else { continue }
      guard offset > last || offset < 0 else { return false }
      last = max(last, offset)
    }
    return true
  }

  // MARK: Receiving

  /// Takes all that has come; false when the connection has ended.
  func receive(at now: MonotonicInstant) throws -> Bool {
    guard let client else { return false }
    while let event = try client.nextWithoutWaiting() {
      switch event {
      case .text(let text): try take(text, now)
      case .close(let code, let reason):
        if code != 1001 && code != 1012 {
          problems.append("closed with \(code ?? 0) \(reason)")
        }
        return false
      case .end, .reset: return false
      case .binary, .ping, .pong: continue
      }
    }
    return true
  }

  private func take(_ text: String, _ now: MonotonicInstant) throws {
    let tree = try JSONTree(parsing: Array(text.utf8), depthMax: 16, bytesMax: 1 << 24)
    // Its own `user:` room tells of gaps, too.
    if let about = tree["room"]?.string, about != room { return }
    switch tree["type"]?.string {
    case "message": message(tree, text)
    case "ok": try accepted(tree, text)
    case "error": failed(tree, text, now)
    case "reset":
      epoch = tree["epoch"]?.string ?? ""
      offset = tree["offset"]?.integer ?? -1
      seen.append(.reset(epoch: epoch, offset: offset))
    case "gap": seen.append(.gap)
    case "presence_reset":
      seen.append(.presenceReset)
      try askPresence()
    case "joined", "left":
      let isJoin = tree["type"]?.string == "joined"
      let connection = tree["member"]?["connection"]?.string ?? text
      if presenceAsks > 0 { sinceAsked.append((isJoin, connection)) }
      change(isJoin, connection)
    default: break
    }
  }

  private func message(_ tree: JSONTree, _ text: String) {
    guard let data = tree["data"]?.string else { return }
    guard texts.insert(data).inserted else {
      return problems.append("\(data) came twice: \(text) at \(epoch) \(offset)")
    }
    guard keepsHistory else { return seen.append(.plain(data)) }
    guard let found = tree["offset"]?.integer else {
      return problems.append("a message without offset: \(text)")
    }
    if let changed = tree["epoch"]?.string { epoch = changed }
    if found != offset + 1 {
      problems.append("behind \(offset) came \(found) in \(epoch): \(data)")
    }
    offset = found
    seen.append(.message(epoch: epoch, offset: found, text: data))
  }

  private func accepted(_ tree: JSONTree, _ text: String) throws {
    if let number = tree["id"]?.integer {
      guard let published = outstanding.removeValue(forKey: Int(number)) else {
        return problems.append("an answer to nothing: \(text)")
      }
      ends[published] = .accepted(
        epoch: tree["epoch"]?.string ?? "", offset: tree["offset"]?.integer ?? -1)
    } else if tree["id"]?.string == "join" {
      stage = .present
      joined(tree)
      if tellsPresence { try askPresence() }
    } else if tree["id"]?.string == "presence" {
      presenceAsks -= 1
      guard presenceAsks == 0 else { return }
      present = Set(
        tree["members"]?.elements?.compactMap { $0["connection"]?.string } ?? [])
      for event in sinceAsked { change(event.isJoin, event.connection) }
      sinceAsked = []
    }
  }

  private func joined(_ tree: JSONTree) {
    let recovered = tree["recovered"].map { tree in
      if case .bool(true, _) = tree { true } else { false }
    }
    guard keepsHistory else { return seen.append(.joined(epoch: "", offset: 0, recovered: nil)) }
    let newEpoch = tree["epoch"]?.string ?? ""
    let newOffset = tree["offset"]?.integer ?? -1
    seen.append(.joined(epoch: newEpoch, offset: newOffset, recovered: recovered))
    epoch = newEpoch
    if since != nil {
      guard let recovered else { return problems.append("no `recovered` in the answer to `since`") }
      // What was missed comes now: the position stays until it is there.
      if recovered { return }
    }
    offset = newOffset
  }

  private func failed(_ tree: JSONTree, _ text: String, _ now: MonotonicInstant) {
    let code = tree["code"]?.string ?? text
    errors[code, default: 0] += 1
    if let number = tree["id"]?.integer,
      let published = outstanding.removeValue(forKey: Int(number))
    {
      ends[published] = code == "unknown" ? .unknown : .refused(code)
      publishesFrom = now.advanced(
        by: .milliseconds(tree["retry_after_ms"]?.integer ?? 100))
    } else if tree["id"]?.string == "join" {
      if code != "unavailable" { problems.append("the join was refused: \(text)") }
      // As a client does: it tries again after a while, on whichever node takes it.
      lose(at: now)
    } else if tree["id"]?.string == "presence" {
      presenceAsks -= 1
      presenceDue = now.advanced(by: .milliseconds(100))
    } else if code != "unavailable" {
      problems.append(text)
    }
  }

  // MARK: Presence

  private func askPresence() throws {
    presenceAsks += 1
    sinceAsked = []
    try client?.send(#"{"type":"presence","id":"presence","room":"\#(room)"}"#)
  }

  private func change(_ isJoin: Bool, _ connection: String) {
    if isJoin { present.insert(connection) } else { present.remove(connection) }
  }

  /// Whether what it knows of the room's members is up to date by its own account.
  var isPresenceRead: Bool { presenceAsks == 0 && presenceDue == nil }

  /// Asks again what was refused a while ago.
  func act(at now: MonotonicInstant) throws {
    guard isPresent, let presenceDue, presenceDue <= now else { return }
    self.presenceDue = nil
    try askPresence()
  }
}
