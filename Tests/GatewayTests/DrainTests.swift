import RoostEventLoop
import TestRandom
import Testing

@testable import Gateway

/// A machine that expectations may call.
private final class Machine {
  private var drain = Drain()

  var step: DrainStep { drain.step }
  var cause: DrainCause? { drain.cause }
  var startedAt: MonotonicInstant? { drain.startedAt }
  var windowEnd: MonotonicInstant? { drain.windowEnd }
  var pace: Double { drain.pace }

  func start(_ cause: DrainCause, _ plan: Drain.Plan, _ now: MonotonicInstant) -> Bool {
    drain.start(cause, plan, now)
  }

  func undo() -> Bool { drain.undo() }
  func cut() -> Bool { drain.cut() }
  func isOverdue(_ now: MonotonicInstant) -> Bool { drain.isOverdue(now) }

  func tick(
    _ now: MonotonicInstant, _ count: Drain.Count, _ neighbours: DrainNeighbours?
  ) -> Drain.Action {
    drain.tick(now, count, neighbours)
  }
}

struct DrainTests {
  private static let start = MonotonicInstant(nanoseconds: 1_000_000_000_000)
  private static let plan = Drain.Plan(
    grace: .seconds(5), window: .seconds(36), hardStop: .seconds(60))

  private static func at(_ milliseconds: Int) -> MonotonicInstant {
    start.advanced(by: .milliseconds(milliseconds))
  }

  private static func neighbours(
    _ survivors: Int, rate: Int?, draining: Int = 1, readAt: MonotonicInstant = start
  ) -> DrainNeighbours {
    DrainNeighbours(survivors: survivors, rate: rate, draining: draining, readAt: readAt)
  }

  /// A drain that sends connections away since 5 s.
  private static func moving(_ plan: Drain.Plan = plan, connections: Int) -> Machine {
    let drain = Machine()
    #expect(drain.start(.signal, plan, start))
    let count = Drain.Count(left: connections, untold: connections)
    #expect(drain.tick(start.advanced(by: plan.grace), count, nil) == .refuse)
    return drain
  }

  // MARK: Steps

  @Test func `a node that was never told to go does nothing`() {
    let drain = Machine()
    #expect(drain.tick(Self.at(0), .init(left: 5, untold: 5), nil) == .rest)
    #expect(drain.step == .serving)
    #expect(drain.cause == nil)
    #expect(!drain.undo())
    #expect(!drain.isOverdue(.distantFuture))
  }

  @Test func `upgrades are accepted until the grace has passed to the nanosecond`() {
    let drain = Machine()
    #expect(drain.start(.signal, Self.plan, Self.start))
    #expect(drain.step == .grace)
    let count = Drain.Count(left: 7, untold: 7)
    let last = MonotonicInstant(nanoseconds: Self.at(5000).nanoseconds - 1)
    #expect(drain.tick(last, count, nil) == .rest)
    #expect(drain.step == .grace)
    #expect(drain.tick(Self.at(5000), count, nil) == .refuse)
    #expect(drain.step == .moving)
    #expect(drain.windowEnd == Self.at(41_000))
  }

  @Test func `an empty node waits for the balancers too, and then is done`() {
    let drain = Machine()
    #expect(drain.start(.signal, Self.plan, Self.start))
    let none = Drain.Count(left: 0, untold: 0)
    #expect(drain.tick(Self.at(4999), none, nil) == .rest)
    #expect(drain.tick(Self.at(5000), none, nil) == .refuse)
    #expect(drain.tick(Self.at(5000), none, nil) == .flush)
    #expect(drain.step == .flushing)
    #expect(drain.tick(Self.at(5050), none, nil) == .rest)
  }

  @Test func `without grace and window everybody goes at once, and nobody is told before`() {
    let plan = Drain.Plan(grace: .zero, window: .zero, hardStop: .seconds(60))
    #expect(!plan.tells)
    let drain = Machine()
    #expect(drain.start(.request, plan, Self.start))
    let count = Drain.Count(left: 300, untold: 300)
    #expect(drain.tick(Self.start, count, nil) == .refuse)
    #expect(drain.tick(Self.start, count, nil) == .tell(300))
    #expect(drain.tick(Self.at(50), .init(left: 300, untold: 0), nil) == .rest)
    #expect(drain.tick(Self.at(100), .init(left: 0, untold: 0), nil) == .flush)
  }

