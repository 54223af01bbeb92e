import Backplane
import RoostRooms
import Testing

extension MessageBackplaneTests {
  @Test(arguments: BackplaneSetup.all)
  func `presence lists the members in the order of coming, with what is known of them`(
    setup: BackplaneSetup
  ) throws {
    let harness = setup.harness(.known)
    let lobby = try room("lobby")
    let members = [
      member(5, user: "ann", info: Array(#"{"name":"Ann"}"#.utf8)), member(3),
      member(4, user: "bo"),
    ]
    for (number, member) in members.enumerated() {
      try harness.join(member, lobby, on: number % harness.shardCount)
    }
    let page = try harness.presence(lobby, on: harness.lastShard)
    #expect(Set(page.members) == Set(members))
    if setup.kind.listsInOrder { #expect(page.members == members) }
    #expect(page.members.count == members.count)
    #expect(page.next == nil)
  }

  @Test(arguments: BackplaneSetup.all)
  func `a room that nobody is in has no members`(setup: BackplaneSetup) throws {
    let harness = setup.harness(.known)
    let page = try harness.presence(try room("lobby"))
    #expect(page.members == [])
    #expect(page.next == nil)
    #expect(harness.figures.rooms == 0)
  }

  @Test(
    arguments: BackplaneSetup.listingInOrder,
    [(4, [4, 1]), (5, [5]), (6, [5]), (1, [1, 1, 1, 1, 1])] as [(limit: Int, pages: [Int])])
  func `a page has as many members as asked for and a next one while there are more`(
    setup: BackplaneSetup, table: (limit: Int, pages: [Int])
  ) throws {
    let harness = setup.harness(.known)
    let lobby = try room("lobby")
    for number in 1...5 { try harness.join(member(UInt32(number)), lobby) }
    var after: UInt64 = 0
    var listed: [Member] = []
    for (number, count) in table.pages.enumerated() {
      let page = try harness.presence(lobby, limit: table.limit, after: after)
      #expect(page.members.count == count)
      #expect((page.next == nil) == (number == table.pages.count - 1))
      listed += page.members
      after = page.next ?? 0
    }
    #expect(listed == (1...5).map { member($0) })
  }

  @Test(arguments: BackplaneSetup.all)
  func `whoever stays is listed once, however the others come and go between the pages`(
    setup: BackplaneSetup
  ) throws {
    let harness = setup.harness(.known)
    let lobby = try room("lobby")
    for number: UInt32 in 0..<300 { try harness.join(member(number), lobby) }
    var listed: [Member] = []
    var after: UInt64? = 0
    var page: UInt32 = 0
    while let start = after {
      let answer = try harness.presence(lobby, limit: 7, after: start)
      listed += answer.members
      after = answer.next
      // One of each three leaves, from the front, and others come behind.
      if page < 100 {
        harness.leave(member(page * 3), lobby)
        if page % 2 == 0 { try harness.join(member(1000 + page), lobby) }
      }
      page += 1
    }
    let staying = (0..<300).map { UInt32($0) }.filter { $0 % 3 != 0 }.map { member($0) }
    #expect(Set(listed).isSuperset(of: staying))
    guard setup.kind.listsInOrder else { return }
    #expect(listed.filter { staying.contains($0) } == staying)
    #expect(Set(listed).count == listed.count)
  }

  @Test(arguments: BackplaneSetup.listingInOrder, [UInt64.max, UInt64.max - 1, 1 << 63, 4])
  func `a page behind the last member is empty`(setup: BackplaneSetup, after: UInt64) throws {
    let harness = setup.harness(.known)
    let lobby = try room("lobby")
    for number: UInt32 in 1...3 { try harness.join(member(number), lobby) }
    let page = try harness.presence(lobby, after: after)
    #expect(page.members == [])
    #expect(page.next == nil)
  }

  // MARK: Events

  @Test(arguments: BackplaneSetup.all)
  func `comings and goings are told to every shard with members, but not to the newcomer's own`(
    setup: BackplaneSetup
  ) throws {
    let harness = setup.harness(.known)
    let lobby = try room("lobby")
    let shard = harness.lastShard
    try harness.join(member(1, user: "ann"), lobby, on: 0)
    #expect(harness.isSilent())
    try harness.join(member(2, user: "bo"), lobby, on: shard)
    #expect(harness.take(0) == [.memberJoined(lobby, member(2, user: "bo"))])
    #expect(harness.isSilent())
    harness.leave(member(2, user: "bo"), lobby, on: shard)
    #expect(harness.take(0) == [.memberLeft(lobby, member(2, user: "bo"))])
    #expect(harness.isSilent())
  }

  @Test(arguments: BackplaneSetup.all)
  func `a newcomer's shard hears of the coming before the answer, so that only the others are told`(
    setup: BackplaneSetup
  ) throws {
    let harness = setup.harness(.known)
    let lobby = try room("lobby")
    try harness.join(member(1), lobby)
    let ticket = harness.ticket(0)
    let command = JoinCommand(
      room: lobby, policy: 0, member: member(2), since: nil, pageBytesMax: 10, ticket: ticket)
    harness.submit(.join(command), on: 0)
    harness.settle()
    let receipt = JoinReceipt(
      members: 2, position: nil, recovered: nil, missed: [], isComplete: true)
    #expect(
      harness.take(0) == [.memberJoined(lobby, member(2)), .joined(ticket, lobby, receipt)])
  }

  @Test(arguments: BackplaneSetup.all)
  func `a member's going is told after everything that it published`(setup: BackplaneSetup) throws {
    let harness = setup.harness(.known)
    let lobby = try room("lobby")
    let shard = harness.lastShard
    try harness.join(member(1), lobby)
    try harness.join(member(2), lobby, on: shard)
    _ = harness.takeAll()
    for number in 1...3 {
      let command = PublishCommand(
        room: lobby, policy: 0, payload: json("\(number)"), key: nil, sender: nil, ticket: nil)
      harness.submit(.publish(command), on: shard)
    }
    harness.submit(.leave(lobby, member(2).connection, shard: shard), on: shard)
    harness.settle()
    let events = harness.take(0)
    #expect(events.compactMap(\.envelope?.payload) == [json("1"), json("2"), json("3")])
    #expect(events.last == .memberLeft(lobby, member(2)))
  }

  @Test(arguments: BackplaneSetup.all, [(true, false), (false, true), (false, false)])
  func `nothing is told where presence or its events are off`(
    setup: BackplaneSetup, flags: (presence: Bool, events: Bool)
  ) throws {
    var policy = RoomPolicy()
    policy.presence = flags.presence
    policy.presenceEvents = flags.events
    let harness = setup.harness(policy)
    let lobby = try room("lobby")
    try harness.join(member(1), lobby)
    try harness.join(member(2), lobby)
    harness.leave(member(2), lobby)
    harness.sweep()
    #expect(harness.isSilent())
    #expect(try harness.presence(lobby).members.count == (flags.presence ? 1 : 0))
  }

  // MARK: Counts

  /// At most three members are told of single comings and goings.
  static let threeAreTold = LocalBackplaneLimits(
    logBytesMax: 1000, keysMax: 10, keyWindow: .seconds(1), idleRoomsMax: 10,
    presenceEventsMax: 3, pageBytesMax: 1000)

  @Test(arguments: BackplaneSetup.all)
  func `three are told of the fourth, and of the fifth the four get a count at the next sweep`(
    setup: BackplaneSetup
  ) throws {
    let harness = setup.harness(.known, limits: Self.threeAreTold)
    let lobby = try room("lobby")
    for number: UInt32 in 1...3 { try harness.join(member(number), lobby) }
    _ = harness.takeAll()
    try harness.join(member(4), lobby)
    #expect(harness.take(0) == [.memberJoined(lobby, member(4))])
    try harness.join(member(5), lobby, on: harness.lastShard)
    #expect(harness.isSilent())
    harness.sweep()
    #expect(harness.take(0) == [.memberCount(lobby, 5)])
    if setup.shardCount > 1 { #expect(harness.take(harness.lastShard) == [.memberCount(lobby, 5)]) }

    harness.leave(member(5), lobby, on: harness.lastShard)
    #expect(harness.isSilent())
    harness.sweep()
    #expect(harness.take(0) == [.memberCount(lobby, 4)])
    harness.leave(member(4), lobby)
    #expect(harness.take(0) == [.memberLeft(lobby, member(4))])
    harness.sweep()
    #expect(harness.isSilent())
  }

  @Test(arguments: BackplaneSetup.all)
  func `many comings between two sweeps make one count, and no change makes none`(
    setup: BackplaneSetup
  ) throws {
    let harness = setup.harness(.known, limits: Self.threeAreTold)
    let lobby = try room("lobby")
    for number: UInt32 in 1...50 { try harness.join(member(number), lobby) }
    _ = harness.takeAll()
    harness.sweep()
    #expect(harness.take(0) == [.memberCount(lobby, 50)])
    harness.sweep()
    #expect(harness.isSilent())
  }

  // The room's second life was entered into the list of due counts again, and told twice.
  @Test(arguments: BackplaneSetup.all)
  func `a room that emptied and filled again between two sweeps is told its count once`(
    setup: BackplaneSetup
  ) throws {
    let harness = setup.harness(.known, limits: Self.threeAreTold)
    let lobby = try room("lobby")
    for number: UInt32 in 1...6 { try harness.join(member(number), lobby) }
    for number: UInt32 in 1...6 { harness.leave(member(number), lobby) }
    #expect(harness.figures.rooms == 0)
    for number: UInt32 in 1...6 { try harness.join(member(number), lobby) }
    _ = harness.takeAll()
    harness.sweep()
    #expect(harness.take(0) == [.memberCount(lobby, 6)])
  }
}
