// What comes on a room's channel, which anybody who reaches the Redis may have published: it is read or
// refused, and what was read and is written again is read alike.

import Backplane
import RoostRooms

func fuzzRedisEnvelopes(_ input: borrowing Span<UInt8>) {
  let bytes = input.copy()
  var rest = bytes[...]
  if let word = RedisEnvelope.word(of: bytes[...], rest: &rest) {
    precondition(rest.endIndex == bytes.endIndex, "the rest ends at \(rest.endIndex)")
    switch word {
    case .history, .plain, .keyed: readBodies(rest)
    case .joined(_, let member): check(member)
    case .left(_, let members): for member in members { check(member) }
    case .count(let count): precondition(count >= 0)
    case .question: break
    }
  }
  readBodies(bytes[...])
  if let body = RedisEnvelope.body(of: bytes[...]) { check(body) }
  if let member = RedisEnvelope.member(of: bytes[...]) { check(member) }
}

private func readBodies(_ bytes: ArraySlice<UInt8>) {
  var rest = bytes
  while !rest.isEmpty {
    let before = rest.count
    guard let body = RedisEnvelope.nextBody(of: &rest) else { return }
    precondition(rest.count < before, "nothing was read")
    check(body)
  }
}

private func check(_ body: RedisEnvelope.Body) {
  var written: [UInt8] = []
  RedisEnvelope.append(body, to: &written)
  precondition(RedisEnvelope.body(of: written[...]) == body, "\(body)")
}

private func check(_ member: Member) {
  var written: [UInt8] = []
  RedisEnvelope.append(member, to: &written)
  precondition(RedisEnvelope.member(of: written[...]) == member, "\(member)")
}
