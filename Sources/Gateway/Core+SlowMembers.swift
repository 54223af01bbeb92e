// Members that read too slowly, in namespaces whose `slow_consumer` spares them the 4005: above half of
// the queue their messages are held back, room by room, and follow when a quarter is left. What is no
// room's message, a reply above all, goes into the queue as ever.

import Backplane
import RoostEventLoop
import RoostRooms
import RoostWebSocket
import RoostWire
import Telemetry

/// What a push is to a member for whom messages are held back.
enum RoomPush: Equatable, Sendable {
  /// Nothing that has to keep its place: it overtakes them.
  case notice
  /// A message of the room.
  case message(RoomIndex)
  /// Word of a hole in the room's messages, which stands where the hole is.
  case gap(RoomIndex)
  /// The room's `reset`: what came before it is worthless.
  case reset(RoomIndex)

  /// The room whose messages it belongs to.
  var room: RoomIndex? {
    switch self {
    case .notice: nil
    case .message(let room), .gap(let room), .reset(let room): room
    }
  }
}

/// Copies of the frames of one message, made when they are wanted and shared by all for whom they are
/// held back.
struct FrameCopies: Sendable {
  private var frames: [(slice: ArenaSlice, message: HeldMessage)] = []
  private var payload: HeldMessage?

  /// Forgets the copies: another message comes.
  mutating func clear() {
    if !frames.isEmpty { frames.removeAll(keepingCapacity: true) }
    if payload != nil { payload = nil }
  }

  /// A frame that stands in the arena.
  mutating func frame(_ slice: ArenaSlice, in arena: borrowing SendArena) -> HeldMessage {
    if let known = frames.first(where: { $0.slice == slice }) { return known.message }
    let bytes = arena.withBytes(of: slice) { span in span.withUnsafeBufferPointer { Array($0) } }
    let message = HeldMessage(form: .ready, bytes: bytes)
    frames.append((slice, message))
    return message
  }

  /// A message before it is compressed.
  mutating func message(_ kind: MessageKind, _ payload: Span<UInt8>) -> HeldMessage {
    if let known = self.payload { return known }
    let bytes = payload.withUnsafeBufferPointer { Array($0) }
    let message = HeldMessage(form: kind == .text ? .text : .binary, bytes: bytes)
    self.payload = message
    return message
  }
}

extension Core {
  // MARK: Holding back

  /// What becomes of a push for a member whose queue is over its mark.
  private enum Verdict {
    /// It goes into the queue.
    case queue
    /// It waits.
    case keep(SlowConsumerPolicy)
    /// It is not for this member: it is read from the log later, or the connection is gone.
    case skip
  }

  /// Holds a frame back for a member whose queue is over its mark; false when the queue is to take it.
  mutating func holdBack(
    _ slice: ArenaSlice, _ slot: Int32, _ push: RoomPush, _ envelope: Envelope?
  ) -> Bool {
    switch verdict(slot, slice.count, push, envelope) {
    case .queue: return false
    case .keep(let policy): keep(copies.frame(slice, in: arena), slot, push, policy)
    case .skip: break
    }
    withheld += 1
    return true
  }

  /// As above, for a message that would be compressed with the connection's own window.
  mutating func holdBack(
    _ kind: MessageKind, _ payload: Span<UInt8>, _ slot: Int32, _ push: RoomPush,
    _ envelope: Envelope?
  ) -> Bool {
    switch verdict(slot, payload.count, push, envelope) {
    case .queue: return false
    case .keep(let policy): keep(copies.message(kind, payload), slot, push, policy)
    case .skip: break
    }
    withheld += 1
    return true
  }

  private mutating func verdict(
    _ slot: Int32, _ bytes: Int, _ push: RoomPush, _ envelope: Envelope?
  ) -> Verdict {
    guard let room = push.room, connections[slot].queueMax > 0 else { return .queue }
    // Behind what waits already, however much the queue would take by now.
    if !held.isEmpty, let policy = held[slot]?.policy(of: room) {
      return policy == .recover ? .skip : .keep(policy)
    }
    guard case .message = push else { return .queue }
    let policy = rules.policies[rooms.policy(of: room)].slowConsumer
    guard policy != .disconnect else { return .queue }
    let mark = Int(connections[slot].queueMax) / 2
    if connections[slot].queue.count + bytes > mark {
      guard sendEarly(slot) else { return .skip }
    }
    // An empty queue takes one message of any size.
    let queued = connections[slot].queue.count
    if queued == 0 || queued + bytes <= mark { return .queue }
    if policy == .recover {
      // Without a position there is no log to read.
      guard let envelope, let position = envelope.position, position.offset > 0 else {
        return .queue
      }
      stop(slot, room, envelope, position)
    }
    connections[slot].queueMark = 0
    metrics.countHold(policy)
    shared.log.debug(
      "slow_member", "a connection does not read: messages of a room are held back",
      [
        .init("connection", connectionID(of: slot).description),
        .init("policy", policy.rawValue), .init("queued_bytes", queued),
      ])
    return policy == .recover ? .skip : .keep(policy)
  }

