// What a shard tells the outbound thread, so that it tells others.

import RoostEventLoop
import RoostRooms
import Telemetry

extension Core {
  /// Tells something, unless nobody wants to know or the outbound thread does not keep up.
  mutating func tell(_ event: WebhookEvent, _ wish: OutboundWishes) {
    guard shared.outboundWishes.contains(wish) else { return }
    guard outboundLetters.count < Self.outgoingMax else {
      return metrics.webhooksUntold.add()
    }
    outboundLetters.append(.happened(event))
  }

  /// Tells that a token names a key that is not known; it may be a new one.
  mutating func tellUnknownKey() {
    guard shared.outboundWishes.contains(.keys), outboundLetters.count < Self.outgoingMax else {
      return
    }
    outboundLetters.append(.keyIsUnknown)
  }

  /// Tells whether this shard has members of a room, when that has just changed.
  mutating func tellOccupancy(of room: RoomName, isOccupied: Bool) {
    // About users' own rooms `connected` and `disconnected` say all.
    guard shared.outboundWishes.contains(.rooms), !room.isUserRoom else { return }
    guard outboundLetters.count < Self.outgoingMax else {
      return metrics.webhooksUntold.add()
    }
    outboundLetters.append(.room(room, isOccupied: isOccupied, shard: index))
  }
}
