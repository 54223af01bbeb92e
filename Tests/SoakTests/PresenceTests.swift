// Presence judged by hand: what observers are told is held against who is there, at the border of
// the bound and not before, and never while something is broken that presence rests on.

import RoostEventLoop
import RoostWebSocket
import Testing

@testable import Soak

/// A room with presence: client 0 observes, clients 1 and 2 come and go.
struct Hall {
  var judge = Judge(
    rooms: [SoakRoom(name: "seen:0", keepsHistory: false, hasPresence: true)],
    historyMessages: 100, findingsMax: 10)
  /// When client 0 had its list, in which it and client 1 stand.
  static let start = MonotonicInstant(nanoseconds: 100_000_000_000)

  init() {
    for client in 0..<3 {
      _ = judge.addMember(client: client, room: 0, observes: client == 0)
    }
    for member in 0..<2 { come(member, at: .zero) }
    #expect(judge.wantsPresence(0, at: Self.start))
    judge.askedPresence(0)
    judge.told(0, ["a0", "a1"], at: Self.start)
  }

  static func time(_ time: Duration) -> MonotonicInstant { start.advanced(by: time) }

  mutating func come(_ member: Int, as id: String? = nil, at time: Duration) {
    let now = Self.time(time)
    judge.welcomed(member, as: id ?? "a\(member)", readsLate: false, at: now)
    judge.joined(member, position: nil, recovered: nil, at: now)
    judge.entered(member, at: now)
  }

  mutating func go(_ member: Int, at time: Duration) {
    judge.left(member)
    judge.gone(member, at: Self.time(time))
  }

  mutating func tell(_ id: String, isIn: Bool, at time: Duration) {
    judge.told(0, id, isIn: isIn, at: Self.time(time))
  }

  /// What is found when it is looked at then.
  mutating func look(at time: Duration) -> [String] {
    judge.lookAtPresence(at: Self.time(time))
    return sentences
  }

  var sentences: [String] {
    judge.findings.kept.map { "\($0.kind.rawValue): \($0.sentence)" }
  }
}

