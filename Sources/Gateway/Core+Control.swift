// What the server API and other nodes ask of this one: questions are put to every shard, and the
// answers gathered on shard 0.

import Backplane
import RoostEventLoop

extension Core {
  /// An answer of the backplane to a request of the server API.
  mutating func serverAnswered(
    _ ticket: ReplyTicket, _ event: BackplaneEvent, _ now: MonotonicInstant
  ) {}

  /// A question of a node, perhaps this one.
  mutating func asked(_ question: QuestionID, _ text: [UInt8], _ now: MonotonicInstant) {
    submit(.answer(question, []), now)
  }

  /// The answers to a question of a connection here.
  mutating func answered(_ ticket: ReplyTicket, _ answers: ClusterAnswers) {}
}
