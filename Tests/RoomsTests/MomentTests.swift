import RoostRooms
import Testing

struct MomentTests {
  @Test func `a moment is both clocks`() {
    let moment = Moment(monotonic: .seconds(1), wallMilliseconds: -5)
    #expect(moment.monotonic == .seconds(1))
    #expect(moment.wallMilliseconds == -5)
    #expect(moment != Moment(monotonic: .seconds(1), wallMilliseconds: 5))
    #expect(moment != Moment(monotonic: .seconds(2), wallMilliseconds: -5))
  }
}
