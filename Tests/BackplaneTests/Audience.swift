// Members as a shard keeps them: an envelope counts for those that are live, a page for the one that
// asked for it, and whoever reads a last page is live from then on.

import Backplane
import RoostRooms

/// A member and what it saw.
final class Listener {
  enum Stage: Equatable { case joining, replaying(Position), live, refused, gone }

  let member: Member
  let room: RoomName
  let policy: Int32
  let shard: Int
  let since: Position?
  let pageBytesMax: Int
  fileprivate(set) var stage = Stage.joining
  /// Offsets in the order of coming.
  fileprivate(set) var seen: [UInt64] = []
  /// The data in the order of coming.
  fileprivate(set) var payloads: [Payload] = []
  /// How the join was answered.
  fileprivate(set) var receipt: JoinReceipt?
  /// Where a reset told to go on from.
  fileprivate(set) var resetTo: Position?
  /// For a test to note when it became live: how many publishes to the room came before.
  var submittedBefore: Int?
  fileprivate var awaitsPage = false
  private unowned let audience: Audience

  fileprivate init(
    _ member: Member, _ room: RoomName, _ policy: Int32, _ shard: Int, _ since: Position?,
    _ pageBytesMax: Int, _ audience: Audience
  ) {
    self.member = member
    self.room = room
    self.policy = policy
    self.shard = shard
    self.since = since
    self.pageBytesMax = pageBytesMax
    self.audience = audience
  }

  var isLive: Bool { stage == .live }

  /// Asks for the next page, when one is wanted and not under way.
  func readOn() {
    guard case .replaying(let position) = stage, !awaitsPage else { return }
    awaitsPage = true
    audience.submit(self) {
      .replay(room, after: position, pageBytesMax: pageBytesMax, ticket: $0)
    }
  }

  /// Leaves, whatever was answered so far.
  func leave() {
    stage = .gone
    audience.harness.submit(.leave(room, member.connection, shard: shard), on: shard)
  }

  fileprivate func see(_ entries: [LogEntry]) {
    seen += entries.map(\.offset)
    payloads += entries.map(\.payload)
  }
}

/// All members of all shards around one harness.
final class Audience {
  let harness: BackplaneHarness
  private(set) var listeners: [Listener] = []
  /// Acknowledgements by ticket, as they came.
  private(set) var acknowledged: [UInt64: [Position?]] = [:]
  /// How many answers each ticket got.
  private(set) var answers: [UInt64: Int] = [:]
  /// What was not done, by ticket.
  private(set) var failures: [UInt64: BackplaneFailure] = [:]
  private var asking: [UInt64: Listener] = [:]

  init(_ harness: BackplaneHarness) { self.harness = harness }

  @discardableResult
  func join(
    _ member: Member, _ room: RoomName, policy: Int32 = 0, since: Position? = nil,
    pageBytesMax: Int, on shard: Int
  ) -> Listener {
    let listener = Listener(member, room, policy, shard, since, pageBytesMax, self)
    listeners.append(listener)
    submit(listener) {
      .join(
        JoinCommand(
          room: room, policy: policy, member: member, since: since, pageBytesMax: pageBytesMax,
          ticket: $0))
    }
    return listener
  }

  /// Delivers every letter and hears every event.
  func settle() {
    repeat {
      harness.settle()
      hear()
    } while !harness.waiting.isEmpty
  }

  /// Hears the events that came to the shards, in the order of their coming.
  func hear() {
    for shard in 0..<harness.shardCount {
      for event in harness.take(shard) { hear(event, on: shard) }
    }
  }

  fileprivate func submit(_ listener: Listener, _ command: (ReplyTicket) -> BackplaneCommand) {
    let ticket = harness.ticket(listener.shard)
    asking[ticket.slot] = listener
    harness.submit(command(ticket), on: listener.shard)
    hear()
  }

  private func hear(_ event: BackplaneEvent, on shard: Int) {
    if let ticket = event.ticket { answers[ticket.slot, default: 0] += 1 }
    if case .failed(let ticket, _, let failure) = event { failures[ticket.slot] = failure }
    switch event {
    case .published(let ticket, let position):
      acknowledged[ticket.slot, default: []].append(position)
    case .envelope(let envelope):
      for listener in listeners
      where listener.shard == shard && listener.room == envelope.room && listener.isLive {
        listener.seen.append(envelope.position?.offset ?? 0)
        listener.payloads.append(envelope.payload)
      }
    case .joined(let ticket, _, let receipt):
      guard let listener = asking.removeValue(forKey: ticket.slot), listener.stage == .joining
      else { return }
      listener.receipt = receipt
      listener.see(receipt.missed)
      if receipt.isComplete {
        listener.stage = .live
      } else if let position = receipt.position {
        let reached = receipt.missed.last?.offset ?? receipt.after
        listener.stage = .replaying(Position(epoch: position.epoch, offset: reached))
      }
    case .replayed(let ticket, _, let page):
      guard let listener = asking.removeValue(forKey: ticket.slot), listener.stage != .gone
      else { return }
      listener.awaitsPage = false
      switch page {
      case .entries(let entries, let newest, let isComplete):
        listener.see(entries)
        if isComplete {
          listener.stage = .live
        } else if let last = entries.last {
          listener.stage = .replaying(Position(epoch: newest.epoch, offset: last.offset))
        }
      case .lost(let newest):
        listener.resetTo = newest
        listener.stage = .live
      }
    case .failed(let ticket, _, _):
      asking.removeValue(forKey: ticket.slot)?.stage = .refused
    case .reset(let room, let position):
      for listener in listeners
      where listener.shard == shard && listener.room == room && listener.isLive {
        listener.resetTo = position
      }
    case .memberJoined, .memberLeft, .memberCount, .presence, .history, .gap, .presenceReset,
      .described, .cleared, .asked, .answered, .nodes, .revoked, .revocations, .counted, .told,
      .claimed, .resumption:
      break
    }
  }
}