@Suite struct PresenceTests {
  @Test func `a room in which everybody was told everything has no findings`() {
    var hall = Hall()
    hall.come(2, at: .seconds(10))
    hall.tell("a2", isIn: true, at: .seconds(11))
    hall.go(1, at: .seconds(12))
    hall.tell("a1", isIn: false, at: .seconds(15))
    for second in 10..<40 { #expect(hall.look(at: .seconds(second)) == []) }
    #expect(hall.judge.isPresenceLevel)
    hall.judge.conclude()
    #expect(hall.sentences == [])
    #expect(hall.judge.counts.presenceLists == 1)
    #expect(hall.judge.counts.presenceEvents == 2)
  }

  /// What happens, when it is too late, and what is said two seconds later.
  static let planted: [(@Sendable (inout Hall) -> Void, Duration, String)] = [
    (
      { $0.go(1, at: .seconds(10)) }, .seconds(18),
      "client 0 in seen:0 still takes client 1 for there, which left 10.0 s ago"
    ),
    (
      { $0.come(2, at: .seconds(10)) }, .seconds(18),
      "client 0 in seen:0 does not know of client 2, which has been there for 10.0 s"
    ),
    (
      { $0.tell("x", isIn: true, at: .seconds(3)) }, .seconds(8),
      "client 0 in seen:0 takes x for there, which nobody knows"
    ),
    (
      {
        $0.tell("a1", isIn: false, at: .seconds(10))
        $0.tell("a1", isIn: true, at: .seconds(10))
      }, .seconds(10),
      "client 0 in seen:0 was told that client 1 had left, which was there all the time"
    ),
  ]

  @Test(arguments: planted.indices)
  func `what an observer was told wrongly is found behind the bound, once`(index: Int) {
    let (act, late, sentence) = Self.planted[index]
    var hall = Hall()
    act(&hall)
    #expect(hall.look(at: late - .milliseconds(1)) == [])
    #expect(hall.look(at: late) == [])
    #expect(hall.look(at: late + .milliseconds(1_999)) == [])
    #expect(hall.look(at: late + .seconds(2)) == ["presence_wrong: " + sentence])
    #expect(hall.look(at: late + .seconds(3)).count == 1)
  }

  @Test func `what is broken excuses views until the bound has passed behind it`() {
    var hall = Hall()
    hall.judge.causes.begin(.upset, at: Hall.time(.seconds(9)))
    hall.go(1, at: .seconds(10))
    // A node that stood still was taken for dead.
    hall.tell("a0", isIn: false, at: .seconds(11))
    #expect(hall.look(at: .seconds(30)) == [])
    hall.judge.causes.end(.upset, at: Hall.time(.seconds(30)), grace: .seconds(6))
    #expect(hall.look(at: .milliseconds(43_999)) == [])
    #expect(hall.look(at: .milliseconds(44_001)) == [])
    #expect(hall.look(at: .milliseconds(46_001)).count == 2)
  }

  @Test func `events that overtake the list are applied behind it`() {
    var hall = Hall()
    hall.judge.presenceReset(0, at: Hall.time(.seconds(10)))
    // Before it asks it takes nothing: the list will have it.
    hall.tell("old", isIn: true, at: .seconds(10))
    #expect(hall.judge.wantsPresence(0, at: Hall.time(.seconds(10))))
    hall.judge.askedPresence(0)
    hall.come(2, at: .seconds(10))
    hall.go(1, at: .seconds(10))
    hall.tell("a2", isIn: true, at: .seconds(11))
    hall.tell("a1", isIn: false, at: .seconds(11))
    hall.judge.told(0, ["a0", "a1"], at: Hall.time(.seconds(12)))
    #expect(hall.look(at: .seconds(25)) == [])
    #expect(hall.judge.isPresenceLevel)
    #expect(hall.judge.counts.presenceResets == 1)
  }

  @Test func `the list that counts is the one that was asked for last`() {
    var hall = Hall()
    for _ in 0..<2 {
      hall.judge.presenceReset(0, at: Hall.time(.seconds(10)))
      hall.judge.askedPresence(0)
    }
    hall.come(2, at: .seconds(10))
    hall.judge.told(0, ["a0", "a1"], at: Hall.time(.seconds(10)))
    #expect(!hall.judge.isPresenceLevel)
    hall.judge.told(0, ["a0", "a1", "a2"], at: Hall.time(.seconds(10)))
    #expect(hall.judge.isPresenceLevel)
  }

  @Test func `a list that is refused is asked for again a second later`() {
    var hall = Hall()
    hall.judge.askPresenceAgain(at: Hall.time(.seconds(10)))
    hall.judge.askedPresence(0)
    #expect(!hall.judge.isPresenceLevel)
    hall.judge.refusedPresence(0, at: Hall.time(.seconds(10)))
    #expect(!hall.judge.wantsPresence(0, at: Hall.time(.milliseconds(10_999))))
    #expect(hall.judge.wantsPresence(0, at: Hall.time(.seconds(11))))
  }

  @Test func `two connections with one id are one member while either is there`() {
    var hall = Hall()
    // The second connection of client 1, which moves, is member 2 of the judge.
    hall.come(2, as: "a1", at: .seconds(20))
    hall.go(1, at: .seconds(21))
    #expect(hall.look(at: .seconds(40)) == [])
    hall.tell("a1", isIn: false, at: .seconds(41))
    hall.tell("a1", isIn: true, at: .seconds(41))
    #expect(
      hall.look(at: .seconds(43)) == [
        "presence_wrong: client 0 in seen:0 was told that client 1 had left, which was there all "
          + "the time"
      ])
  }

  @Test func `a leave that is told just before the harness reads the end is none too early`() {
    var hall = Hall()
    hall.tell("a1", isIn: false, at: .seconds(10))
    #expect(hall.look(at: .seconds(10)) == [])
    hall.go(1, at: .milliseconds(10_500))
    #expect(hall.look(at: .seconds(30)) == [])
  }

