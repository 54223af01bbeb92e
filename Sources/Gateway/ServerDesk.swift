// The first shard's notes about the server API: requests that wait for answers, questions of nodes
// that wait for shards, and questions that were answered, so that none is carried out twice.

import Backplane
import RoostEventLoop

/// A request on its way to the first shard.
struct ServerLetter: Sendable {
  let request: ServerRequest
  /// Called once, on the first shard's thread.
  let answer: @Sendable (ServerAnswer) -> Void
}

/// A request that waits for the backplane.
struct PendingServerRequest: Sendable {
  let letter: ServerLetter
  let deadline: MonotonicInstant
  /// What nodes are asked for it; nil for what the backplane does by itself.
  let question: ControlQuestion?
  /// What became of the rooms of a broadcast so far.
  var outcomes: [BroadcastOutcome?] = []
}

/// A question that the shards of this node are answering.
struct Gathering: Sendable {
  let question: QuestionID
  let control: ControlQuestion
  let deadline: MonotonicInstant
  var shardsLeft: Int
  var answer = ControlAnswer()
}

/// A question on its way to a shard.
struct ControlLetter: Sendable {
  let number: UInt64
  let question: ControlQuestion
}

/// What is under way; used by the first shard only.
struct ServerDesk: Sendable {
  /// How long a request waits in the end; the backplane names nodes that are missing after 2 s.
  static let patience = Duration.seconds(4)
  /// Questions with an effect that are remembered, answered or not.
  static let rememberedMax = 4096
  /// Stands in the tickets of questions that a drain asks.
  static let drainNumber = UInt64.max
  /// Stands in the tickets of questions that connections which moved ask after those before them.
  static let moveNumber = UInt64.max - 1
  /// Stands in the tickets of questions about what the other nodes have.
  static let rebalanceNumber = UInt64.max - 2

  var requests: [UInt64: PendingServerRequest] = [:]
  var gatherings: [UInt64: Gathering] = [:]
  var evictions = EvictionDesk()
  private var lastNumber: UInt64 = 0

  // Questions with an effect: their answer, nil while it is being gathered.
  private var answered: [QuestionID: [UInt8]?] = [:]
  private var order: [QuestionID] = []
  private var oldest = 0

  /// The busy nanoseconds of each shard when the node was announced last.
  var busyBefore: [UInt64] = []
  /// What they had counted by then.
  var countsBefore: NodeCounts?
  var announcedAt = MonotonicInstant.zero
  /// Announcements so far: readers see by it that the node still writes.
  var announcements = 0

  /// A number that was not used before; never 0.
  mutating func nextNumber() -> UInt64 {
    lastNumber += 1
    return lastNumber
  }

  /// What is known about a question.
  enum Memory: Equatable {
    case new
    case underWay
    case answered([UInt8])
  }

  /// Looks a question with an effect up, and notes it when it is new.
  mutating func note(_ question: QuestionID) -> Memory {
    if let known = answered[question] { return known.map { .answered($0) } ?? .underWay }
    answered[question] = .some(nil)
    if order.count < Self.rememberedMax {
      order.append(question)
    } else {
      answered.removeValue(forKey: order[oldest])
      order[oldest] = question
      oldest = (oldest + 1) % Self.rememberedMax
    }
    return .new
  }

  /// Remembers the answer to a question that was noted.
  mutating func remember(_ question: QuestionID, _ answer: [UInt8]) {
    guard answered[question] != nil else { return }
    answered[question] = .some(answer)
  }
}
