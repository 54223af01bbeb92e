// The sockets of the backplane: two links to one Redis, opened, read, written and closed on the loop
// that owns this. It moves bytes and keeps the clock; what they mean is the state machine's business.

public import RoostCrypto
public import RoostEventLoop
public import RoostRooms

/// A node's part of the cluster with its links.
///
/// Owned by one loop's thread, which calls it as `LoopStages` are called.
public struct RedisDriver: ~Copyable {
  /// The state machine; read and nudged by tests, driven from here only.
  var backplane: RedisBackplane
  private var commands: RedisLink
  private var channels: RedisLink
  private var reply = RedisReply()
  /// When the state machine is swept again.
  var nextSweep: MonotonicInstant = .zero

  /// The state of the backplane, for other threads.
  public let status: RedisStatus

  /// Tokens with which the links are watched: `firstToken` and the next.
  private let firstToken: UInt64

  /// Makes the links; nothing is opened before the first `expireTimers`.
  ///
  /// - Parameters:
  ///   - security: for `rediss`; nil without.
  ///   - firstToken: this and the next are used on the poller.
  public init(
    _ settings: RedisBackplaneSettings, endpoint: RedisEndpoint, security: TLSContext?,
    status: RedisStatus, poller: Poller, wakeup: Wakeup, firstToken: UInt64
  ) {
    var settings = settings
    settings.database = endpoint.database
    self.status = status
    self.firstToken = firstToken
    backplane = RedisBackplane(settings, status: status)
    let limits = RedisLinkLimits(
      connectTimeout: settings.replyTimeout, loginTimeout: settings.replyTimeout,
      outputBytesMax: 2 * settings.waitingBytesMax, replyBytesMax: 64 << 20,
      replyTokensMax: 1 << 20, tickBytesMax: 1 << 20,
      keepAlive: KeepAlive(idleSeconds: 5, intervalSeconds: 2, probes: 3))
    commands = RedisLink(
      endpoint: endpoint, security: security, clientName: "roost-\(settings.nodeID)-commands",
      limits: limits, poller: poller, token: firstToken, wakeup: wakeup)
    channels = RedisLink(
      endpoint: endpoint, security: security, clientName: "roost-\(settings.nodeID)-channels",
      limits: limits, poller: poller, token: firstToken + 1, wakeup: wakeup)
  }

  /// Whether a token is one of the links'.
  public func owns(_ token: UInt64) -> Bool { token == firstToken || token == firstToken + 1 }

  /// Sizes, for metrics.
  public var figures: BackplaneFigures { backplane.figures }

  /// Goes by other rules from the next command on; numbers that were there keep their meaning.
  ///
  /// Whether a namespace has presence, presence events or history must stay as it was.
  public mutating func follow(_ policies: [RoomPolicy]) { backplane.follow(policies) }

  /// Carries out a command.
  public mutating func submit(
    _ command: BackplaneCommand, at now: Moment, into outbox: inout BackplaneOutbox
  ) {
    backplane.submit(command, at: now, into: &outbox)
  }

  /// Takes all that a link's socket has.
  public mutating func ready(
    _ readiness: Readiness, at now: MonotonicInstant, _ moment: Moment,
    into outbox: inout BackplaneOutbox
  ) {
    if readiness.token == firstToken {
      if let event = commands.ready(readiness, now: now) {
        handle(event, .commands, moment, &outbox)
      }
      do throws(RedisProtocolViolation) {
        while try commands.nextReply(into: &reply) {
          backplane.commandReply(reply, moment, &outbox)
        }
      } catch {
        commands.close(error.description)
        lose(.commands, error.description, moment, &outbox)
      }
    } else {
      if let event = channels.ready(readiness, now: now) {
        handle(event, .subscriptions, moment, &outbox)
      }
      backplane.channelBytes = channels.bytesReceived
      do throws(RedisProtocolViolation) {
        while try channels.nextReply(into: &reply) {
          backplane.channelReply(reply, moment, &outbox)
        }
      } catch {
        channels.close(error.description)
        lose(.subscriptions, error.description, moment, &outbox)
      }
    }
  }

