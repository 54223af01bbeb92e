import RoostRooms
import Testing

struct RoomPolicyTests {
  @Test func `a namespace configured with nothing is open to members and keeps nothing`() {
    let policy = RoomPolicy()
    #expect(policy.join == .anyone)
    #expect(policy.publish == .member)
    #expect(policy.readPresence == .member)
    #expect(policy.readHistory == .member)
    #expect(policy.send == .authenticated)
    #expect(!policy.presence)
    #expect(!policy.presenceEvents)
    #expect(!policy.history.isOn)
    #expect(policy.membersMax == 0)
    #expect(policy.slowConsumer == .disconnect)
    #expect(!policy.showsSender)
    #expect(!policy.showsTime)
  }

  @Test(
    arguments: [
      (0, .zero, false), (1, .zero, false), (0, .seconds(1), false), (1, .nanoseconds(1), true),
      (100, .seconds(300), true), (-1, .seconds(1), false), (1, .seconds(-1), false),
    ] as [(Int, Duration, Bool)])
  func `history is on when it keeps some messages for some time`(
    messages: Int, lifetime: Duration, isOn: Bool
  ) {
    #expect(HistoryPolicy(messages: messages, lifetime: lifetime, bytes: 1).isOn == isOn)
  }

  @Test func `the words of the configuration are the cases' names`() {
    #expect(
      Permission.allCases.map(\.rawValue)
        == ["nobody", "anyone", "authenticated", "member", "token", "owner"])
    #expect(
      SlowConsumerPolicy.allCases.map(\.rawValue)
        == ["disconnect", "drop_oldest", "latest", "recover"])
  }
}
