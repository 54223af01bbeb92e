import Backplane
import RoostRooms
import Testing

extension MessageBackplaneTests {
  /// A question to a log that holds 6 to 10, and its answer.
  struct Reading: Sendable, CustomTestStringConvertible {
    var since: UInt64?
    var isForeignEpoch = false
    var limit = 100
    var reverse = false
    let offsets: [UInt64]
    var recovered: Bool?

    var testDescription: String {
      "since \(since.map(String.init) ?? "nothing"), foreign \(isForeignEpoch), limit \(limit), "
        + "reverse \(reverse)"
    }

    static let all = [
      // Forwards, from the oldest.
      Reading(offsets: [6, 7, 8, 9, 10]),
      Reading(limit: 5, offsets: [6, 7, 8, 9, 10]),
      Reading(limit: 4, offsets: [6, 7, 8, 9]),
      Reading(limit: 1, offsets: [6]),
      // Forwards, from behind a position.
      Reading(since: 5, offsets: [6, 7, 8, 9, 10], recovered: true),
      Reading(since: 6, offsets: [7, 8, 9, 10], recovered: true),
      Reading(since: 7, limit: 2, offsets: [8, 9], recovered: true),
      Reading(since: 9, offsets: [10], recovered: true),
      Reading(since: 10, offsets: [], recovered: true),
      Reading(since: 4, offsets: [6, 7, 8, 9, 10], recovered: false),
      Reading(since: 0, limit: 1, offsets: [6], recovered: false),
      // A position that this log never had says nothing: everything there is.
      Reading(since: 11, offsets: [6, 7, 8, 9, 10], recovered: false),
      Reading(since: .max, offsets: [6, 7, 8, 9, 10], recovered: false),
      Reading(since: 8, isForeignEpoch: true, offsets: [6, 7, 8, 9, 10], recovered: false),
      // Backwards, from the newest.
      Reading(reverse: true, offsets: [10, 9, 8, 7, 6]),
      Reading(limit: 2, reverse: true, offsets: [10, 9]),
      // Backwards, from before a position.
      Reading(since: 9, reverse: true, offsets: [8, 7, 6]),
      Reading(since: 9, limit: 1, reverse: true, offsets: [8]),
      Reading(since: 11, reverse: true, offsets: [10, 9, 8, 7, 6]),
      Reading(since: .max, reverse: true, offsets: [10, 9, 8, 7, 6]),
      Reading(since: 7, reverse: true, offsets: [6]),
      Reading(since: 6, reverse: true, offsets: []),
      Reading(since: 1, reverse: true, offsets: []),
      Reading(since: 0, reverse: true, offsets: []),
      Reading(since: 8, isForeignEpoch: true, reverse: true, offsets: [10, 9, 8, 7, 6]),
    ]
  }

  @Test(arguments: BackplaneSetup.all, Reading.all)
  func `history reads the log forwards and backwards, from an end or from a position`(
    setup: BackplaneSetup, reading: Reading
  ) throws {
    let harness = setup.harness(.logged(5))
    let lobby = try room("lobby")
    let newest = try harness.publish(numbers: 1...10, in: lobby)
    let epoch = reading.isForeignEpoch ? Epoch(high: 1, low: 2) : newest.epoch
    let answer = try harness.history(
      lobby, since: reading.since.map { Position(epoch: epoch, offset: $0) },
      limit: reading.limit, reverse: reading.reverse, on: harness.lastShard)
    #expect(answer.entries.offsets == reading.offsets)
    #expect(answer.entries.map(\.payload) == reading.offsets.map { json("\($0)") })
    #expect(answer.position == newest)
    #expect(answer.recovered == reading.recovered)
  }

  @Test(arguments: BackplaneSetup.all)
  func `reading backwards page by page meets every message once`(setup: BackplaneSetup) throws {
    let harness = setup.harness(.logged())
    let lobby = try room("lobby")
    let newest = try harness.publish(numbers: 1...23, in: lobby)
    var since: Position?
    var met: [UInt64] = []
    while true {
      let page = try harness.history(lobby, since: since, limit: 4, reverse: true).entries
      guard let last = page.last else { break }
      met += page.offsets
      since = Position(epoch: newest.epoch, offset: last.offset)
    }
    #expect(met == Array((1...23).reversed()))
  }

