// When messages were published that come back.

import RoostRooms
import Testing

@testable import Backplane

@Suite struct PublishTimesTests {
  @Test func `a publish is remembered until the ring has gone round`() {
    var times = PublishTimes()
    #expect(times.time(of: 1).nanoseconds == 0)
    times.note(1, nanoseconds: 10)
    times.note(2, nanoseconds: 20)
    #expect(times.time(of: 1).nanoseconds == 10)
    #expect(times.time(of: 2).nanoseconds == 20)
    let last = UInt64(PublishTimes.countMax)
    times.note(last, nanoseconds: 30)
    #expect(times.time(of: 1).nanoseconds == 10)
    times.note(last + 1, nanoseconds: 40)
    #expect(times.time(of: 1).nanoseconds == 0)
    #expect(times.time(of: last + 1).nanoseconds == 40)
    #expect(times.time(of: last).nanoseconds == 30)
  }

  @Test(arguments: [UInt64(0), 3, .max])
  func `what was never published here is unknown`(number: UInt64) {
    #expect(PublishTimes().time(of: number).nanoseconds == 0)
  }

  @Test func `messages are equal whenever they were published`() throws {
    let room = try #require(RoomName(text: "r"))
    let envelopes = [PublishTime.unknown, PublishTime(nanoseconds: 7)].map {
      Envelope(
        room: room, position: nil, payload: .json([49]), sender: nil, wallMilliseconds: nil,
        publishedAt: $0)
    }
    #expect(envelopes[0] == envelopes[1])
    #expect(Set(envelopes).count == 1)
  }
}
