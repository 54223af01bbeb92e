import RoostEventLoop
import RoostRooms
import Testing

@testable import Gateway

struct HookDeskTests {
  private static func at(_ seconds: Double) -> MonotonicInstant {
    MonotonicInstant(nanoseconds: 1_000_000_000_000 + UInt64(seconds * 1e9))
  }

  private static func desk(
    concurrency: Int = 2, cache: Duration = .zero, onFailure: HookFallback = .deny
  ) -> HookDesk {
    var hooks = Configuration.Hooks()
    hooks.concurrency = concurrency
    hooks.cache = cache
    hooks.onFailure = onFailure
    return HookDesk(hooks)
  }

  private static func join(_ number: UInt64, user: String? = "ann", room: String = "r") throws
    -> HookQuestion
  {
    HookQuestionTests.question(
      .join(try #require(RoomName(text: room))), user: user, number: number)
  }

  /// Asks, and lets the callback say something; what it came to.
  private static func carryThrough(
    _ desk: inout HookDesk, _ question: HookQuestion, _ reading: HookReading, at now: Double
  ) throws -> HookDesk.Answer {
    if let answer = desk.ask(question, at(now)) { return answer }
    var answers: [HookDesk.Answer] = []
    guard let next = desk.next(at(now), into: &answers) else { return try #require(answers.first) }
    return desk.ended(next.question, reading, at(now)).answer
  }

  @Test func `questions are sent in order, with the time that is left`() throws {
    var desk = Self.desk()
    for number in 1...3 {
      #expect(desk.ask(try Self.join(UInt64(number)), Self.at(Double(number) / 10)) == nil)
    }
    #expect(desk.waitingCount == 3)
    var answers: [HookDesk.Answer] = []
    let first = try #require(desk.next(Self.at(1.1), into: &answers))
    #expect(first.question.ticket.number == 1)
    #expect(first.timeout == .seconds(1))
    let second = try #require(desk.next(Self.at(1.1), into: &answers))
    #expect(second.question.ticket.number == 2)
    #expect(second.timeout == .milliseconds(1100))
    #expect(desk.waitingCount == 1)
    #expect(answers == [])
  }

  @Test func `other settings forget what was decided, and hold for the next question`() throws {
    var desk = Self.desk(cache: .seconds(60))
    let first = try Self.carryThrough(&desk, try Self.join(1), .denied("no"), at: 0)
    #expect(first.decision == .denied("no"))
    #expect(desk.ask(try Self.join(2), Self.at(1))?.isRemembered == true)
    // One is on its way to the former service.
    _ = desk.ask(try Self.join(3, room: "s"), Self.at(1))
    var answers: [HookDesk.Answer] = []
    let late = try #require(desk.next(Self.at(1), into: &answers))
    var hooks = Configuration.Hooks()
    hooks.cache = .seconds(60)
    hooks.onFailure = .allow
    hooks.timeout = .seconds(1)
    desk.follow(hooks)
    let (answer, opened) = desk.ended(
      late.question, .denied("no"), isPresent: false, Self.at(1.5))
    #expect(answer.decision == .denied("no") && !opened)
    for (number, room) in [(4, "r"), (5, "s")] {
      #expect(desk.ask(try Self.join(UInt64(number), room: room), Self.at(2)) == nil)
      let next = try #require(desk.next(Self.at(2), into: &answers))
      #expect(next.timeout == .seconds(1))
      #expect(desk.ended(next.question, .failed(""), Self.at(2)).answer.decision == .allowed(.none))
    }
  }

  @Test func `where nobody is to be asked any more, who waits is allowed`() throws {
    var desk = Self.desk()
    for number in 1...3 { _ = desk.ask(try Self.join(UInt64(number)), Self.at(0)) }
    var answers: [HookDesk.Answer] = []
    _ = desk.next(Self.at(0), into: &answers)
    desk.release(into: &answers)
    #expect(answers.map(\.ticket.number) == [2, 3])
    #expect(answers.allSatisfy { $0.decision == .allowed(.none) && $0.result == .unasked })
    #expect(desk.waitingCount == 0 && desk.nextDeadline() == nil)
  }

  @Test func `a question whose turn comes too late is not sent`() throws {
    var desk = Self.desk()
    _ = desk.ask(try Self.join(1), Self.at(0))
    _ = desk.ask(try Self.join(2), Self.at(0.5))
    #expect(desk.nextDeadline() == Self.at(2))
    var answers: [HookDesk.Answer] = []
    desk.expire(Self.at(1.999), into: &answers)
    #expect(answers == [])
    desk.expire(Self.at(2), into: &answers)
    #expect(answers.map(\.ticket.number) == [1])
    #expect(answers.map(\.decision) == [.undecided(.milliseconds(100))])
    #expect(answers.map(\.result) == [.unasked])
    #expect(desk.next(Self.at(2.5), into: &answers) == nil)
    #expect(answers.map(\.ticket.number) == [1, 2])
    #expect(desk.nextDeadline() == nil)
  }

  @Test func `the line is as long as it may be and no longer`() throws {
    var desk = Self.desk(concurrency: 2)
    for number in 1...32 {
      #expect(desk.ask(try Self.join(UInt64(number)), Self.at(0)) == nil)
    }
    let answer = try #require(desk.ask(try Self.join(33), Self.at(0)))
    #expect(answer.result == .unasked)
    #expect(answer.decision == .undecided(.milliseconds(100)))
    var answers: [HookDesk.Answer] = []
    _ = desk.next(Self.at(0), into: &answers)
    #expect(desk.ask(try Self.join(34), Self.at(0)) == nil)
  }

  @Test(arguments: HookFallback.allCases)
  func `without an answer the configuration decides`(fallback: HookFallback) throws {
    var desk = Self.desk(onFailure: fallback)
    let expected: HookDecision =
      fallback == .allow ? .allowed(.none) : .undecided(.milliseconds(100))
    for number in 1...4 {
      let answer = try Self.carryThrough(
        &desk, try Self.join(UInt64(number)), .failed("x"), at: 0)
      #expect(answer.decision == expected)
      #expect(answer.result == .failed)
    }
    // The fifth opens the circuit; from then on nobody is asked.
    _ = try Self.carryThrough(&desk, try Self.join(5), .failed("x"), at: 0)
    #expect(desk.circuit.isOpen)
    let answer = try Self.carryThrough(&desk, try Self.join(6), .allowed(.none), at: 0.25)
    #expect(answer.result == .unasked)
    #expect(
      answer.decision
        == (fallback == .allow ? .allowed(.none) : .undecided(.milliseconds(750))))
    // After the pause one is, and its answer closes the circuit.
    let probe = try Self.carryThrough(&desk, try Self.join(7), .denied("no"), at: 1)
    #expect(probe.decision == .denied("no"))
    #expect(!desk.circuit.isOpen)
  }

  @Test func `decisions about a user's join are remembered for their time`() throws {
    var desk = Self.desk(cache: .seconds(10))
    let yes = HookReading.allowed(.none)
    _ = try Self.carryThrough(&desk, try Self.join(1), .denied("no"), at: 0)
    let again = try #require(desk.ask(try Self.join(2), Self.at(9.999)))
    #expect(again.decision == .denied("no"))
    #expect(again.result == .denied)
    #expect(again.isRemembered)
    #expect(again.ticket.number == 2)
    #expect(desk.ask(try Self.join(3), Self.at(10)) == nil)
    var answers: [HookDesk.Answer] = []
    _ = desk.next(Self.at(10), into: &answers)
    #expect(desk.ended(try Self.join(3), yes, Self.at(10)).answer.decision == .allowed(.none))
    #expect(desk.ask(try Self.join(4), Self.at(11))?.decision == .allowed(.none))
    // Another room, another user, nobody in particular, another act: all are asked about.
    #expect(desk.ask(try Self.join(5, room: "s"), Self.at(11)) == nil)
    #expect(desk.ask(try Self.join(6, user: "bob"), Self.at(11)) == nil)
    #expect(desk.ask(try Self.join(7, user: nil), Self.at(11)) == nil)
    #expect(desk.ask(HookQuestionTests.question(.connect), Self.at(11)) == nil)
  }

  @Test func `what nobody decided is not remembered`() throws {
    var desk = Self.desk(cache: .seconds(10), onFailure: .allow)
    _ = try Self.carryThrough(&desk, try Self.join(1), .failed("x"), at: 0)
    #expect(desk.ask(try Self.join(2), Self.at(1)) == nil)
  }
}
