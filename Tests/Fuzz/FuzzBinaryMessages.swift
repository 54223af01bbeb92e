// Binary publishes: what is accepted reaches members with its room and payload untouched.

import RoostRooms
import RoostWire

func fuzzBinaryMessages(_ message: borrowing Span<UInt8>) {
  let room: RoomName
  let payloadStart: Int
  do {
    (room, payloadStart) = try BinaryMessage.publish(in: message)
  } catch {
    precondition(!error.reason.isEmpty)
    return
  }
  precondition(payloadStart == 2 + room.bytes.count && payloadStart <= message.count)
  precondition(RoomName(text: room.description) == room, "\(room) is not a name when read again")
  let payload = message.extracting(payloadStart..<message.count).copy()
  let start: [UInt8] = [UInt8(room.bytes.count)] + room.bytes
  var plain: [UInt8] = []
  BinaryMessage.deliver(room: room, offset: nil, payload: payload, to: &plain)
  precondition(plain == [1, 0] + start + payload)
  var logged: [UInt8] = []
  BinaryMessage.deliver(room: room, offset: 0x0102_0304_0506_0708, payload: payload, to: &logged)
  precondition(logged == [1, 1] + start + [1, 2, 3, 4, 5, 6, 7, 8] + payload)
  var marked: [UInt8] = []
  BinaryMessage.deliver(room: room, offset: nil, mid: 9, payload: payload, to: &marked)
  precondition(marked == [1, 2] + start + [0, 0, 0, 0, 0, 0, 0, 9] + payload)
}
