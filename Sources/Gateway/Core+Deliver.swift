// Bytes out, first half: a message is encoded once per variant into the arena, and its slice is
// queued for each member. Nothing is sent and nobody is closed here.

import RoostDeflate
import RoostEventLoop
import RoostRooms
import RoostWebSocket
import RoostWire
import Telemetry

/// Writes what members get of an envelope; returns the kind of message.
func encode(
  _ envelope: Envelope, showsMid: Bool = false, to output: inout [UInt8]
) -> MessageKind {
  switch envelope.payload {
  case .json:
    Push.message(envelope, showsMid: showsMid, to: &output)
    return .text
  case .binary(let payload):
    BinaryMessage.deliver(
      room: envelope.room, offset: envelope.position?.offset, mid: showsMid ? envelope.mid : 0,
      payload: payload, to: &output)
    return .binary
  }
}

/// Deflaters that serve all connections which agreed on that window without context takeover.
struct SharedDeflaters: ~Copyable {
  private var deflaters: InlineArray<7, Deflater?>
  private let level: Int

  init(level: Int) {
    self.level = level
    deflaters = InlineArray { _ in nil }
  }

  /// Compresses one message by itself; false when there is no memory for it.
  mutating func compress(
    _ message: borrowing Span<UInt8>, windowBits: Int, into output: inout [UInt8]
  ) -> Bool {
    precondition((9...15).contains(windowBits), "\(windowBits) window bits")
    let place = windowBits - 9
    if deflaters[place] == nil {
      do {
        deflaters[place] = try Deflater(windowBits: windowBits, level: level, memoryLevel: 8)
      } catch {
        return false
      }
    }
    guard var deflater = deflaters[place].take() else { return false }
    deflater.reset()
    deflater.compress(message, into: &output)
    deflaters[place] = consume deflater
    return true
  }
}

extension Core {
  // MARK: To rooms

  /// Hands a message to the shard's members of its room.
  mutating func deliver(_ envelope: Envelope) {
    guard let room = rooms.index(of: envelope.room) else { return }
    let start = MonotonicInstant.now()
    rooms.countMessage(in: room, second: second)
    let members = rooms.members(of: room)
    withheld = 0
    let (plain, marked) =
      moves.markedCount == 0 ? (members, []) : parted(members, for: envelope.payload)
    if !plain.isEmpty {
      withScratch { core, output in
        let kind = encode(envelope, to: &output)
        core.deliver(kind, output.span, to: plain, envelope: envelope, as: .message(room))
      }
    }
    if !marked.isEmpty {
      withScratch { core, output in
        let kind = encode(envelope, showsMid: true, to: &output)
        core.deliver(kind, output.span, to: marked, envelope: envelope, as: .message(room))
      }
    }
    metrics.deliveries.add(UInt64(members.count - withheld))
    hasDeliveredInTick = true
    let published = envelope.publishedAt.nanoseconds
    if published > 0 { deliveredSince.append(published) }
    metrics.fanOut.observe(MonotonicInstant.now().nanoseconds &- start.nanoseconds)
  }

  /// Those who are not told which message is which, and those who are.
  func parted(
    _ slots: [Int32], for payload: RoostRooms.Payload
  ) -> (plain: [Int32], marked: [Int32]) {
    let marked = slots.filter { showsMid($0, of: payload) }
    return marked.isEmpty ? (slots, []) : (slots.filter { !showsMid($0, of: payload) }, marked)
  }

  /// Whether a connection is told which message one with this payload is.
  func showsMid(_ slot: Int32, of payload: RoostRooms.Payload) -> Bool {
    guard connections[slot].showsMids else { return false }
    if case .binary = payload { return connections[slot].readsBinaryMids }
    return true
  }

  /// Writes an object and hands it to the shard's members of a room.
  ///
  /// Messages that are held back for a member are overtaken by it, unless `push` says what else.
  mutating func tellMembers(
    of room: RoomName, but one: ConnectionID? = nil, position: Position? = nil,
    as push: (RoomIndex) -> RoomPush = { _ in .notice },
    _ write: (inout [UInt8]) -> Void
  ) {
    guard let known = rooms.index(of: room) else { return }
    var members = rooms.members(of: known)
    if let one { members.removeAll { memberID(of: $0) == one } }
    withScratch { core, output in
      write(&output)
      core.deliver(.text, output.span, to: members, position: position, as: push(known))
    }
  }