  /// Ends delivery of a room to a member, which gets this message and the next from the log.
  private mutating func stop(
    _ slot: Int32, _ room: RoomIndex, _ envelope: Envelope, _ position: Position
  ) {
    held[slot, default: HeldMessages()].stop(room)
    lastJoin += 1
    connections[slot].session.pending.append(
      PendingRoom(
        room: envelope.room, join: lastJoin,
        // A live member has had every message in front of this one.
        stage: .replaying(Position(epoch: position.epoch, offset: position.offset - 1)),
        awaitsPage: false, tellsEpoch: envelope.startsEpoch, isServerJoin: false, isSeated: true))
  }

  private mutating func keep(
    _ message: HeldMessage, _ slot: Int32, _ push: RoomPush, _ policy: SlowConsumerPolicy
  ) {
    guard let room = push.room else { preconditionFailure("a notice is not held back") }
    if case .reset = push {
      return countDrops(held[slot, default: HeldMessages()].reset(room, message))
    }
    let bytesMax = heldBytesMax(slot)
    countDrops(
      held[slot, default: HeldMessages()].keep(message, of: room, policy, bytesMax: bytesMax))
  }

  /// What may wait beside the queue: half of its limit, and never more than the queue leaves of it.
  private func heldBytesMax(_ slot: Int32) -> Int {
    let queueMax = Int(connections[slot].queueMax)
    return max(min(queueMax / 2, queueMax - connections[slot].queue.count), 0)
  }

  /// The queue has grown by what is not held back, and takes its room from what is.
  mutating func yieldHeld(_ slot: Int32) {
    guard !held.isEmpty, let bytes = held[slot]?.bytes else { return }
    let bytesMax = heldBytesMax(slot)
    guard bytes > bytesMax else { return }
    countDrops(held[slot, default: HeldMessages()].shrink(to: bytesMax))
  }

  private func countDrops(_ drops: HeldDrops) {
    metrics.countDrops(.dropOldest, drops.dropOldest)
    metrics.countDrops(.latest, drops.latest)
  }

  // MARK: Going on

  /// Gives a connection whose queue has drained what was held back, and has logs read for it.
  mutating func resume(_ slot: Int32) {
    guard !held.isEmpty, held[slot] != nil, connections[slot].isLive,
      connections[slot].hasDrained
    else { return }
    while let step = held[slot]?.next, queueHeld(step, slot) { held[slot]?.removeNext() }
    settleHeld(slot)
    guard !connections[slot].session.isReplayListed,
      connections[slot].session.pending.contains(where: \.isSeated)
    else { return }
    connections[slot].session.isReplayListed = true
    replaying.append(connections[slot].token)
  }

  /// Queues what was held back; false when it has to wait for more room, or for nothing any more.
  private mutating func queueHeld(_ step: HeldStep, _ slot: Int32) -> Bool {
    let message: HeldMessage
    var deliveries: UInt64 = 0
    switch step {
    case .gap(let room):
      let name = rooms.name(of: room)
      metrics.gapsTold.add()
      send(slot) { Push.gap(name, to: &$0) }
      return connections[slot].queueMax > 0
    case .reset(_, let reset): message = reset
    case .message(_, let next):
      message = next
      deliveries = 1
    }
    // What is compressed now may grow by a little.
    let bytes = message.bytes.count + (message.form == .ready ? 0 : message.bytes.count / 8 + 256)
    makeRoom(for: 2 * bytes + 4096)
    let queueMax = Int(connections[slot].queueMax)
    let queued = connections[slot].queue.count
    guard queueMax > 0, queued == 0 || queued + bytes <= queueMax else { return false }
    let content = message.bytes
    switch message.form {
    case .ready: enqueueBytes(content.span, slot)
    case .text: enqueueMessage(.text, content.span, slot, compressesAlways: false)
    case .binary: enqueueMessage(.binary, content.span, slot, compressesAlways: false)
    }
    metrics.deliveries.add(deliveries)
    return true
  }

  /// A member has read a room's log to the end: delivery goes on.
  mutating func caughtUp(_ slot: Int32, _ room: RoomName) {
    if let index = rooms.index(of: room) { held[slot]?.forget(index) }
    settleHeld(slot)
  }

  /// A member leaves a room that spares it: what is held back of the room is forgotten.
  mutating func spareNoMore(_ room: RoomIndex, _ name: RoomName, _ slot: Int32) {
    guard rules.policies[rooms.policy(of: room)].slowConsumer != .disconnect else { return }
    connections[slot].sparingRooms -= 1
    if held[slot] != nil {
      held[slot]?.forget(room)
      connections[slot].session.pending.removeAll { $0.isSeated && $0.room == name }
    }
    settleHeld(slot)
  }

  private mutating func settleHeld(_ slot: Int32) {
    if held[slot]?.isEmpty == true { held[slot] = nil }
    settleMark(slot)
  }

  /// Says up to which number of bytes messages are queued without a second look.
  mutating func settleMark(_ slot: Int32) {
    let queueMax = connections[slot].queueMax
    if held[slot] != nil {
      connections[slot].queueMark = 0
    } else {
      connections[slot].queueMark =
        connections[slot].sparingRooms > 0 ? queueMax / 2 : queueMax
    }
  }

  /// Bytes that wait for a connection, in its queue and beside it.
  func queuedBytes(_ slot: Int32) -> Int {
    let queued = connections[slot].queue.count
    return held.isEmpty ? queued : queued + (held[slot]?.bytes ?? 0)
  }
}
