// A judge that cannot fail is worth nothing: every fault that it is there for is planted here, and
// each has its sentence.

import RoostEventLoop
import Testing

@testable import Soak

/// A history room and a plain room with two members each, played by hand.
struct Courtroom {
  var judge = Judge(
    rooms: [
      SoakRoom(name: "log:0", keepsHistory: true), SoakRoom(name: "plain0", keepsHistory: false),
    ], historyMessages: 100, findingsMax: 10)
  /// Members 0 and 1 are in `log:0`, 2 and 3 in `plain0`; so are clients of these numbers.
  let now = MonotonicInstant(nanoseconds: 1_000_000)

  init() {
    for client in 0..<4 { _ = judge.addMember(client: client, room: client / 2) }
    for member in 0...1 {
      judge.joined(member, position: ("e", 10), recovered: nil, at: now)
    }
    for member in 2...3 { judge.joined(member, position: nil, recovered: nil, at: now) }
  }

  static func text(_ room: Int, _ number: Int) -> [UInt8] {
    Parcel(room: room, number: number, publisher: 0, dueNanoseconds: 5).text(bytes: 80)
  }

  /// Publishes into the history room and acknowledges each at its place: 0 at 11, 1 at 12 and so
  /// on.
  mutating func publish(_ count: Int, acknowledging: Bool = true) {
    for _ in 0..<count {
      let number = judge.publish(room: 0, publisher: 0)
      guard acknowledging else { continue }
      judge.acknowledged(
        room: 0, number: number, epoch: "e", offset: Int64(11 + number), at: now)
    }
  }

  /// Gives publish `number` to a member at its place or at another one.
  @discardableResult
  mutating func give(
    _ number: Int, to member: Int, at offset: Int64? = nil, epoch: String? = nil
  ) -> Judge.Receipt {
    judge.received(
      member, Self.text(0, number)[...], epoch: epoch, offset: offset ?? Int64(11 + number),
      at: now)
  }

  /// Publishes into the room without history.
  mutating func publishPlain(_ count: Int, by publisher: Int = 2) {
    for _ in 0..<count {
      let number = judge.publish(room: 1, publisher: publisher)
      judge.acknowledged(room: 1, number: number, epoch: nil, offset: nil, at: now)
    }
  }

  mutating func givePlain(_ number: Int, to member: Int) {
    _ = judge.received(
      member, Self.text(1, number)[...], epoch: nil, offset: nil, at: now)
  }

  /// The sentences at the end.
  mutating func verdict() -> [String] {
    judge.conclude()
    return judge.findings.kept.map { "\($0.kind.rawValue): \($0.sentence)" }
  }
}

@Suite struct JudgeTests {
  @Test func `a run in which all came as it should has no findings`() {
    var room = Courtroom()
    room.publish(5)
    for member in 0...1 {
      for number in 0..<5 {
        let sent = Parcel(room: 0, number: number, publisher: 0, dueNanoseconds: 5)
        #expect(room.give(number, to: member) == .live(sent))
      }
    }
    room.publishPlain(3)
    for member in 2...3 { for number in 0..<3 { room.givePlain(number, to: member) } }
    #expect(room.judge.isLevel(0))
    #expect(room.judge.isLevel(2))
    #expect(room.verdict() == [])
    #expect(room.judge.counts.published == 8)
    #expect(room.judge.counts.acknowledged == 8)
    #expect(room.judge.counts.delivered == 16)
  }