  /// Encodes a message once per variant and queues it for each of the slots.
  ///
  /// The envelope, or else the position, is for event streams, which are told the place.
  mutating func deliver(
    _ kind: MessageKind, _ payload: Span<UInt8>, to members: [Int32], envelope: Envelope? = nil,
    position: Position? = nil, as push: RoomPush = .notice
  ) {
    // Before anything is encoded: an early flush empties the arena under the slices.
    makeRoom(for: 2 * payload.count + 4096)
    copies.clear()
    let plain = writeFrame(kind.opcode, payload, isCompressed: false)
    var shared = InlineArray<7, ArenaSlice?>(repeating: nil)
    var event: ArenaSlice?
    for slot in members {
      switch connections[slot].variant {
      case .plain: enqueue(plain, slot, push, envelope)
      case .shared(let windowBits):
        let place = Int(windowBits) - 9
        if shared[place] == nil {
          shared[place] = compressedFrame(kind, payload, Int(windowBits)) ?? plain
        }
        enqueue(shared[place] ?? plain, slot, push, envelope)
      case .own:
        // What was compressed has to be sent, so whether it waits is decided before.
        if isOverMark(slot, payload.count), holdBack(kind, payload, slot, push, envelope) {
          continue
        }
        // Its window moves with each message, so nobody can share the result.
        let own = ownFrame(kind, payload, slot)
        enqueue(own ?? plain, slot)
      case .events:
        if event == nil { event = eventSlice(kind, payload, envelope, position) }
        if let event { enqueue(event, slot, push, envelope) } else { giveUp(slot) }
      }
    }
  }

  // MARK: To one connection

  /// Writes an object with `write` and queues it for one connection; nothing when it wrote nothing.
  mutating func send(
    _ slot: Int32, position: Position? = nil, _ write: (inout [UInt8]) -> Void
  ) {
    guard connections[slot].isLive else { return }
    withScratch { core, output in
      write(&output)
      if !output.isEmpty {
        core.enqueueMessage(
          .text, output.span, slot, compressesAlways: false, position: position)
      }
    }
  }

  /// Queues a message for one connection.
  mutating func enqueueMessage(
    _ kind: MessageKind, _ payload: Span<UInt8>, _ slot: Int32, compressesAlways: Bool,
    envelope: Envelope? = nil, position: Position? = nil
  ) {
    makeRoom(for: 2 * payload.count + 4096)
    var slice: ArenaSlice?
    switch connections[slot].variant {
    case .plain: break
    case .shared(let windowBits):
      slice = compressedFrame(kind, payload, Int(windowBits), always: compressesAlways)
    case .own: slice = ownFrame(kind, payload, slot, always: compressesAlways)
    case .events:
      slice = eventSlice(kind, payload, envelope, position)
      if slice == nil { return giveUp(slot) }
    }
    enqueue(slice ?? writeFrame(kind.opcode, payload, isCompressed: false), slot)
  }

  /// Queues a control frame; the queue's limit does not count for it, within reason.
  mutating func enqueueControl(_ opcode: Opcode, _ payload: Span<UInt8>, _ slot: Int32) {
    let limit = Int(connections[slot].queueMax) + Bounds.controlBytesMax
    guard opcode == .close || connections[slot].queue.count < limit else { return }
    makeRoom(for: 256)
    let slice = writeFrame(opcode, payload, isCompressed: false)
    arena.enqueue(slice, on: &connections[slot].queue)
    markDirty(slot)
  }

  /// Queues bytes that are not a frame: an HTTP response.
  mutating func enqueueBytes(_ bytes: Span<UInt8>, _ slot: Int32) {
    makeRoom(for: bytes.count)
    let mark = arena.mark()
    arena.append(bytes)
    arena.enqueue(arena.slice(from: mark), on: &connections[slot].queue)
    markDirty(slot)
  }

  // MARK: Slices

  @inline(__always)
  private func isOverMark(_ slot: Int32, _ bytes: Int) -> Bool {
    connections[slot].queue.count + bytes > Int(connections[slot].queueMark)
  }

  @inline(__always)
  private mutating func enqueue(
    _ slice: ArenaSlice, _ slot: Int32, _ push: RoomPush = .notice, _ envelope: Envelope? = nil
  ) {
    guard !isOverMark(slot, slice.count) else { return overMark(slice, slot, push, envelope) }
    arena.enqueue(slice, on: &connections[slot].queue)
    if !connections[slot].isDirty {
      connections[slot].isDirty = true
      dirty.append(slot)
    }
  }

  mutating func markDirty(_ slot: Int32) {
    guard !connections[slot].isDirty else { return }
    connections[slot].isDirty = true
    dirty.append(slot)
  }

