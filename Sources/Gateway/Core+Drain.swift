// A drain in the shards. The first shard drives it for the node: it asks after the neighbours, ticks the
// machine and shares out how many connections are told; each shard tells its own, and closes them
// when their turn has passed.

import Backplane
import RoostEventLoop
import RoostWire
import Telemetry

/// How many connections of a shard are told, and how.
struct DrainOrder: Sendable {
  let count: Int
  /// From being told to the turn of the first of them.
  let lead: Duration
  /// Over which the turns of the others follow.
  let spread: Duration
  /// From a turn to the close.
  let patience: Duration
  /// Whether they are told at all before they are closed.
  let tells: Bool
  /// Whether the node stays, and has too many of them.
  var isRebalance = false
}

/// Connections that were told, in the order of their turns.
struct DepartureList: Sendable {
  struct Turn: Sendable {
    let token: SlotToken
    let at: MonotonicInstant
  }

  private var turns: [Turn] = []
  private var first = 0
  /// Those whose turn has come and who wait for answers.
  var waiting: [Turn] = []
  /// The slot that is looked at next when connections are to be told.
  var cursor: Int32 = 0

  /// When there is something to do.
  var nextAt: MonotonicInstant? {
    let turn = first < turns.count ? turns[first].at : nil
    // All of them have the same patience, so the first is the earliest.
    guard let answer = waiting.first?.at else { return turn }
    return turn.map { min($0, answer) } ?? answer
  }

  mutating func append(_ turn: Turn) { turns.append(turn) }

  /// The next one whose turn has come.
  mutating func next(_ now: MonotonicInstant) -> SlotToken? {
    guard first < turns.count, turns[first].at <= now else { return nil }
    defer { first += 1 }
    return turns[first].token
  }
}

/// The first shard's notes about the drain.
struct DrainDesk: Sendable {
  static let tickInterval = Duration.milliseconds(50)
  static let figuresInterval = Duration.milliseconds(500)
  static let progressInterval = Duration.seconds(1)

  /// Whether a drain is under way here.
  var isDriving = false
  var tickAt = MonotonicInstant.zero
  var figuresAt = MonotonicInstant.zero
  var progressAt = MonotonicInstant.zero
  var outlook = DrainOutlook()
}

extension Core {
  // MARK: Driving, on the first shard

  mutating func driveDrain(_ now: MonotonicInstant) {
    guard shared.phase == .draining else {
      guard drainDesk.isDriving else { return }
      // Taken back: the others hear of it at once.
      drainDesk = DrainDesk()
      return announce(now)
    }
    if !drainDesk.isDriving {
      drainDesk.isDriving = true
      announce(now)
    }
    guard drainDesk.tickAt <= now else { return }
    drainDesk.tickAt = now.advanced(by: DrainDesk.tickInterval)
    if shared.redis != nil, drainDesk.figuresAt <= now {
      drainDesk.figuresAt = now.advanced(by: DrainDesk.figuresInterval)
      submit(
        .nodes(
          ReplyTicket(
            shard: index, slot: 0, id: nil, askedAt: now.nanoseconds,
            server: ServerDesk.drainNumber)), now)
    }
    var action = tickDrain(now)
    if action == .refuse {
      shared.refusesUpgrades = true
      noteStep()
      action = tickDrain(now)
    }
    switch action {
    case .rest, .refuse: break
    case .tell(let quota): share(quota, now)
    case .flush:
      shared.isFlushing = true
      for mailbox in shared.mailboxes { mailbox.wake() }
      noteStep()
    case .cut: shared.end(because: "drain.hard_stop has passed")
    }
    noteProgress(now)
  }

  private func tickDrain(_ now: MonotonicInstant) -> Drain.Action {
    let count = Drain.Count(
      left: shared.admission.connectionCount, untold: untold.reduce(0, +))
    let neighbours = drainDesk.outlook.neighbours
    return shared.drain.withLock { $0.tick(now, count, neighbours) }
  }

  /// Connections of each shard that have not been told.
  private var untold: [Int] {
    shared.metrics.map {
      max(0, Int($0.connections.value &+ $0.streams.value &- $0.leaving.value))
    }
  }

  private mutating func share(_ quota: Int, _ now: MonotonicInstant) {
    let plan = shared.drain.withLock { $0.plan }
    for (shard, count) in Drain.shares(of: quota, among: untold).enumerated() where count > 0 {
      let order = DrainOrder(
        count: count, lead: plan.lead,
        spread: plan.tells ? DrainDesk.tickInterval : .zero, patience: plan.patience,
        tells: plan.tells)
      if shard == index { sendAway(order, now) } else { post(.sendAway(order), to: shard) }
    }
  }

  /// The nodes that the drain asked after, or that they cannot be asked.
  mutating func neighboursAnswered(_ event: BackplaneEvent, _ now: MonotonicInstant) {
    switch event {
    case .nodes(_, let listings, _): drainDesk.outlook.read(listings, now)
    default: drainDesk.outlook.failed()
    }
  }

