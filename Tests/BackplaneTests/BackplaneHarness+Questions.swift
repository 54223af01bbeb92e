// The questions of the contract in short form: each asks, settles and unwraps its one answer.

import Backplane
import RoostRooms
import Testing

/// A room of that name, which the test wrote out itself.
func room(_ name: String) throws -> RoomName { try RoomName(Array(name.utf8)) }

/// A member with a connection of its own number.
func member(_ number: UInt32, user: String? = nil, info: [UInt8]? = nil) -> Member {
  Member(
    connection: ConnectionID(process: 0xA, shard: 0, slot: number, generation: 1), user: user,
    info: info)
}

/// The JSON string of a text.
func json(_ text: String) -> Payload { .json(Array("\"\(text)\"".utf8)) }

/// An answer that is not of the kind that was asked for.
struct UnexpectedAnswer: Error, CustomStringConvertible {
  let event: BackplaneEvent
  var description: String { "unexpected answer \(event)" }
}

extension BackplaneHarness {
  /// The result of a publish: a position, nil in rooms without a log.
  @discardableResult
  func publish(
    _ payload: Payload, in room: RoomName, policy: Int32 = 0, key: ScopedKey? = nil,
    sender: Member? = nil, on shard: Int = 0
  ) throws -> Position? {
    let ticket = ticket(shard)
    let command = PublishCommand(
      room: room, policy: policy, payload: payload, key: key, sender: sender, ticket: ticket)
    switch try ask(.publish(command), ticket) {
    case .published(_, let position): return position
    case .failed(_, let failed, let failure):
      #expect(failed == room)
      throw failure
    case let event: throw UnexpectedAnswer(event: event)
    }
  }

  /// Publishes `"1"`, `"2"` … in order and gives the position of the last.
  @discardableResult
  func publish(numbers: ClosedRange<Int>, in room: RoomName, policy: Int32 = 0) throws -> Position {
    var last: Position?
    for number in numbers {
      last = try publish(json("\(number)"), in: room, policy: policy, on: number % shardCount)
    }
    return try #require(last)
  }

  /// What a join came to.
  @discardableResult
  func join(
    _ member: Member, _ room: RoomName, seat: ConnectionID? = nil, policy: Int32 = 0,
    since: Position? = nil, pageBytesMax: Int = 1 << 16, on shard: Int = 0
  ) throws -> JoinReceipt {
    let ticket = ticket(shard)
    let command = JoinCommand(
      room: room, policy: policy, member: member, seat: seat, since: since,
      pageBytesMax: pageBytesMax, ticket: ticket)
    switch try ask(.join(command), ticket) {
    case .joined(_, let joined, let receipt):
      #expect(joined == room)
      return receipt
    case .failed(_, let failed, let failure):
      #expect(failed == room)
      throw failure
    case let event: throw UnexpectedAnswer(event: event)
    }
  }

  /// The next page of missed messages.
  func replay(
    _ room: RoomName, after: Position, pageBytesMax: Int = 1 << 16, on shard: Int = 0
  ) throws -> ReplayPage {
    let ticket = ticket(shard)
    let command = BackplaneCommand.replay(
      room, after: after, pageBytesMax: pageBytesMax, ticket: ticket)
    let event = try ask(command, ticket)
    guard case .replayed(_, room, let page) = event else { throw UnexpectedAnswer(event: event) }
    return page
  }

  /// Ends a membership.
  func leave(_ member: Member, _ room: RoomName, on shard: Int = 0) {
    submit(.leave(room, member.connection, shard: shard), on: shard)
    settle()
  }

  /// A page of members and where the next one begins.
  func presence(
    _ room: RoomName, limit: Int = 100, after: UInt64 = 0, on shard: Int = 0
  ) throws -> (members: [Member], next: UInt64?) {
    let ticket = ticket(shard)
    let command = BackplaneCommand.presence(room, limit: limit, after: after, ticket: ticket)
    let event = try ask(command, ticket)
    guard case .presence(_, let members, let next) = event else {
      throw UnexpectedAnswer(event: event)
    }
    return (members, next)
  }

  /// A page of a room's log.
  func history(
    _ room: RoomName, policy: Int32 = 0, since: Position? = nil, limit: Int = 100,
    reverse: Bool = false, on shard: Int = 0
  ) throws -> (entries: [LogEntry], position: Position, recovered: Bool?) {
    let ticket = ticket(shard)
    let command = BackplaneCommand.history(
      room, policy: policy, since: since, limit: limit, reverse: reverse, ticket: ticket)
    switch try ask(command, ticket) {
    case .history(_, let entries, let position, let recovered):
      return (entries, position, recovered)
    case .failed(_, _, let failure): throw failure
    case let event: throw UnexpectedAnswer(event: event)
    }
  }
}

extension [LogEntry] {
  /// The numbers of the entries.
  var offsets: [UInt64] { map(\.offset) }
}

extension [BackplaneEvent] {
  /// The offsets of the envelopes, in order.
  var offsets: [UInt64] { compactMap { $0.envelope?.position?.offset } }
}
