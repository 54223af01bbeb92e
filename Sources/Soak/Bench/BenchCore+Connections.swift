// Clients come, so many at a time, and read. What a member is given is looked at for its first
// bytes and its stamp; nothing is copied but the stamps.

import RoostEventLoop
import RoostWebSocket

extension BenchCore {
  // MARK: Coming

  mutating func connectMore() {
    guard phase == .connecting else { return }
    while begun < members.count, begun - present < BenchWorkload.handshakesAtOnce {
      let member = begun
      begun += 1
      do throws(Errno) {
        members[member].began = MonotonicInstant.now()
        members[member].connection = try SoakConnection(
          to: targets.addresses[workload.node(of: member)], path: workload.path, ticket: nil,
          token: UInt64(member), poller, smallBuffer: false, offersCompression: false)
        members[member].stage = .connecting
      } catch {
        return fail("a connection could not be made: \(error)")
      }
    }
  }

  /// A client has come as far as the workload wants it.
  private mutating func arrived(_ member: Int) {
    members[member].stage = .present
    present += 1
    hasProgress = true
  }

  /// A text that is no message: a step on the way into the room.
  private mutating func take(other text: [UInt8], of member: Int, _ now: MonotonicInstant) {
    switch members[member].stage {
    case .connecting where text.starts(with: Array(#"{"type":"welcome""#.utf8)):
      if case .handshakes = workload.load {
        latencies.add(now.since(members[member].began))
        return arrived(member)
      }
      members[member].stage = .joining
      hasProgress = true
      send(BenchText.join(room: workload.room(of: member)), by: member)
    case .joining where text.starts(with: Array(#"{"type":"ok","id":1,"#.utf8)):
      arrived(member)
    case .connecting, .joining:
      let said = TableText.harmless(String(decoding: text.prefix(100), as: UTF8.self))
      fail("a node answered a client with \(said)")
    case .absent, .present, .gone: break
    }
  }

  // MARK: Reading

  mutating func read(_ member: Int, _ connection: SoakConnection) {
    var found: [BenchStamp] = []
    swap(&found, &stamps)
    var others: [[UInt8]] = []
    var wrong = 0
    let isEcho = workload.load == .echo
    let end = connection.read(into: buffer, &inflater, mask: { RandomBits.mask() }) { _, text in
      switch isEcho ? BenchText.kindOfEcho(text) : BenchText.kind(text) {
      case .message(let stamp): found.append(stamp)
      case .wrong: wrong += 1
      case .other: others.append(text.withUnsafeBufferPointer { Array($0) })
      }
    }
    // Read behind the bytes, not at the beginning of the tick: others were read since then.
    let now = MonotonicInstant.now()
    if isEcho, members[member].stage == .connecting, connection.isOpen { arrived(member) }
    for text in others { take(other: text, of: member, now) }
    for _ in 0..<wrong { tally.receiveWrong() }
    for stamp in found { take(stamp, of: member, now) }
    found.removeAll(keepingCapacity: true)
    swap(&found, &stamps)
    // Answers to pings.
    if end == .none, !connection.flush(poller) {
      return take(.closed(code: 1006, reason: "the connection was reset"), of: member)
    }
    take(end, of: member)
  }

  private mutating func take(_ stamp: BenchStamp, of member: Int, _ now: MonotonicInstant) {
    let room = workload.room(of: member)
    guard tally.receive(stamp, member: member, room: room) else { return }
    hasProgress = true
    if phase == .measuring { counted += 1 }
    if stamp.nanoseconds >= timedFrom.nanoseconds, now.nanoseconds >= stamp.nanoseconds {
      latencies.add(microseconds: (now.nanoseconds - stamp.nanoseconds) / 1000)
    }
    rooms[room].delivered += 1
    guard !rooms[room].isDirty, workload.waitsForDeliveries else { return }
    rooms[room].isDirty = true
    dirtyRooms.append(room)
  }

  // MARK: Ends

  /// What a read or a write came to.
  mutating func take(_ end: ConnectionEnd, of member: Int) {
    switch end {
    case .none: return
    case .refused(let status, _): fail("a node refused a connection with status \(status)")
    case .closed(let code, let reason):
      if members[member].stage == .connecting || members[member].stage == .joining {
        return fail("a connection ended with \(code) before it was in its room: \(reason)")
      }
      lose(member, MonotonicInstant.now())
    }
  }
}