  @Test(arguments: BackplaneSetup.all)
  func `the history of a room that never was is empty, and asking makes no room`(
    setup: BackplaneSetup
  ) throws {
    let harness = setup.harness(.logged())
    let answer = try harness.history(try room("nowhere"))
    #expect(answer.entries == [])
    #expect(answer.position.offset == 0)
    if setup.kind.holdsLogs { #expect(harness.figures.rooms == 0) }
  }

  @Test(arguments: BackplaneSetup.all)
  func `a room whose policy keeps no history has none to read`(setup: BackplaneSetup) throws {
    let harness = setup.harness(.plain)
    #expect(throws: BackplaneFailure.historyIsOff) { try harness.history(try room("lobby")) }
  }

  // MARK: Bounds of one log

  @Test(
    arguments: BackplaneSetup.all,
    [(4, 4), (5, 5), (6, 5), (50, 5)] as [(published: Int, kept: Int)])
  func `a log keeps as many messages as its policy says`(
    setup: BackplaneSetup, table: (published: Int, kept: Int)
  ) throws {
    let harness = setup.harness(.logged(5))
    let lobby = try room("lobby")
    try harness.publish(numbers: 1...table.published, in: lobby)
    let offsets = (1...table.published).suffix(table.kept).map { UInt64($0) }
    #expect(try harness.history(lobby).entries.offsets == offsets)
    if setup.kind.holdsLogs { #expect(harness.figures.logEntries == table.kept) }
  }

  @Test(
    arguments: BackplaneSetup.all,
    [(8, 2), (9, 3), (10, 3), (3, 1), (2, 0), (0, 0)] as [(bytesMax: Int, kept: Int)])
  func `a log keeps as many bytes as its policy says`(
    setup: BackplaneSetup, table: (bytesMax: Int, kept: Int)
  ) throws {
    let harness = setup.harness(.logged(bytes: table.bytesMax))
    let lobby = try room("lobby")
    try harness.publish(numbers: 1...9, in: lobby)
    #expect(try harness.history(lobby).entries.count == table.kept)
    if setup.kind.holdsLogs { #expect(harness.figures.logBytes == 3 * table.kept) }
  }

  @Test(arguments: BackplaneSetup.all)
  func `a message longer than the whole log is delivered and numbered, and cannot be recovered`(
    setup: BackplaneSetup
  ) throws {
    let harness = setup.harness(.logged(bytes: 10))
    let lobby = try room("lobby")
    try harness.join(member(1), lobby)
    let first = try harness.publish(numbers: 1...1, in: lobby)
    let second = try #require(try harness.publish(json("far too long"), in: lobby))
    #expect(second == Position(epoch: first.epoch, offset: 2))
    #expect(harness.take(0).offsets == [1, 2])
    if setup.kind.holdsLogs { #expect(harness.figures.logEntries == 0) }
    #expect(try harness.join(member(2), lobby, since: first).recovered == false)
    #expect(try harness.join(member(3), lobby, since: second).recovered == true)
  }

  @Test(
    arguments: BackplaneSetup.all,
    [(59_999, 3), (60_000, 2), (60_001, 2), (70_000, 1), (80_000, 0)]
      as [(milliseconds: Int, kept: Int)])
  func `a message is kept for as long as its policy says`(
    setup: BackplaneSetup, table: (milliseconds: Int, kept: Int)
  ) throws {
    let harness = setup.harness(.logged(for: .seconds(60)))
    let lobby = try room("lobby")
    for _ in 1...3 {
      try harness.publish(json("a"), in: lobby)
      harness.advance(.seconds(10))
    }
    harness.advance(.milliseconds(table.milliseconds - 30_000))
    #expect(try harness.history(lobby).entries.count == table.kept)
    #expect(try harness.history(lobby).position.offset == 3)
    if setup.kind.holdsLogs { #expect(harness.figures.logBytes == 3 * table.kept) }
  }

  @Test(arguments: BackplaneSetup.holdingLogs)
  func `old messages go in a sweep even where nobody comes by`(setup: BackplaneSetup) throws {
    let harness = setup.harness(.logged(for: .seconds(60)))
    for number in 0..<30 { try harness.publish(json("a"), in: try room("room\(number)")) }
    harness.advance(.milliseconds(59_999))
    harness.sweep()
    #expect(harness.figures.logEntries == 30)
    harness.advance(.milliseconds(1))
    harness.sweep()
    #expect(harness.figures.logEntries == 0)
    #expect(harness.figures.logBytes == 0)
  }

  // MARK: Rooms without members and messages

  @Test(arguments: BackplaneSetup.holdingLogs)
  func `an empty room keeps its position for ten lifetimes, then begins anew`(
    setup: BackplaneSetup
  ) throws {
    let harness = setup.harness(.logged(for: .seconds(60)))
    let lobby = try room("lobby")
    try harness.join(member(1), lobby)
    let newest = try harness.publish(numbers: 1...3, in: lobby)
    harness.leave(member(1), lobby)
    harness.advance(.seconds(60))
    harness.sweep()
    #expect(harness.figures.rooms == 1)
    harness.advance(.milliseconds(599_999))
    harness.sweep()
    #expect(harness.figures.rooms == 1)
    // Somebody comes back just in time: the position is good, and the ten lifetimes begin anew.
    #expect(try harness.join(member(1), lobby, since: newest).recovered == true)
    harness.advance(.seconds(1000))
    harness.sweep()
    harness.leave(member(1), lobby)
    harness.advance(.milliseconds(599_999))
    harness.sweep()
    #expect(harness.figures.rooms == 1)
    harness.advance(.milliseconds(1))
    harness.sweep()
    #expect(harness.figures.rooms == 0)
    let receipt = try harness.join(member(1), lobby, since: newest)
    #expect(receipt.recovered == false)
    #expect(receipt.position?.offset == 0)
    #expect(receipt.position?.epoch != newest.epoch)
  }

  // The time of the first idleness was kept over a publish, so the room went with its last message.
  @Test(arguments: BackplaneSetup.all)
  func `a publish into an empty room begins its ten lifetimes anew`(setup: BackplaneSetup) throws {
    let harness = setup.harness(.logged(for: .seconds(60)))
    let lobby = try room("lobby")
    try harness.publish(json("1"), in: lobby)
    harness.advance(.seconds(60))
    harness.sweep()
    harness.advance(.seconds(590))
    let newest = try #require(try harness.publish(json("2"), in: lobby))
    harness.advance(.seconds(60))
    harness.sweep()
    if setup.kind.holdsLogs { #expect(harness.figures.logEntries == 0) }
    #expect(try harness.join(member(1), lobby, since: newest).recovered == true)
  }
}