  /// What is done to member 1 while member 0 is given everything, and what is said of it.
  static let planted: [(String, @Sendable (inout Courtroom) -> Void, [String])] = [
    (
      "a message is dropped", { for number in [0, 1, 3, 4] { $0.give(number, to: 1) } },
      ["lost: client 1 in log:0 was never given offset 13, and nobody said so"]
    ),
    (
      "several are dropped", { for number in [0, 4] { $0.give(number, to: 1) } },
      ["lost: client 1 in log:0 was never given offsets 12 to 14, and nobody said so"]
    ),
    (
      "the last ones are dropped", { for number in [0, 1, 2] { $0.give(number, to: 1) } },
      ["lost: client 1 in log:0 ended at offset 13, the room at 15"]
    ),
    (
      "a message comes twice", { for number in [0, 1, 1, 2, 3, 4] { $0.give(number, to: 1) } },
      ["doubled: client 1 in log:0 was given offset 12 again, behind 12"]
    ),
    (
      "two messages are swapped", { for number in [0, 2, 1, 3, 4] { $0.give(number, to: 1) } },
      ["reordered: client 1 in log:0 was given offset 12 behind offset 13"]
    ),
    (
      "the contents of two messages are swapped",
      {
        $0.give(0, to: 1)
        $0.give(2, to: 1, at: 12)
        $0.give(1, to: 1, at: 13)
        for number in [3, 4] { $0.give(number, to: 1) }
      },
      [
        "differing: client 1 in log:0 was given publish 2 at offset 12, where others were given "
          + "publish 1",
        "differing: client 1 in log:0 was given publish 1 at offset 13, where others were given "
          + "publish 2",
      ]
    ),
    (
      "a byte is changed",
      {
        $0.give(0, to: 1)
        var text = Courtroom.text(0, 1)
        text[20] ^= 1
        _ = $0.judge.received(1, text[...], epoch: nil, offset: 12, at: $0.now)
        for number in [2, 3, 4] { $0.give(number, to: 1) }
      },
      ["corrupted: client 1 in log:0 was given offset 12 with a wrong checksum"]
    ),
    (
      "a message of another room comes",
      {
        $0.give(0, to: 1)
        _ = $0.judge.received(1, Courtroom.text(1, 1)[...], epoch: nil, offset: 12, at: $0.now)
        for number in [2, 3, 4] { $0.give(number, to: 1) }
      },
      ["corrupted: client 1 in log:0 was given offset 12 with publish 1 of room 1"]
    ),
    (
      "an offset is missing from a message",
      {
        for number in 0..<5 { $0.give(number, to: 1) }
        _ = $0.judge.received(1, Courtroom.text(0, 4)[...], epoch: nil, offset: nil, at: $0.now)
      },
      ["corrupted: client 1 in log:0 was given a message without an offset"]
    ),
    (
      "a gap is told without a cause",
      {
        for number in 0..<5 { $0.give(number, to: 1) }
        $0.judge.gap(1, at: $0.now)
      },
      [
        "announced_without_cause: client 1 in log:0 was told of a gap, although the room has a "
          + "history, and nothing had happened"
      ]
    ),
    (
      "a reset is told without a cause",
      {
        for number in 0..<2 { $0.give(number, to: 1) }
        $0.judge.reset(1, epoch: "e", offset: 15, at: $0.now)
      },
      [
        "announced_without_cause: client 1 in log:0 was told of a reset behind offset 12, and nothing "
          + "had happened"
      ]
    ),
    (
      "a member that could have recovered is told that it did not",
      {
        $0.judge.left(1)
        $0.judge.joined(1, position: ("e", 15), recovered: false, at: $0.now)
      },
      [
        "announced_without_cause: client 1 in log:0 was told that it could not recover from offset "
          + "10, and nothing had happened"
      ]
    ),
    (
      "a member is told that it recovered and is not given what it missed",
      {
        $0.judge.left(1)
        $0.judge.joined(1, position: ("e", 15), recovered: true, at: $0.now)
      },
      ["lost: client 1 in log:0 ended at offset 10, the room at 15"]
    ),
    (
      "a member is told that it recovered less than it had",
      {
        for number in 0..<5 { $0.give(number, to: 1) }
        $0.judge.left(1)
        $0.judge.joined(1, position: ("e", 12), recovered: true, at: $0.now)
      },
      [
        "contradiction: client 1 in log:0 had offset 15 and was told that it had recovered at 12"
      ]
    ),
  ]

  @Test(arguments: planted.indices)
  func `what is planted is found, with a sentence`(index: Int) {
    let (what, act, sentences) = Self.planted[index]
    var room = Courtroom()
    room.publish(5)
    for number in 0..<5 { room.give(number, to: 0) }
    act(&room)
    #expect(room.verdict() == sentences, "\(what)")
  }