  @Test(arguments: [
    (DrainCause.request, 4999, true), (.request, 5000, false), (.signal, 0, false),
  ])
  func `a drain is taken back before upgrades are refused, unless a signal asked for it`(
    cause: DrainCause, milliseconds: Int, isUndone: Bool
  ) {
    let drain = Machine()
    #expect(drain.start(cause, Self.plan, Self.start))
    _ = drain.tick(Self.at(milliseconds), .init(left: 3, untold: 3), nil)
    #expect(drain.undo() == isUndone)
    #expect((drain.step == .serving) == isUndone)
    #expect((drain.startedAt == nil) == isUndone)
    // And again from the beginning.
    #expect(drain.start(.request, Self.plan, Self.at(9000)) == isUndone)
  }

  @Test func `a signal makes a drain final that somebody else began`() {
    let drain = Machine()
    #expect(drain.start(.request, Self.plan, Self.start))
    #expect(!drain.start(.signal, Self.plan, Self.at(1000)))
    #expect(drain.cause == .signal)
    #expect(drain.startedAt == Self.start)
    #expect(!drain.undo())
  }

  @Test(arguments: [(0, 3), (6000, 3), (40_000, 0)])
  func `the hard stop counts from the start and cuts every step`(ticked: Int, left: Int) {
    let drain = Machine()
    #expect(drain.start(.signal, Self.plan, Self.start))
    _ = drain.tick(Self.at(ticked), .init(left: left, untold: 0), nil)
    _ = drain.tick(Self.at(ticked), .init(left: left, untold: 0), nil)
    #expect(!drain.isOverdue(Self.at(59_999)))
    #expect(drain.isOverdue(Self.at(60_000)))
    // Asked for until somebody has done it: a tick that only noted it once left a node behind that
    // nobody ended.
    for time in [60_000, 60_050] {
      #expect(drain.tick(Self.at(time), .init(left: left, untold: 0), nil) == .cut)
    }
    #expect(drain.cut())
    #expect(drain.step == .cut)
    #expect(drain.tick(Self.at(60_100), .init(left: left, untold: 0), nil) == .rest)
  }

  @Test func `a second signal cuts once`() {
    let drain = Self.moving(connections: 10)
    #expect(drain.cut())
    #expect(!drain.cut())
    #expect(drain.tick(Self.at(6000), .init(left: 10, untold: 10), nil) == .rest)
    #expect(!drain.undo())
    #expect(!drain.start(.signal, Self.plan, Self.at(7000)))
  }

  // MARK: Pace

