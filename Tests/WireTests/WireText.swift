// What the tests of the wire share: texts in and out, and one of each thing that is written.

import RoostRooms
import RoostWire

/// What a writer appended to a buffer that was not empty, as text.
func written(_ write: (inout [UInt8]) -> Void) -> String {
  var output = Array("before".utf8)
  write(&output)
  precondition(output.starts(with: "before".utf8), "the buffer's content was changed")
  return String(decoding: output.dropFirst(6), as: UTF8.self)
}

/// A room of that name, which the test wrote out itself.
func room(_ name: String) -> RoomName {
  guard let room = RoomName(text: name) else { preconditionFailure("\(name) is no room") }
  return room
}

/// The bytes of a text.
func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

let epoch = Epoch(high: 0x0123_4567_89AB_CDEF, low: 0xFEDC_BA98_7654_3210)
let epochText = "0123456789abcdeffedcba9876543210"

let ann = Member(
  connection: ConnectionID(process: 0xA1, shard: 2, slot: 0x3C, generation: 4), user: "ann",
  info: bytes(#"{"name":"Ann"}"#))
let nobody = Member(
  connection: ConnectionID(process: 0xA1, shard: 0, slot: 1, generation: 0), user: nil, info: nil)

extension RequestLimits {
  /// The numbers of these tests.
  static let tested = RequestLimits(depthMax: 8, keyBytesMax: 10, idBytesMax: 12, tokenBytesMax: 20)
}

/// Reads a whole message; a reader that does not come to an end is a bug.
func steps(_ text: [UInt8], limits: RequestLimits = .tested) -> [RequestStep] {
  let reader = RequestReader(limits: limits)
  var offset = 0
  var steps: [RequestStep] = []
  while true {
    let before = offset
    let step = reader.next(in: text.span, at: &offset)
    precondition(offset >= before && offset <= text.count, "offset \(before) became \(offset)")
    if step == .end {
      precondition(offset == text.count, "the end came at \(offset) of \(text.count)")
      return steps
    }
    precondition(offset > before, "a step of no bytes at \(before)")
    steps.append(step)
    precondition(steps.count <= text.count, "more steps than bytes")
  }
}

/// Reads a message of one object.
func parsed(_ text: String) -> ParsedRequest? {
  guard case .request(let request) = steps(bytes(text)).first else { return nil }
  return request
}

extension ParsedRequest {
  /// The request of a good object.
  var request: Request? {
    guard case .success(let request) = result else { return nil }
    return request
  }

  /// The rejection of a bad one.
  var rejection: RequestRejection? {
    guard case .failure(let rejection) = result else { return nil }
    return rejection
  }
}