  /// The queue is full, or is not to take this without a look at the room's policy.
  @inline(never)
  private mutating func overMark(
    _ slice: ArenaSlice, _ slot: Int32, _ push: RoomPush, _ envelope: Envelope?
  ) {
    if holdBack(slice, slot, push, envelope) { return }
    let queueMax = Int(connections[slot].queueMax)
    guard queueMax > 0 else { return }
    var queued = connections[slot].queue.count + slice.count
    if queued > queueMax {
      guard sendEarly(slot) else { return }
      queued = connections[slot].queue.count + slice.count
      // An empty queue takes one message of any size.
      guard queued <= queueMax || connections[slot].queue.isEmpty else { return giveUp(slot) }
    }
    arena.enqueue(slice, on: &connections[slot].queue)
    markDirty(slot)
    yieldHeld(slot)
  }

  /// A queue that only grew within this tick gets the chance to be sent before it counts as full;
  /// false when the connection is gone.
  mutating func sendEarly(_ slot: Int32) -> Bool {
    guard !connections[slot].queue.isBlocked else { return true }
    switch sendQueued(slot) {
    case .done, .blocked: return true
    case .failed:
      scheduleFailure(slot)
      return false
    }
  }

  /// Nothing may follow what was dropped, however small: the queue takes no message any more.
  private mutating func giveUp(_ slot: Int32) {
    guard connections[slot].queueMax > 0 else { return }
    connections[slot].limitQueue(to: 0)
    overflowed.append(connections[slot].token)
    markDirty(slot)
  }

  /// An early flush failed and took the queue with it: the connection ends in this tick, and gets
  /// nothing more, because a later call of the socket might succeed behind the hole.
  ///
  /// Not here: its rooms would be told, and that could empty the arena under a message half handed
  /// out.
  private mutating func scheduleFailure(_ slot: Int32) {
    connections[slot].limitQueue(to: 0)
    failed.append(connections[slot].token)
  }

  /// Makes the arena hold so many more bytes, if need be by sending what it has.
  mutating func makeRoom(for bytes: Int) {
    guard arena.room < bytes else { return }
    for slot in dirty {
      switch sendQueued(slot) {
      // The connection stays on the list of the dirty, so the flush proper sees to the rest.
      case .done, .blocked: break
      case .failed: scheduleFailure(slot)
      }
    }
    arena.reset()
    precondition(arena.room >= bytes, "a message of \(bytes) bytes in an empty arena")
  }

  private mutating func writeFrame(
    _ opcode: Opcode, _ payload: Span<UInt8>, isCompressed: Bool
  ) -> ArenaSlice {
    let mark = arena.mark()
    let header = FrameHeader(
      opcode: opcode, isFinal: true, isCompressed: isCompressed, payloadBytes: payload.count,
      maskingKey: nil)
    for place in 0..<header.count { arena.append(header.bytes[place]) }
    arena.append(payload)
    return arena.slice(from: mark)
  }

  /// A frame compressed for everyone with that window; nil when it is not worth it or has no room.
  private mutating func compressedFrame(
    _ kind: MessageKind, _ payload: Span<UInt8>, _ windowBits: Int, always: Bool = false
  ) -> ArenaSlice? {
    guard always || payload.count >= self.shared.configuration.compression.thresholdBytes else {
      return nil
    }
    var output: [UInt8] = []
    swap(&output, &compressed)
    defer { swap(&output, &compressed) }
    output.removeAll(keepingCapacity: output.capacity <= 1 << 20)
    guard deflaters.compress(payload, windowBits: windowBits, into: &output) else { return nil }
    metrics.compressions.add()
    guard always || output.count < payload.count, arena.room >= output.count + 16 else {
      return nil
    }
    return writeFrame(kind.opcode, output.span, isCompressed: true)
  }

  /// A frame compressed with the connection's own window; nil when it goes plain.
  private mutating func ownFrame(
    _ kind: MessageKind, _ payload: Span<UInt8>, _ slot: Int32, always: Bool = false
  ) -> ArenaSlice? {
    // No room is made here: slices of the same message may be in the arena already.
    guard always || payload.count >= self.shared.configuration.compression.thresholdBytes,
      arena.room > payload.count + payload.count / 8 + 256,
      let compression = connections[slot].compression, var deflater = compression.deflater.take()
    else { return nil }
    var output: [UInt8] = []
    deflater.compress(payload, into: &output)
    compression.deflater = consume deflater
    metrics.compressions.add()
    // Once compressed it is sent so, however long: the peer's window has to move along.
    return writeFrame(kind.opcode, output.span, isCompressed: true)
  }

  /// Lends the scratch buffer, empty.
  mutating func withScratch(_ body: (inout Core, inout [UInt8]) -> Void) {
    var output: [UInt8] = []
    swap(&output, &scratch)
    output.removeAll(keepingCapacity: output.capacity <= 1 << 20)
    body(&self, &output)
    swap(&output, &scratch)
  }
}
