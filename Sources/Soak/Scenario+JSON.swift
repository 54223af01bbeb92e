// A scenario from its file: unknown keys are errors with a suggestion, and so is what contradicts
// itself.

import RoostJSON

extension Scenario {
  /// Reads a file's text.
  ///
  /// Throws a sentence that names the key, or the line of what is no JSON.
  public init(parsing text: [UInt8]) throws(ScenarioProblem) {
    self.init()
    let tree: JSONTree
    do throws(JSONViolation) {
      tree = try JSONTree(parsing: text, depthMax: 8, bytesMax: 1 << 20)
    } catch {
      let place = JSONTree.location(of: error.offset, in: text)
      throw ScenarioProblem("line \(place.line), column \(place.column): \(error.reason)")
    }
    guard tree.members != nil else { throw ScenarioProblem("a scenario is one object") }
    clients = [:]
    try apply(tree, under: "")
    if clients.isEmpty { clients = Scenario().clients }
    try check()
  }

  private mutating func apply(
    _ tree: JSONTree, under prefix: String
  ) throws(ScenarioProblem) {
    for (name, value) in tree.members ?? [] {
      let path = prefix + name
      if let key = ScenarioKey.all.first(where: { $0.path == path }) {
        try key.apply(value, to: &self)
      } else if value.members != nil,
        ScenarioKey.all.contains(where: { $0.path.hasPrefix(path + ".") })
      {
        try apply(value, under: path + ".")
      } else {
        throw ScenarioProblem(
          "\(path) is no key of a scenario"
            + Nearest.sentence(for: path, among: ScenarioKey.all.map(\.path)))
      }
    }
  }

  /// Whether it makes sense as a whole.
  public func check() throws(ScenarioProblem) {
    guard rooms + plainRooms > 0 else { throw ScenarioProblem("there are no rooms") }
    guard clients.contains(where: { $0.key.isJudged && $0.value > 0 }) else {
      throw ScenarioProblem("there are no clients that are judged")
    }
    // Every observer's list has all members of its room.
    let members = (clientCount + rooms + plainRooms - 1) / (rooms + plainRooms)
    guard presencePercent == 0 || members <= PresenceBook.membersMax else {
      throw ScenarioProblem(
        "presence is judged in rooms of up to \(PresenceBook.membersMax) clients, and there would "
          + "be \(members)")
    }
    // The balancer speaks TLS to the nodes for those that do not.
    guard balancer || tlsPercent == 0 || tlsPercent == 100 else {
      throw ScenarioProblem(
        "clients.tls_percent is 0 or 100 without a balancer, since a node has one public port")
    }
    guard pingSeconds == 0 || pongSeconds <= pingSeconds else {
      throw ScenarioProblem("limits.pong_timeout is at most limits.ping_interval")
    }
    // Nobody would ever learn that a connection is dead.
    guard pingSeconds > 0 || !brokenKinds.contains(.pathDrop) else {
      throw ScenarioProblem("path_drop needs limits.ping_interval")
    }
    guard balancer || !brokenKinds.contains(.balancerReload) else {
      throw ScenarioProblem("balancer_reload needs a balancer")
    }
    for fault in faults {
      guard fault.at < seconds else {
        throw ScenarioProblem(
          "a fault at \(fault.at) s is behind the end of the run at \(seconds) s")
      }
      guard fault.node ?? 1 <= nodes else {
        throw ScenarioProblem("a fault names node \(fault.node ?? 0) of \(nodes)")
      }
    }
  }
}

/// Finds what somebody may have meant.
public enum Nearest {
  /// `; did you mean …?`, or nothing when nothing is near.
  public static func sentence(for word: String, among known: [String]) -> String {
    let ranked = known.map { (distance(word, $0), $0) }.sorted { $0 < $1 }
    guard let (distance, best) = ranked.first, distance <= max(2, word.utf8.count / 3) else {
      return ""
    }
    return "; did you mean \(best)?"
  }

  /// Letters to change, add or leave out.
  static func distance(_ first: String, _ second: String) -> Int {
    // Words of a command line and a file are short; what is not is not near.
    let (first, second) = (Array(first.utf8.prefix(64)), Array(second.utf8.prefix(64)))
    var row = Array(0...second.count)
    for (index, letter) in first.enumerated() {
      var diagonal = row[0]
      row[0] = index + 1
      for (place, other) in second.enumerated() {
        let above = row[place + 1]
        row[place + 1] = min(above + 1, row[place] + 1, diagonal + (letter == other ? 0 : 1))
        diagonal = above
      }
    }
    return row[second.count]
  }
}
