import RoostEventLoop
import RoostRooms
import Testing

@testable import Gateway

/// Notes that expectations may call.
private final class Desk {
  private var desk = MoveDesk()

  func welcome(_ member: ConnectionID, _ token: SlotToken, _ now: MonotonicInstant) {
    desk.welcome(member, token, now)
  }
  func countLater(_ token: SlotToken, _ now: MonotonicInstant) { desk.countLater(token, now) }
  func supersede(_ token: SlotToken, _ now: MonotonicInstant) { desk.supersede(token, now) }
  func forget(_ member: ConnectionID, _ slot: Int32) { desk.forget(member, slot) }
  func guests(_ member: ConnectionID) -> [Int32] { desk.guests(member) }
  func settle(_ now: MonotonicInstant) -> MoveDesk.Settlement { desk.settle(now) }
  func note(_ room: RoomName, of slot: Int32) { desk.note(room, of: slot) }
  func forget(_ room: RoomName, of slot: Int32) { desk.forget(room, of: slot) }
  func forgetRooms(of slot: Int32) { desk.forgetRooms(of: slot) }
  func serverRooms(of slot: Int32) -> Set<RoomName> { desk.serverRooms(of: slot) }
}

struct MoveDeskTests {
  private static let start = MonotonicInstant(nanoseconds: 1_000_000_000_000)
  private static let member = ConnectionID(process: 1, shard: 0, slot: 5, generation: 1)

  private static func token(_ index: Int32) -> SlotToken { SlotToken(index: index, generation: 1) }

  private static func at(_ milliseconds: Int) -> MonotonicInstant {
    start.advanced(by: .milliseconds(milliseconds))
  }

  @Test func `one id may lead to several connections, until the last of them is gone`() {
    let desk = Desk()
    #expect(desk.guests(Self.member) == [])
    desk.welcome(Self.member, Self.token(3), Self.start)
    desk.welcome(Self.member, Self.token(4), Self.start)
    #expect(desk.guests(Self.member) == [3, 4])
    desk.forget(Self.member, 3)
    desk.forget(Self.member, 7)
    #expect(desk.guests(Self.member) == [4])
    desk.forget(Self.member, 4)
    desk.forget(Self.member, 4)
    #expect(desk.guests(Self.member) == [])
  }

  @Test func `each thing comes once, when its time has come`() {
    let desk = Desk()
    desk.welcome(Self.member, Self.token(1), Self.start)
    desk.countLater(Self.token(1), Self.start)
    desk.supersede(Self.token(2), Self.start)
    desk.supersede(Self.token(3), Self.at(10))
    for (milliseconds, counted, ended, unmarked) in [
      (0, [], [], []), (14_999, [], [], []), (15_000, [1], [], []), (29_999, [], [], []),
      (30_000, [], [2], []), (30_009, [], [], []), (59_999, [], [3], []), (60_000, [], [], [1]),
      (600_000, [], [], []),
    ] as [(Int, [Int32], [Int32], [Int32])] {
      let due = desk.settle(Self.at(milliseconds))
      #expect(due.counted == counted.map(Self.token), "\(milliseconds)")
      #expect(due.ended == ended.map(Self.token), "\(milliseconds)")
      #expect(due.unmarked == unmarked.map(Self.token), "\(milliseconds)")
    }
  }

  @Test func `rooms that the server joined it to are remembered while it is in them`() throws {
    let desk = Desk()
    let rooms = try ["a", "b"].map { try RoomName(Array($0.utf8)) }
    for room in rooms { desk.note(room, of: 1) }
    desk.note(rooms[0], of: 1)
    #expect(desk.serverRooms(of: 1) == Set(rooms))
    #expect(desk.serverRooms(of: 2) == [])
    desk.forget(rooms[0], of: 1)
    desk.forget(rooms[0], of: 2)
    #expect(desk.serverRooms(of: 1) == [rooms[1]])
    desk.forgetRooms(of: 1)
    #expect(desk.serverRooms(of: 1) == [])
  }
}
