// What nodes say to each other, cut at every byte and with every kind of garbage in it.

import RoostRooms
import Testing

@testable import Backplane

struct RedisEnvelopeTests {
  static let ann = Member(
    connection: ConnectionID(process: 0xA, shard: 1, slot: 2, generation: 3), user: "ann",
    info: Array("{}".utf8))
  static let nobody = Member(
    connection: ConnectionID(process: .max, shard: .max, slot: 0xFF_FFFF, generation: .max),
    user: nil, info: nil)

  /// Made anew each time: the leak sanitizer does not see a payload that only a constant holds, because
  /// its case stands in the pointer's spare bits.
  static var bodies: [RedisEnvelope.Body] {
    [
      RedisEnvelope.Body(mid: (1, 2), payload: json("a"), sender: nil, wallMilliseconds: nil),
      RedisEnvelope.Body(mid: (.max, 0), payload: .binary([]), sender: ann, wallMilliseconds: nil),
      RedisEnvelope.Body(
        mid: (0, .max), payload: .binary([0, 255]), sender: nobody, wallMilliseconds: -1),
    ]
  }

  static func bytes(_ member: Member) -> [UInt8] {
    var output: [UInt8] = []
    RedisEnvelope.append(member, to: &output)
    return output
  }

  static let epoch = Epoch(high: 1, low: 2)

  static func history(_ offset: String = "7:") -> [UInt8] {
    Array("H".utf8) + epoch.digits + Array(offset.utf8)
      + bodies.flatMap { RedisEnvelope.lengthPrefixed($0) }
  }

  @Test(arguments: bodies.indices)
  func `a body is read as it was written`(number: Int) {
    var output: [UInt8] = []
    RedisEnvelope.append(Self.bodies[number], to: &output)
    #expect(RedisEnvelope.body(of: output[...]) == Self.bodies[number])
  }

  @Test func `a batch gives its bodies one by one, from wherever its bytes begin`() throws {
    let padded = [0, 0, 0] + Self.history()
    var rest = padded[3...]
    #expect(
      RedisEnvelope.word(of: padded[3...], rest: &rest)
        == .history(Position(epoch: Self.epoch, offset: 7)))
    for body in Self.bodies { #expect(RedisEnvelope.nextBody(of: &rest) == body) }
    #expect(rest.isEmpty)
  }

  @Test func `members are read as they were written`() {
    for member in [Self.ann, Self.nobody] {
      #expect(RedisEnvelope.member(of: Self.bytes(member)[...]) == member)
    }
    var rest: ArraySlice<UInt8> = []
    let left = Array("L4:".utf8) + Self.bytes(Self.ann) + Self.bytes(Self.nobody)
    #expect(
      RedisEnvelope.word(of: left[...], rest: &rest)
        == .left(sequence: 4, [Self.ann, Self.nobody]))
    let joined = Array("J9:".utf8) + Self.bytes(Self.ann)
    #expect(RedisEnvelope.word(of: joined[...], rest: &rest) == .joined(sequence: 9, Self.ann))
    #expect(RedisEnvelope.word(of: Array("C12".utf8)[...], rest: &rest) == .count(12))
  }

  @Test func `a batch that ends anywhere gives whole bodies only`() {
    let whole = Self.history()
    for end in whole.indices {
      var rest = whole[..<end]
      guard RedisEnvelope.word(of: whole[..<end], rest: &rest) != nil else { continue }
      var read: [RedisEnvelope.Body] = []
      while let body = RedisEnvelope.nextBody(of: &rest) { read.append(body) }
      #expect(read == Array(Self.bodies.prefix(read.count)))
      #expect(read.count < Self.bodies.count)
    }
  }

  @Test func `a member that ends anywhere is none`() {
    for member in [Self.ann, Self.nobody] {
      let whole = Self.bytes(member)
      for end in whole.indices { #expect(RedisEnvelope.member(of: whole[..<end]) == nil) }
      #expect(RedisEnvelope.member(of: (whole + [0])[...]) == nil)
    }
  }

  @Test(arguments: [
    "", "X", "H", "H7:", "P1234", "J", "J:", "Jx:", "J1", "L", "Lx", "C", "C-1", "C1x", "Q",
    "Q\u{3}ab",
    "H" + String(repeating: "g", count: 32) + "1:", "H" + String(repeating: "0", count: 32) + "0:",
    "H" + String(repeating: "0", count: 32) + ":", "C99999999999999999999", "J1:x",
  ])
  func `what no node writes is refused`(text: String) {
    var rest: ArraySlice<UInt8> = []
    #expect(RedisEnvelope.word(of: Array(text.utf8)[...], rest: &rest) == nil)
  }

  @Test func `a length beyond the end, and flags that nobody sets, are refused`() {
    var rest: ArraySlice<UInt8> = [255, 255, 255, 255, 0]
    #expect(RedisEnvelope.nextBody(of: &rest) == nil)
    let flags: [UInt8] = [8] + Array(repeating: 0, count: 40)
    #expect(RedisEnvelope.body(of: flags[...]) == nil)
  }
}
