import Backplane
import RoostEventLoop
import Testing

@testable import Gateway

/// An outlook that expectations may call.
private final class Listener {
  private var outlook = DrainOutlook()

  var neighbours: DrainNeighbours? { outlook.neighbours }

  func failed() { outlook.failed() }

  func read(_ listings: [NodeListing], _ now: MonotonicInstant) { outlook.read(listings, now) }
}

struct DrainNeighboursTests {
  private static let start = MonotonicInstant(nanoseconds: 1_000_000_000_000)

  private func listing(_ name: String, _ text: String, isSelf: Bool = false) -> NodeListing {
    NodeListing(
      id: name, incarnation: "\(name)-1", isSelf: isSelf, leaseAge: .zero,
      announcement: Array(text.utf8), announcementAge: nil)
  }

  private func serving(_ rate: Int?, number: Int = 1, used: Int = 1, max: Int = 10) -> String {
    let limit = rate.map { #","handshakes_per_second":\#($0)"# } ?? ""
    return #"{"phase":"serving","number":\#(number),"connections":\#(used),"#
      + #""connections_max":\#(max)\#(limit)}"#
  }

  private func figures(
    _ outlook: Listener, _ listings: [NodeListing],
    at now: MonotonicInstant = start
  ) -> [Int?]? {
    outlook.read(listings, now)
    return outlook.neighbours.map { [$0.survivors, $0.rate, $0.draining] }
  }

  @Test func `the slowest of those who stay counts, and each that leaves`() {
    let outlook = Listener()
    let found = figures(
      outlook,
      [
        listing("a", #"{"phase":"draining","number":1}"#, isSelf: true),
        listing("b", serving(500)), listing("c", serving(50)), listing("d", serving(nil)),
        listing("e", #"{"phase":"draining","number":7}"#),
        listing("f", #"{"phase":"starting","number":1}"#),
        listing("g", #"{"phase":"serving","number":1,"not_ready":"no message has come back"}"#),
      ])
    #expect(found == [3, 50, 2])
  }

  @Test(arguments: [
    (1000, 0, 500), (1000, 0.5, 500), (1000, 0.75, 250), (1000, 0.9, 100), (1000, 1, 100),
    (10, 0, 5), (10, 1, 1), (1, 0, 1), (1, 1, 1),
  ])
  func `a node offers half of what it takes, and less while it is busy`(
    limit: Int, load: Double, offered: Int
  ) {
    #expect(Core.offer(of: limit, load: load) == offered)
  }

  @Test func `alone there is nobody, and without limits no rate`() {
    let outlook = Listener()
    #expect(figures(outlook, [listing("a", serving(500), isSelf: true)]) == [0, nil, 1])
    #expect(figures(outlook, []) == [0, nil, 1])
    #expect(figures(outlook, [listing("b", serving(nil))]) == [1, nil, 1])
    outlook.failed()
    #expect(outlook.neighbours == nil)
  }

  @Test func `a node without a free place takes nobody`() {
    let outlook = Listener()
    let found = figures(
      outlook, [listing("b", serving(500, used: 10)), listing("c", serving(90, used: 9))])
    #expect(found == [1, 90, 1])
  }

  // A rolling restart behind a balancer that looks for the fewest connections sent twice what it had
  // announced to each node that had just come back.
  @Test func `a node that has just come back takes everybody until the others have as few`() {
    let outlook = Listener()
    func emptiest(_ used: [Int], rate: Int? = 50) -> Int? {
      outlook.read(
        used.enumerated().map { listing("n\($0)", serving(rate, used: $1, max: 10_000)) },
        Self.start)
      return outlook.neighbours?.emptiest
    }
    #expect(emptiest([0, 1000, 1000]) == 1)
    #expect(emptiest([987, 1000, 1000]) == 1)
    #expect(emptiest([988, 1000, 1001]) == 2)
    #expect(emptiest([1000, 1000, 1012]) == 3)
    // A node without a limit can be sent everybody.
    #expect(emptiest([0, 1000], rate: nil) == nil)
    #expect(emptiest([]) == nil)
    var neighbours = DrainNeighbours(survivors: 3, rate: 50, draining: 1, readAt: Self.start)
    func pace() -> Double {
      Drain.pace(untold: 3000, total: 3000, remaining: 60, neighbours: neighbours)
    }
    #expect(pace() == 150)
    neighbours.emptiest = 2
    #expect(pace() == 100)
    neighbours.emptiest = 1
    #expect(pace() == 50)
  }

  @Test(arguments: [
    "", "[]", "{}", "nonsense", #"{"phase":1}"#, #"{"phase":"serving","handshakes_per_second":0}"#,
    #"{"phase":"serving","handshakes_per_second":-5}"#,
    #"{"phase":"serving","connections":-1,"connections_max":99999999999999999999}"#,
  ])
  func `whatever stands where an announcement should be does no harm`(text: String) {
    let outlook = Listener()
    let found = figures(outlook, [listing("b", text), listing("c", serving(70))])
    #expect(found?[1] == 70)
    #expect(found?[2] == 1)
  }

  @Test func `a node whose announcement stands still is not counted on after three seconds`() {
    let outlook = Listener()
    func look(_ milliseconds: Int, _ b: Int, _ c: Int) -> [Int?]? {
      figures(
        outlook, [listing("b", serving(500, number: b)), listing("c", serving(90, number: c))],
        at: Self.start.advanced(by: .milliseconds(milliseconds)))
    }
    #expect(look(0, 4, 9) == [2, 90, 1])
    #expect(look(3000, 5, 9) == [2, 90, 1])
    #expect(look(3001, 5, 9) == [1, 500, 1])
    #expect(look(3500, 5, 10) == [2, 90, 1])
    // One that was gone in between begins anew.
    #expect(figures(outlook, []) == [0, nil, 1])
    #expect(look(60_000, 5, 10) == [2, 90, 1])
  }
}
