// What clients send. Paced messages fall due at times that the rate gives, whatever became of the
// earlier ones, and carry that time; those of a window carry the time at which they are sent.

import RoostEventLoop
import RoostWebSocket

extension BenchCore {
  /// Paced messages of one turn of the loop at most, so that reading goes on however late they are.
  private static let publishesMax = 64

  /// The first messages.
  mutating func startLoad(_ now: MonotonicInstant) {
    switch workload.load {
    case .idle, .handshakes: break
    case .paced: paceStart = now
    case .window(let count):
      for room in rooms.indices {
        for _ in 0..<count { publish(in: room, due: MonotonicInstant.now()) }
        flush(room)
      }
    case .echo:
      for room in rooms.indices {
        publish(in: room, due: MonotonicInstant.now())
        flush(room)
      }
    }
  }

  mutating func publishMore() {
    guard phase == .warming || phase == .measuring else { return timer.set(.distantFuture) }
    switch workload.load {
    case .idle, .handshakes: break
    case .window(let count): refill(count)
    case .echo: refill(1)
    case .paced(let perSecond): publishPaced(perSecond)
    }
  }

  /// Rooms in which something was delivered get the next messages.
  private mutating func refill(_ window: Int) {
    for room in dirtyRooms {
      rooms[room].isDirty = false
      // On its way counts what some member has not been given.
      let done = rooms[room].delivered / rooms[room].members
      var isSent = false
      while Int(tally.published[room]) < done + window {
        publish(in: room, due: MonotonicInstant.now())
        isSent = true
      }
      if isSent { flush(room) }
    }
    dirtyRooms.removeAll(keepingCapacity: true)
  }

  private mutating func publishPaced(_ perSecond: Int) {
    for _ in 0..<Self.publishesMax {
      let due = dueTime(perSecond)
      guard due <= MonotonicInstant.now() else { break }
      let room = paced % rooms.count
      paced += 1
      publish(in: room, due: due)
      flush(room)
    }
    timer.set(dueTime(perSecond))
  }

  private func dueTime(_ perSecond: Int) -> MonotonicInstant {
    paceStart.advanced(
      byNanoseconds: UInt64(paced) * 1_000_000_000 / UInt64(max(perSecond, 1)))
  }

  /// A room's first member publishes.
  private mutating func publish(in room: Int, due: MonotonicInstant) {
    guard let connection = members[room].connection else { return }
    let stamp = BenchStamp(
      room: UInt32(room), number: tally.publish(in: room), nanoseconds: due.nanoseconds)
    stamp.write(into: &rooms[room].text, at: stampPlace)
    let text = rooms[room].text
    connection.send(.text, text.span, mask: UInt32(truncatingIfNeeded: masks.next()))
  }

  private mutating func flush(_ member: Int) {
    guard let connection = members[member].connection, !connection.flush(poller) else { return }
    take(.closed(code: 1006, reason: "the connection was reset"), of: member)
  }

  mutating func send(_ text: [UInt8], by member: Int) {
    members[member].connection?.send(
      .text, text.span, mask: UInt32(truncatingIfNeeded: masks.next()))
    flush(member)
  }
}
