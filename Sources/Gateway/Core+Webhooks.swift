// What a shard tells the outbound thread, so that it tells others.

import RoostEventLoop
import RoostRooms
import Telemetry

extension Core {
  /// Tells something, unless nobody wants to know or the outbound thread does not keep up.
  mutating func tell(_ event: WebhookEvent, _ wish: OutboundWishes) {
    guard rules.outbound.wishes.contains(wish) else { return }
    guard outboundLetters.count < Self.outgoingMax else {
      return metrics.webhooksUntold.add()
    }
    outboundLetters.append(.happened(event))
  }

  /// Tells that a token names a key that is not known; it may be a new one.
  mutating func tellUnknownKey() {
    guard rules.outbound.wishes.contains(.keys), outboundLetters.count < Self.outgoingMax else {
      return
    }
    outboundLetters.append(.keyIsUnknown)
  }

  /// Tells which rooms have members here, because that is to be told from now on.
  mutating func tellOccupiedRooms() {
    for room in rooms.names { tellOccupancy(of: room, isOccupied: true) }
  }

  /// Tells whether this shard has members of a room, when that has just changed.
  mutating func tellOccupancy(of room: RoomName, isOccupied: Bool) {
    // About users' own rooms `connected` and `disconnected` say all.
    guard rules.outbound.wishes.contains(.rooms), !room.isUserRoom else { return }
    guard outboundLetters.count < Self.outgoingMax else {
      return metrics.webhooksUntold.add()
    }
    outboundLetters.append(.room(room, isOccupied: isOccupied, shard: index))
  }
}