  @Test func `who reads late may be there or not until everybody reads`() {
    var hall = Hall()
    hall.judge.welcomed(2, as: "a2", readsLate: true, at: Hall.time(.seconds(1)))
    hall.judge.joined(2, position: nil, recovered: nil, at: Hall.time(.seconds(1)))
    hall.judge.entered(2, at: Hall.time(.seconds(1)))
    #expect(hall.look(at: .seconds(20)) == [])
    #expect(hall.judge.isPresenceLevel)
    hall.judge.everybodyReads(at: Hall.time(.seconds(20)))
    #expect(!hall.judge.isPresenceLevel)
    #expect(hall.look(at: .seconds(28)) == [])
    #expect(hall.look(at: .seconds(30)).count == 1)
  }

  @Test func `at the end lists are exactly right`() {
    var hall = Hall()
    hall.come(2, at: .seconds(20))
    hall.go(1, at: .seconds(20))
    hall.tell("x", isIn: true, at: .seconds(20))
    hall.judge.conclude()
    #expect(
      hall.sentences == [
        "presence_wrong: client 0 in seen:0 ended without knowing of client 2",
        "presence_wrong: client 0 in seen:0 ended taking client 1 for there, which is not",
        "presence_wrong: client 0 in seen:0 ended taking x for there, which is not",
      ])
  }

  @Test func `an observer without a list at the end was never told`() {
    var hall = Hall()
    hall.judge.askPresenceAgain(at: Hall.time(.seconds(1)))
    hall.judge.conclude()
    #expect(hall.sentences == ["presence_wrong: client 0 in seen:0 was never told who is there"])
  }

  @Test func `memory is that of the members, not of the events`() {
    var hall = Hall()
    for number in 0..<2_000 {
      let time = Duration.milliseconds(10 * number)
      hall.come(2, as: "b\(number)", at: time)
      hall.tell("b\(number)", isIn: true, at: time)
      hall.go(2, at: time)
      hall.tell("b\(number)", isIn: false, at: time)
      if number % 100 == 0 { #expect(hall.look(at: time) == []) }
    }
    #expect(hall.look(at: .seconds(33)) == [])
    #expect(hall.judge.presence.rooms[0]?.attendance.count == 2)
    #expect(hall.judge.presence.ids.count == 2)
    // What nodes make up is bounded, too.
    for number in 0..<5_000 { hall.tell("c\(number)", isIn: true, at: .seconds(34)) }
    #expect(hall.judge.presence.views[0]?.believed.count == PresenceView.idsMax)
    hall.judge.askPresenceAgain(at: Hall.time(.seconds(34)))
    hall.judge.askedPresence(0)
    for number in 0..<5_000 { hall.tell("c\(number)", isIn: true, at: .seconds(34)) }
    #expect((hall.judge.presence.views[0]?.waiting.count ?? 0) <= PresenceView.idsMax)
  }

  @Test func `a leave that a plant swallows is found`() {
    var hall = Hall()
    var frames = PlantedFrames(.ghost, every: 2, first: 0)
    for number in 0..<4 {
      hall.come(2, as: "b\(number)", at: .seconds(number))
      hall.tell("b\(number)", isIn: true, at: .seconds(number))
      hall.go(2, at: .seconds(number))
      let text = #"{"type":"left","room":"seen:0","member":{"connection":"b\#(number)"}}"#
      let bytes = Array(text.utf8)
      let frame = FrameEncoder.frame(opcode: .text, payload: bytes.span)
      for passed in frames.replace(frame, payload: 2..<frame.count) {
        guard let object = WireObject(Array(passed.dropFirst(2)).span), object.kind == .left
        else { continue }
        hall.tell(object.connection ?? "", isIn: false, at: .seconds(number))
      }
    }
    #expect(hall.look(at: .seconds(12)) == [])
    #expect(
      hall.look(at: .seconds(14)).sorted() == [
        "presence_wrong: client 0 in seen:0 still takes client 2 for there, which left 11.0 s ago",
        "presence_wrong: client 0 in seen:0 still takes client 2 for there, which left 13.0 s ago",
      ])
  }
}