  @Test func `a publish that stands at two places is doubled`() {
    var room = Courtroom()
    room.publish(1)
    for member in 0...1 {
      room.give(0, to: member)
      room.give(0, to: member, at: 12)
    }
    #expect(
      room.verdict() == [
        "doubled: publish 0 of client 0 in log:0 stands at offset 12 and at 11",
        "contradiction: publish 0 of client 0 in log:0 was acknowledged at offset 11 and delivered "
          + "at 12",
      ])
  }

  @Test func `what was refused must not be delivered, before or behind the answer`() {
    var room = Courtroom()
    room.publish(2, acknowledging: false)
    room.give(0, to: 0)
    room.judge.refused(room: 0, number: 0, code: "unavailable")
    room.judge.refused(room: 0, number: 1, code: "unavailable")
    room.give(1, to: 0)
    room.judge.left(1)
    #expect(
      room.verdict() == [
        "refused_delivered: publish 0 of client 0 in log:0 was refused with unavailable and had been "
          + "delivered at offset 11",
        "refused_delivered: client 0 in log:0 was given publish 1 of client 0 in log:0, which was "
          + "refused",
      ])
  }

  @Test func `what may have been done may come or not`() {
    var room = Courtroom()
    room.publish(2, acknowledging: false)
    room.judge.unknown(room: 0, number: 0)
    room.judge.unknown(room: 0, number: 1)
    for member in 0...1 { room.give(1, to: member, at: 11) }
    #expect(room.verdict() == [])
    #expect(room.judge.counts.unknown == 2)
  }

  @Test func `an acknowledgement of another place than the delivered one is found`() {
    var room = Courtroom()
    room.publish(1, acknowledging: false)
    for member in 0...1 { room.give(0, to: member) }
    room.judge.acknowledged(room: 0, number: 0, epoch: "e", offset: 14, at: room.now)
    #expect(
      room.verdict().first
        == "contradiction: publish 0 of client 0 in log:0 was acknowledged at offset 14 and "
        + "delivered at 11")
  }

  @Test func `a later publish may not be acknowledged before an earlier one that had its answer`() {
    var room = Courtroom()
    room.publish(1)
    let number = room.judge.publish(room: 0, publisher: 1)
    room.judge.acknowledged(room: 0, number: number, epoch: "e", offset: 10, at: room.now)
    #expect(
      room.judge.findings.kept.map(\.sentence) == [
        "publish 1 of client 1 in log:0 was acknowledged at offset 10, although offset 11 had been "
          + "acknowledged before it was sent"
      ])
  }

  @Test func `a recovery is counted, and what it brings as recovered`() {
    var room = Courtroom()
    room.publish(3)
    room.give(0, to: 1)
    room.judge.left(1)
    for number in 0..<3 { room.give(number, to: 0) }
    room.judge.joined(1, position: ("e", 13), recovered: true, at: room.now)
    let sent = Parcel(room: 0, number: 1, publisher: 0, dueNanoseconds: 5)
    #expect(room.give(1, to: 1) == .recovered(sent))
    room.give(2, to: 1)
    #expect(room.verdict() == [])
    #expect(room.judge.counts.recoveries == 1)
    #expect(room.judge.counts.recovered == 2)
  }

  @Test func `data that was lost on purpose excuses resets, only while it may`() {
    var room = Courtroom()
    room.publish(3)
    for number in 0..<3 { room.give(number, to: 0) }
    room.judge.causes.begin(.dataLoss, at: room.now)
    for member in 0...1 { room.judge.reset(member, epoch: "f", offset: 0, at: room.now) }
    let number = room.judge.publish(room: 0, publisher: 0)
    room.judge.acknowledged(room: 0, number: number, epoch: "f", offset: 1, at: room.now)
    for member in 0...1 { room.give(number, to: member, at: 1, epoch: "f") }
    #expect(room.judge.isLevel(0))
    #expect(room.judge.counts.announced == 2)
    room.judge.causes.end(.dataLoss, at: room.now, grace: .seconds(1))
    let later = room.now.advanced(by: .seconds(2))
    room.judge.reset(0, epoch: "f", offset: 1, at: later)
    #expect(
      room.verdict() == [
        "announced_without_cause: client 0 in log:0 was told of a reset behind offset 1, and nothing "
          + "had happened"
      ])
  }

  @Test func `who missed more than a room keeps may be reset, at the border and not before`() {
    for missed in [99, 100] {
      var room = Courtroom()
      room.judge.left(1)
      room.judge.joined(
        1, position: ("e", Int64(10 + missed)), recovered: false, at: room.now)
      #expect(room.judge.findings.count == (missed == 99 ? 1 : 0))
    }
  }

  @Test func `a seam between two lives of a log is crossed without a finding`() {
    var room = Courtroom()
    room.publish(2)
    for number in 0..<2 { room.give(number, to: 0) }
    room.judge.left(1)
    // Redis came back with all it had: offsets go on in another life.
    let number = room.judge.publish(room: 0, publisher: 0)
    room.judge.acknowledged(room: 0, number: number, epoch: "f", offset: 13, at: room.now)
    room.give(number, to: 0, epoch: "f")
    room.judge.joined(1, position: ("f", 13), recovered: true, at: room.now)
    for number in 0...2 { room.give(number, to: 1) }
    #expect(room.verdict() == [])
  }

  @Test func `an offset that cannot be is not believed`() {
    var room = Courtroom()
    room.publish(2)
    room.give(0, to: 0)
    room.give(1, to: 0, at: 4_000_000_000)
    #expect(
      room.judge.findings.kept.contains {
        $0.sentence == "client 0 in log:0 was given offset 4000000000, which cannot be"
      })
  }

  @Test(arguments: [
    (
      [0, 2],
      [
        "lost: client 2 in plain0 was never given publish 1 of client 2 in plain0, and nobody said so"
      ]
    ),
    ([0, 1, 1, 2], ["doubled: client 2 in plain0 was given publish 1 again"]),
    (
      [0, 2, 1],
      [
        "reordered: client 2 in plain0 was given publish 1 behind publish 2 of the same client"
      ]
    ),
    (
      [0, 1],
      [
        "lost: client 2 in plain0 was never given publish 2 of client 2 in plain0, and nobody said so"
      ]
    ),
  ])
  func `a room without history is judged by the order of each publisher`(
    given: [Int], sentences: [String]
  ) {
    var room = Courtroom()
    room.publishPlain(3)
    for number in given { room.givePlain(number, to: 2) }
    for number in 0..<3 { room.givePlain(number, to: 3) }
    #expect(room.verdict() == sentences)
  }

  @Test func `what was on its way when a join was answered may come, and from then on all must`() {
    for (given, sentences) in [
      ([0, 1, 2, 3], []),
      ([2, 3], []),
      (
        [0, 1, 3],
        [
          "lost: client 2 in plain0 was never given publish 2 of client 2 in plain0, and nobody said so"
        ]
      ),
    ] as [([Int], [String])] {
      var room = Courtroom()
      room.publishPlain(2)
      room.judge.left(2)
      room.judge.left(3)
      room.judge.joined(2, position: nil, recovered: nil, at: room.now)
      room.publishPlain(2)
      for number in given { room.givePlain(number, to: 2) }
      #expect(room.verdict() == sentences)
    }
  }

  @Test func `a gap in a room without history needs a cause, and then excuses the hole`() {
    var room = Courtroom()
    room.publishPlain(1)
    for member in 2...3 { room.givePlain(0, to: member) }
    room.judge.causes.begin(.interruption, at: room.now)
    room.publishPlain(1)
    room.judge.gap(2, at: room.now)
    room.judge.gap(3, at: room.now)
    room.publishPlain(1)
    for member in 2...3 { room.givePlain(2, to: member) }
    room.judge.causes.end(.interruption, at: room.now, grace: .zero)
    #expect(room.judge.isLevel(2))
    room.judge.gap(2, at: room.now.advanced(by: .seconds(1)))
    #expect(
      room.verdict() == [
        "announced_without_cause: client 2 in plain0 was told of a gap, and nothing had happened"
      ])
  }

  @Test func `memory is that of publishes and members, not of deliveries`() {
    // 4,000 publishes for 10 members each: 24 bytes a publish for the record, 4 for its place.
    #expect(MemoryLayout<PublishRecord>.stride <= 24)
    var judge = Judge(
      rooms: [SoakRoom(name: "log:0", keepsHistory: true)], historyMessages: 100, findingsMax: 10)
    let now = MonotonicInstant(nanoseconds: 1)
    for client in 0..<10 {
      let member = judge.addMember(client: client, room: 0)
      judge.joined(member, position: ("e", 0), recovered: nil, at: now)
    }
    for number in 0..<4_000 {
      _ = judge.publish(room: 0, publisher: 0)
      judge.acknowledged(
        room: 0, number: number, epoch: "e", offset: Int64(number + 1), at: now)
      let text = Parcel(room: 0, number: number, publisher: 0, dueNanoseconds: 1).text(bytes: 64)
      for member in 0..<10 {
        _ = judge.received(
          member, text[...], epoch: nil, offset: Int64(number + 1), at: now)
      }
    }
    judge.conclude()
    #expect(judge.findings.isEmpty)
    #expect(judge.counts.delivered == 40_000)
    #expect(judge.records[0].publishes.count == 4_000)
    #expect(judge.records[0].lives[0].entries.count == 4_000)
    #expect(judge.members.allSatisfy { $0.holes.isEmpty && $0.skipped.isEmpty })
  }
}