  /// Deadlines, probes, openings.
  public mutating func expireTimers(
    at now: MonotonicInstant, _ moment: Moment, into outbox: inout BackplaneOutbox
  ) {
    if let event = commands.expire(now: now) { handle(event, .commands, moment, &outbox) }
    if let event = channels.expire(now: now) { handle(event, .subscriptions, moment, &outbox) }
    backplane.tick(at: moment, into: &outbox)
    if nextSweep <= now {
      nextSweep = now.advanced(by: .seconds(1))
      backplane.sweep(at: moment, into: &outbox)
    }
    closeWished(moment, &outbox)
    if backplane.takesOpening(.commands, moment.monotonic) { commands.open(at: now) }
    if backplane.takesOpening(.subscriptions, moment.monotonic) { channels.open(at: now) }
  }

  /// Writes what the tick has left, one call a link.
  public mutating func flush(
    at now: MonotonicInstant, _ moment: Moment, into outbox: inout BackplaneOutbox
  ) {
    backplane.write(at: moment)
    if !backplane.pipe.output.isEmpty {
      commands.output += backplane.pipe.output
      backplane.pipe.output.removeAll(
        keepingCapacity: backplane.pipe.output.capacity <= 1 << 20)
    }
    if !backplane.channelOutput.isEmpty {
      channels.output += backplane.channelOutput
      backplane.channelOutput.removeAll(keepingCapacity: true)
    }
    if let event = commands.flush(now: now) { handle(event, .commands, moment, &outbox) }
    if let event = channels.flush(now: now) { handle(event, .subscriptions, moment, &outbox) }
    closeWished(moment, &outbox)
  }

  /// Whether something waits to be written.
  public var isDirty: Bool {
    !backplane.pipe.output.isEmpty || !backplane.channelOutput.isEmpty || backplane.hasDue
  }

  /// When `expireTimers` is due again.
  public func nextDeadline(at moment: Moment, now: MonotonicInstant) -> MonotonicInstant {
    let wait = backplane.nextDeadline(at: moment.monotonic) - moment.monotonic
    var next = min(now.advanced(by: wait), nextSweep)
    if let deadline = commands.nextDeadline() { next = min(next, deadline) }
    if let deadline = channels.nextDeadline() { next = min(next, deadline) }
    return next
  }

  /// Gives up the subscription link, because what came over it could not be passed on.
  public mutating func shed() {
    backplane.closeWishes.append((.subscriptions, "the shards do not keep up"))
  }

  /// Gives up the lease; what was written before has been handed to the kernel when this returns,
  /// if it had room.
  public mutating func withdraw(at now: MonotonicInstant, _ moment: Moment) {
    var outbox = BackplaneOutbox()
    backplane.write(at: moment)
    backplane.withdraw(moment.monotonic)
    flush(at: now, moment, into: &outbox)
  }

  private mutating func handle(
    _ event: RedisLink.Event, _ link: RedisLinkKind, _ moment: Moment,
    _ outbox: inout BackplaneOutbox
  ) {
    switch event {
    case .opened: backplane.linkOpened(link, moment.monotonic)
    case .lost(let loss): lose(link, loss.description, moment, &outbox)
    }
  }

  private mutating func lose(
    _ link: RedisLinkKind, _ reason: String, _ moment: Moment, _ outbox: inout BackplaneOutbox
  ) {
    backplane.linkLost(link, reason, moment.monotonic, &outbox)
  }

  private mutating func closeWished(_ moment: Moment, _ outbox: inout BackplaneOutbox) {
    guard !backplane.closeWishes.isEmpty else { return }
    let wishes = backplane.closeWishes
    backplane.closeWishes = []
    for (link, reason) in wishes {
      switch link {
      case .commands:
        guard commands.isOpen else { continue }
        commands.close(reason)
      case .subscriptions:
        guard channels.isOpen else { continue }
        channels.close(reason)
      }
      lose(link, reason, moment, &outbox)
    }
  }
}
