// The life of a connection in the log, for who looks for one: every line of it has its id. Below the
// level `debug` it costs a comparison. And what the log left out, so that a flood is seen as one.

import RoostRooms
import RoostWire
public import Telemetry

extension Core {
  /// A connection has become a member of a room.
  func logJoined(_ room: RoomName, _ slot: Int32) {
    shared.log.debug(
      "room_joined", "a connection is in a room",
      [.init("connection", connectionID(of: slot).description), .init("room", "\(room)")])
  }

  /// A connection is a member no more.
  func logLeft(_ room: RoomName, _ slot: Int32) {
    shared.log.debug(
      "room_left", "a connection is not in a room any more",
      [.init("connection", connectionID(of: slot).description), .init("room", "\(room)")])
  }

  /// A request is answered with an error.
  func logRefused(_ code: ErrorCode, _ slot: Int32) {
    shared.log.debug(
      "request_refused", "a request is answered with an error",
      [
        .init("connection", connectionID(of: slot).description), .init("code", code.rawValue),
      ])
  }
}

extension Log {
  /// Tells how many lines were left out since the last time; to be called once a second.
  public func tellLeftOut() {
    let log = self
    for (name, count) in takeLeftOut() {
      log.warning(
        "log_sampled", "there were more lines of this kind than log.lines_per_second",
        [.init("of", name), .init("count", count)])
    }
  }
}