  private func noteStep() {
    let step = shared.drain.withLock { $0.step }
    switch step {
    case .flushing:
      shared.log.info(
        "drain_done", "no connection is left",
        [.init("told", told), .init("closed", closed)])
    default:
      shared.log.info(
        "drain_step", "upgrades are refused, connections are sent away",
        [
          .init("step", step.rawValue), .init("connections", shared.admission.connectionCount),
        ])
    }
  }

  private mutating func noteProgress(_ now: MonotonicInstant) {
    guard drainDesk.progressAt <= now else { return }
    let (step, pace) = shared.drain.withLock { ($0.step, $0.pace) }
    guard step == .moving else { return }
    drainDesk.progressAt = now.advanced(by: DrainDesk.progressInterval)
    let neighbours = drainDesk.outlook.neighbours
    shared.log.info(
      "drain_progress", "connections are being sent away",
      [
        .init("connections", shared.admission.connectionCount), .init("told", told),
        .init("closed", closed), .init("pace", Int(pace.rounded(.up))),
        .init("survivors", neighbours?.survivors ?? 0),
      ])
  }

  private var told: Int { Int(shared.metrics.reduce(0) { $0 &+ $1.drainTold.value }) }
  private var closed: Int { Int(shared.metrics.reduce(0) { $0 &+ $1.drainClosed.value }) }

  // MARK: Sending away, on each shard

  /// Tells so many of the shard's connections that their turn comes.
  mutating func sendAway(_ order: DrainOrder, _ now: MonotonicInstant) {
    var (given, looked) = (0, 0)
    let slots = connections.slotsUsed
    while given < order.count, looked < slots {
      if departures.cursor >= slots { departures.cursor = 0 }
      let slot = departures.cursor
      departures.cursor += 1
      looked += 1
      guard let token = connections.token(at: slot), connections[slot].departure == .staying,
        connections[slot].phase.isServed,
        !order.isRebalance || mayBeMoved(slot)
      else { continue }
      connections[slot].departure = .told
      metrics.leaving.add(1)
      if order.isRebalance { metrics.rebalanced.add() } else { metrics.drainTold.add() }
      let share = UInt64(given) * order.spread.nanosecondsClamped / UInt64(max(order.count, 1))
      let turn = order.lead + .nanoseconds(Int64(clamping: share))
      given += 1
      guard order.tells else {
        takeTurn(slot, now)
        continue
      }
      if connections[slot].phase == .open {
        showMids(slot)
        let ticket = newTicket(slot, now)
        send(slot) {
          Push.draining(
            reconnectAfterMilliseconds: turn.millisecondsClamped, ticket: ticket, to: &$0)
        }
      }
      departures.append(.init(token: token, at: now.advanced(by: turn + order.patience)))
    }
  }

  /// Whether a connection may be sent to another node although this one stays: not again, when it
  /// has only just come.
  private func mayBeMoved(_ slot: Int32) -> Bool {
    connections[slot].phase == .open && !connections[slot].showsMids
  }

  /// Closes those whose turn has passed and that wait for no answer any more.
  mutating func settleDepartures(_ now: MonotonicInstant) {
    guard departures.nextAt != nil else { return }
    while let token = departures.next(now) {
      if connections.isCurrent(token) { takeTurn(token.index, now) }
    }
    guard !departures.waiting.isEmpty else { return }
    var waiting: [DepartureList.Turn] = []
    swap(&waiting, &departures.waiting)
    for turn in waiting where connections.isCurrent(turn.token) {
      if turn.at <= now || !awaitsAnswers(turn.token.index) {
        sendOff(turn.token.index, now)
      } else {
        departures.waiting.append(turn)
      }
    }
  }

  /// A connection's turn has come: what it asked is answered before it is closed.
  private mutating func takeTurn(_ slot: Int32, _ now: MonotonicInstant) {
    guard connections[slot].phase.isServed else { return }
    guard awaitsAnswers(slot) else { return sendOff(slot, now) }
    connections[slot].departure = .leaving
    departures.waiting.append(
      .init(token: connections[slot].token, at: now.advanced(by: Bounds.answerPatience)))
  }

  private func awaitsAnswers(_ slot: Int32) -> Bool {
    guard connections[slot].phase == .open else { return false }
    return connections[slot].session.unanswered > 0
      || connections[slot].held?.publishes.isEmpty == false
  }

  private mutating func sendOff(_ slot: Int32, _ now: MonotonicInstant) {
    guard connections[slot].phase.isServed else { return }
    connections[slot].departure = .leaving
    if shared.phase == .draining { metrics.drainClosed.add() }
    close(slot, .goingAway, now)
  }

  /// One of a connection's requests has its answer, or never gets one.
  mutating func requestAnswered(_ ticket: ReplyTicket) {
    guard ticket.join == 0, ticket.server == 0 else { return }
    let token = SlotToken(packed: ticket.slot)
    guard connections.isCurrent(token), connections[token.index].session.unanswered > 0 else {
      return
    }
    connections[token.index].session.unanswered -= 1
  }
}

extension ConnectionPhase {
  /// Whether something is done for the peer that a drain has to end.
  var isServed: Bool { self == .open || self == .echo || self == .stream }
}
