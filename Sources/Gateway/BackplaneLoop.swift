// The backplane's thread: the links to Redis on a loop of their own, between the mailboxes of the
// shards. With one shard there is no such thread; the links live in the shard's loop.

import Backplane
import Glibc
import RoostEventLoop
import RoostRooms
import Telemetry

/// Letters to the backplane's thread.
enum BackplaneLetter: Sendable {
  /// What a shard asks.
  case command(BackplaneCommand)
}

/// What the backplane's thread owns.
struct BackplaneCore: ~Copyable {
  /// Events that may wait for the shards' mailboxes before the link is given up.
  static let outgoingMax = 262_144

  let shared: NodeShared
  let mailbox: Mailbox<BackplaneLetter>
  var driver: RedisDriver
  var outbox = BackplaneOutbox()
  var outgoing: [[ShardLetter]]
  var outgoingCount = 0
  var isStopped = false
  private var clock = MomentClock()
  /// The rules that the driver goes by.
  private var rulesNumber: UInt64 = 1

  init(shared: NodeShared, mailbox: Mailbox<BackplaneLetter>, driver: consuming RedisDriver) {
    self.shared = shared
    self.mailbox = mailbox
    self.driver = driver
    outgoing = Array(repeating: [], count: shared.shardCount)
  }

  private mutating func settle() {
    guard !outbox.items.isEmpty else { return }
    for item in outbox.items {
      switch item {
      case .event(let shard, let event):
        outgoing[shard].append(.event(event))
        outgoingCount += 1
      case .command: preconditionFailure("a node has one part of this backplane")
      }
    }
    outbox.items.removeAll(keepingCapacity: outbox.items.count <= 4096)
  }
}

extension BackplaneCore: LoopStages {
  var isDirty: Bool { driver.isDirty || outgoingCount > 0 }

  mutating func ready(_ readiness: Readiness, now: MonotonicInstant) {
    driver.ready(readiness, at: now, clock.moment(now), into: &outbox)
    settle()
  }

  mutating func takeLetters(now: MonotonicInstant) {
    let moment = clock.moment(now)
    let letters = mailbox.takeAll()
    // Behind taking: a letter may carry the number of a policy that came with newer rules.
    if shared.rulesNumber != rulesNumber {
      let rules = shared.rules
      rulesNumber = rules.number
      driver.follow(rules.policies.policies)
    }
    for letter in letters {
      switch letter {
      case .command(let command): driver.submit(command, at: moment, into: &outbox)
      }
    }
    settle()
  }

  mutating func expireTimers(now: MonotonicInstant) {
    driver.expireTimers(at: now, clock.moment(now), into: &outbox)
    settle()
    guard shared.stopsBackplane, !isStopped else { return }
    driver.withdraw(at: now, clock.moment(now))
    isStopped = true
  }

  mutating func postLetters() {
    guard outgoingCount > 0 else { return }
    for shard in outgoing.indices where !outgoing[shard].isEmpty {
      outgoingCount -= shared.mailboxes[shard].post(from: &outgoing[shard])
    }
    // A shard that does not keep up must not fill this node's memory: the link is cut, and what was
    // missed is read again, or said to be missing.
    if outgoingCount > Self.outgoingMax { driver.shed() }
  }

  mutating func flush(now: MonotonicInstant) {
    driver.flush(at: now, clock.moment(now), into: &outbox)
    settle()
  }

  mutating func closeScheduled(now: MonotonicInstant) {}

  func nextDeadline() -> MonotonicInstant? {
    if isStopped || shared.stopsBackplane { return .zero }
    let now = MonotonicInstant.now()
    var next = driver.nextDeadline(at: clock.moment(now), now: now)
    if outgoingCount > 0 { next = min(next, now.advanced(by: .milliseconds(1))) }
    return next
  }
}

/// The backplane's thread, as an actor.
actor BackplaneLoop {
  nonisolated let executor: LoopExecutor
  nonisolated var unownedExecutor: UnownedSerialExecutor {
    executor.asUnownedSerialExecutor()
  }

  private var core: BackplaneCore
  private var loop: Loop

  init(
    shared: NodeShared, settings: RedisBackplaneSettings, link: RedisPlace, wakeup: Wakeup,
    mailbox: Mailbox<BackplaneLetter>
  ) throws(Errno) {
    let poller = try Poller()
    executor = LoopExecutor(wakeup: wakeup)
    loop = Loop(poller: poller, wakeup: wakeup)
    core = BackplaneCore(
      shared: shared, mailbox: mailbox,
      driver: RedisDriver(
        settings, endpoint: link.endpoint, security: link.contextOrNone(), status: link.status,
        poller: poller, wakeup: wakeup, firstToken: 0))
  }

  nonisolated func run() {
    executor.run { assumeIsolated { $0.turn() } }
  }

  private func turn() -> Bool {
    while tick() {
      if executor.hasJobs { return true }
    }
    return false
  }

  private func tick() -> Bool {
    loop.tick(&core)
    return !core.isStopped
  }
}
