import Testing

@testable import RoostClient

@Suite struct RoomPlaceTests {
  private static func place(_ offset: UInt64) -> RoomPlace {
    RoomPlace(position: RoomPosition(epoch: "e1", offset: offset))
  }

  @Test(arguments: [
    (UInt64(16), RoomPlace.Verdict.repeated, UInt64(17)), (17, .repeated, 17), (18, .next, 18),
    (19, .behindHole, 19), (UInt64.max, .behindHole, UInt64.max),
  ])
  func `a message is judged by its number`(
    offset: UInt64, verdict: RoomPlace.Verdict, after: UInt64
  ) {
    var place = Self.place(17)
    #expect(place.take(offset: offset, epoch: nil) == verdict)
    #expect(place.position?.offset == after)
    place = Self.place(17)
    #expect(place.take(offset: offset, epoch: "e1") == verdict)
  }

  @Test func `a hole that was told counts for one message`() {
    var place = Self.place(17)
    place.hasToldHole = true
    #expect(place.take(offset: 17, epoch: nil) == .repeated)
    #expect(place.take(offset: 30, epoch: nil) == .next)
    #expect(place.take(offset: 32, epoch: nil) == .behindHole)
  }

  @Test func `another epoch begins another count`() {
    var place = Self.place(17)
    #expect(place.take(offset: 3, epoch: "e2") == .next)
    #expect(place.position == RoomPosition(epoch: "e2", offset: 3))
    #expect(place.take(offset: 4, epoch: nil) == .next)
  }

  @Test func `without a position every message is the next`() {
    var place = RoomPlace()
    #expect(place.take(offset: nil, epoch: nil) == .next)
    #expect(place.take(offset: 5, epoch: nil) == .next)
    #expect(place.take(offset: 5, epoch: nil) == .next)
    #expect(place.position == nil)
  }
}