  /// In 30 seconds, 3000 connections: 100 a second would be even, 300 a second is a tenth.
  @Test(
    arguments: [
      // Nobody there, or nobody known: evenly.
      (nil, 100.0),
      (neighbours(0, rate: 500), 100),
      // What they take, all together.
      (neighbours(1, rate: 150), 150),
      (neighbours(2, rate: 125), 250),
      // Shared with others that leave.
      (neighbours(2, rate: 125, draining: 2), 125),
      (neighbours(4, rate: 100, draining: 3), 400.0 / 3),
      // At most a tenth.
      (neighbours(2, rate: 500), 300),
      (neighbours(2, rate: nil), 300),
      (neighbours(2, rate: .max), 300),
      // The window forces more than they take.
      (neighbours(2, rate: 125, draining: 3), 100),
      (neighbours(1, rate: 1), 100),
    ] as [(DrainNeighbours?, Double)])
  func `the pace is what the others take, a tenth at most, and what the window forces`(
    neighbours: DrainNeighbours?, pace: Double
  ) {
    #expect(
      Drain.pace(untold: 3000, total: 3000, remaining: 30, neighbours: neighbours) == pace)
  }

  @Test func `a tenth is of those who were there when it began`() {
    let neighbours = Self.neighbours(2, rate: 500)
    #expect(Drain.pace(untold: 30, total: 3000, remaining: 20, neighbours: neighbours) == 300)
    #expect(Drain.pace(untold: 30, total: 3000, remaining: 0.05, neighbours: neighbours) == 600)
  }

  @Test(arguments: [(3000, 0.5), (3001, 1.0 / 3)])
  func `figures are believed for three seconds`(age: Int, pace: Double) {
    let drain = Self.moving(connections: 5)
    let now = Self.at(8000)
    let neighbours = Self.neighbours(
      2, rate: 500, readAt: MonotonicInstant(nanoseconds: now.nanoseconds - UInt64(age) * 1_000_000)
    )
    // 27 of the 30 seconds in which connections are told are left: nine for three in this time.
    _ = drain.tick(now, .init(left: 9, untold: 9), neighbours)
    #expect(drain.pace == pace)
  }

  @Test func `every connection is told within the window, a little earlier than its end`() {
    let drain = Self.moving(connections: 1000)
    var untold = 1000
    var told: [Int] = []
    for milliseconds in stride(from: 5050, through: 36_000, by: 50) {
      guard untold > 0 else { break }
      let action = drain.tick(Self.at(milliseconds), .init(left: 1000, untold: untold), nil)
      guard case .tell(let count) = action else { continue }
      // A thousand in thirty seconds: never more than two in a twentieth of one.
      #expect(count <= 2 || milliseconds >= 35_000)
      untold -= count
      told.append(milliseconds)
    }
    #expect(untold == 0)
    #expect(told.first.map { $0 <= 5100 } == true)
    #expect(told.last.map { (34_000...35_000).contains($0) } == true)
  }

  @Test func `a second has no more than the neighbours take, however the ticks fall`() {
    var generator = SeededGenerator.make()
    let seed = generator.description
    let drain = Self.moving(connections: 5000)
    var untold = 5000
    var milliseconds = 5000
    var told: [(at: Int, count: Int)] = []
    while untold > 0, milliseconds < 30_000 {
      milliseconds += Int.random(in: 20...200, using: &generator)
      let neighbours = Self.neighbours(2, rate: 125, readAt: Self.at(milliseconds))
      let action = drain.tick(
        Self.at(milliseconds), .init(left: untold, untold: untold), neighbours)
      guard case .tell(let count) = action else { continue }
      untold -= count
      told.append((milliseconds, count))
    }
    #expect(untold == 0)
    for (place, first) in told.enumerated() {
      let second = told[place...].prefix { $0.at < first.at + 1000 }
      // The first of them answers for the time before it.
      #expect(second.reduce(0) { $0 + $1.count } <= 250 + 51, "\(seed)")
    }
  }

  @Test func `a tick that comes late does not send away at once what it missed`() {
    let drain = Self.moving(connections: 3000)
    let neighbours = Self.neighbours(2, rate: 50, readAt: Self.at(20_000))
    // Fifteen seconds later: for one of them, at the pace that the window now forces.
    let action = drain.tick(Self.at(20_000), .init(left: 3000, untold: 3000), neighbours)
    #expect(action == .tell(200))
  }

  @Test func `what was forgotten when the time is up goes at once`() {
    let drain = Self.moving(connections: 100)
    #expect(drain.tick(Self.at(35_000), .init(left: 40, untold: 40), nil) == .tell(40))
    #expect(drain.tick(Self.at(35_050), .init(left: 40, untold: 2), nil) == .tell(2))
    #expect(drain.tick(Self.at(35_100), .init(left: 40, untold: 0), nil) == .rest)
    #expect(drain.pace == 0)
    #expect(drain.tick(Self.at(36_000), .init(left: 0, untold: 0), nil) == .flush)
  }

  @Test(arguments: [
    (32_000, 1000, 5000), (8000, 1000, 2000), (4000, 500, 1000), (800, 100, 200), (0, 0, 0),
  ])
  func `a connection is told a while before its turn, and may be there a while behind it`(
    window: Int, lead: Int, patience: Int
  ) {
    let plan = Drain.Plan(
      grace: .zero, window: .milliseconds(window), hardStop: .seconds(60))
    #expect(plan.lead == .milliseconds(lead))
    #expect(plan.patience == .milliseconds(patience))
  }

  // MARK: Shards

  @Test(arguments: [
    (0, [10, 10], [0, 0]), (1, [10, 10], [1, 0]), (2, [10, 10], [1, 1]),
    (5, [100, 0, 0], [5, 0, 0]),
    (10, [30, 10], [8, 2]), (40, [30, 10], [30, 10]), (99, [30, 10], [30, 10]), (7, [], []),
    (7, [0, 0], [0, 0]), (3, [1, 1, 1, 1], [1, 1, 0, 1]),
  ])
  func `shards share by what they have`(quota: Int, counts: [Int], shares: [Int]) {
    #expect(Drain.shares(of: quota, among: counts) == shares)
  }
}
