// Connections of users and addresses in the whole cluster. A handshake asks nobody: it is let in by
// what the node knows, and counted in Redis when its user or address has more than an eighth of an
// even share of its limit here. Who turns out to be one too many is closed, or the user's oldest one.

import Auth
import Backplane
import RoostEventLoop
import RoostRooms
import RoostWire
import Telemetry

extension CountKey {
  /// The key of a user.
  init(user: String) { self.init(.user, Array(user.utf8).span) }

  /// The key of an address; an IPv6 host commonly has a whole /64, so that is what one address is.
  init(_ address: SocketAddress) {
    let number = address.isIPv6 ? address.high : address.low
    let bytes = stride(from: UInt64(56), through: 0, by: -8).map {
      UInt8(truncatingIfNeeded: number >> $0)
    }
    self.init(.address, (bytes + [address.isIPv6 ? 6 : 4]).span)
  }
}

extension NodeShared {
  /// An eighth of what a limit comes to for each living node, rounded down.
  ///
  /// What has no more than that here is not told to the others, so that a limit can be exceeded by an
  /// eighth and Redis hears of hardly anybody. Any thread.
  func share(of limit: Int) -> Int {
    guard let redis else { return .max }
    return limit / (8 * max(Int(clamping: redis.status.nodes.value), 1))
  }
}

/// Looking for the oldest connections of users in the cluster; on the first shard.
struct EvictionDesk: Sendable {
  /// Questions under way, by their number.
  var users: [UInt64: String] = [:]
  /// Users who are being asked about, and whether they have to be again.
  var isAskedAgain: [String: Bool] = [:]
}

extension Core {
  // MARK: Counting

  /// Has the cluster count a connection by its address and by its user, as far as that is of use.
  mutating func countInCluster(_ slot: Int32, _ now: MonotonicInstant) {
    countAddressInCluster(slot, now)
    countUserInCluster(slot, now)
  }

  private mutating func countAddressInCluster(_ slot: Int32, _ now: MonotonicInstant) {
    let limit = rules.limits.connectionsPerAddress
    let address = connections[slot].address
    guard shared.redis != nil, limit > 0, connections[slot].isAddressCounted,
      shared.admission.count(of: address) > shared.share(of: limit)
    else { return }
    connections[slot].isAddressInCluster = true
    submit(.count(CountKey(address), connectionID(of: slot), shard: index), now)
  }

  /// Has the cluster count a connection by its user.
  mutating func countUserInCluster(_ slot: Int32, _ now: MonotonicInstant) {
    let limit = rules.limits.connectionsPerUser
    guard shared.redis != nil, limit > 0, let user = connections[slot].session.identity.user,
      shared.admission.count(of: user) > shared.share(of: limit)
    else { return }
    connections[slot].isUserInCluster = true
    submit(.count(CountKey(user: user), connectionID(of: slot), shard: index), now)
  }

  /// Takes a connection that has ended out of the cluster's counts.
  mutating func uncountInCluster(_ slot: Int32, _ now: MonotonicInstant) {
    if connections[slot].isAddressInCluster {
      submit(.uncount(CountKey(connections[slot].address), connectionID(of: slot)), now)
    }
    if connections[slot].isUserInCluster, let user = connections[slot].session.identity.user {
      submit(.uncount(CountKey(user: user), connectionID(of: slot)), now)
    }
  }

  /// A connection's place among those of its user or address in the cluster.
  mutating func counted(
    _ kind: CountKey.Kind, _ connection: ConnectionID, place: Int, _ now: MonotonicInstant
  ) {
    let limits = rules.limits
    let limit = kind == .user ? limits.connectionsPerUser : limits.connectionsPerAddress
    let refusal: AdmissionRefusal = kind == .user ? .userConnections : .addressConnections
    let token = SlotToken(
      index: Int32(truncatingIfNeeded: connection.slot), generation: connection.generation)
    guard limit > 0, place > limit, connections.isCurrent(token),
      connections[token.index].isLive, shared.admission.holds(.admission(refusal), limits)
    else { return }
    let slot = token.index
    if kind == .user, limits.userOverflow == .evict {
      guard let user = connections[slot].session.identity.user else { return }
      return index == 0 ? makeRoom(for: user, now) : post(.makeRoom(user: user), to: 0)
    }
    // Those who try again at once are refused before the upgrade.
    switch kind {
    case .user:
      if let user = connections[slot].session.identity.user {
        shared.admission.noteFull(user: user, now)
      }
    case .address: shared.admission.noteFull(connections[slot].address, now)
    }
    if connections[slot].phase == .stream, !connections[slot].isStreamOpen {
      leaveAllRooms(slot, now)
      return refuse(slot, refusal, .seconds(5), now)
    }
    count(refusal, connections[slot].address, now)
    close(slot, .connectionLimit, now)
  }

  // MARK: The oldest one goes

  /// Asks all nodes for a user's connections; on the first shard.
  mutating func makeRoom(for user: String, _ now: MonotonicInstant) {
    guard desk.evictions.isAskedAgain[user] == nil else {
      // Those that came meanwhile may be missing in the answer.
      desk.evictions.isAskedAgain[user] = true
      return
    }
    let number = desk.nextNumber()
    desk.evictions.isAskedAgain[user] = false
    desk.evictions.users[number] = user
    submit(
      .ask(
        ClusterQuestion(
          audience: .reachableNodes, text: ControlQuestion.describe(.user(user)).json,
          ticket: ReplyTicket(
            shard: index, slot: 0, id: nil, askedAt: now.nanoseconds, server: number))), now)
  }

  /// An answer for `makeRoom`; false when it is for something else.
  mutating func roomAnswered(
    _ ticket: ReplyTicket, _ event: BackplaneEvent, _ now: MonotonicInstant
  ) -> Bool {
    guard let user = desk.evictions.users.removeValue(forKey: ticket.server) else { return false }
    if case .answered(_, let answers) = event { evictOldest(user, answers, now) }
    if desk.evictions.isAskedAgain.removeValue(forKey: user) == true { makeRoom(for: user, now) }
    return true
  }

  private mutating func evictOldest(
    _ user: String, _ answers: ClusterAnswers, _ now: MonotonicInstant
  ) {
    var count = 0
    var found: [ConnectionDetails] = []
    for (node, text) in answers.answers {
      guard let part = ControlAnswer(reading: text, from: node) else { continue }
      count = count.addingReportingOverflow(part.count).partialValue
      found += part.connections
    }
    // What was counted before does not matter any more: others may have made room already.
    let surplus = count - rules.limits.connectionsPerUser
    guard rules.limits.connectionsPerUser > 0, surplus > 0 else { return }
    let byAge = found.sorted {
      ($0.openedAt, $0.connection.description) < ($1.openedAt, $1.connection.description)
    }
    for oldest in byAge.prefix(surplus) {
      submit(
        .ask(
          ClusterQuestion(
            audience: .connection(oldest.connection),
            text: ControlQuestion.evict(oldest.connection).json,
            // Nobody waits for the answer.
            ticket: ReplyTicket(
              shard: index, slot: 0, id: nil, askedAt: now.nanoseconds,
              server: desk.nextNumber()))), now)
    }
  }
}
