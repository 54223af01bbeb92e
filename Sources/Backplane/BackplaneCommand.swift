// What shards ask of the backplane and what it answers: two enums, and every answer carries the
// ticket of its question. The same words serve the in-process backplane and the one through Redis.

public import RoostRooms

/// Where an answer goes: a connection of a shard, and the `id` that its request had.
///
/// The backplane hands it back untouched; the shard finds the connection gone when it is gone.
public struct ReplyTicket: Sendable, Equatable {
  /// The asking shard.
  public let shard: Int
  /// The connection's slot and generation, packed.
  public let slot: UInt64
  /// The raw JSON of the request's `id`; nil when it had none.
  public let id: [UInt8]?
  /// When the request came, in nanoseconds of the shard's clock.
  public let askedAt: UInt64
  /// Tells the joins of a connection apart.
  ///
  /// It may leave a room and join it again before the first answer comes. 0 for everything else.
  public let join: UInt64
  /// The number of a request of the server API; 0 when a connection asks.
  public let server: UInt64

  /// Puts a ticket together.
  public init(
    shard: Int, slot: UInt64, id: [UInt8]?, askedAt: UInt64, join: UInt64 = 0, server: UInt64 = 0
  ) {
    self.shard = shard
    self.slot = slot
    self.id = id
    self.askedAt = askedAt
    self.join = join
    self.server = server
  }
}

/// An idempotency key with the publisher that it belongs to.
public struct ScopedKey: Sendable, Equatable {
  /// Whose key it is: a user, a room for anonymous publishers, an API key.
  public let scope: [UInt8]
  /// The key, 1 to 128 bytes.
  public let key: [UInt8]

  /// Puts a key together.
  public init(scope: [UInt8], key: [UInt8]) {
    self.scope = scope
    self.key = key
  }
}

/// A publish on its way to the room's log.
public struct PublishCommand: Sendable, Equatable {
  /// The room.
  public let room: RoomName
  /// The number of the room's policy in the table that the backplane was made with.
  public let policy: Int32
  /// What is published.
  public let payload: Payload
  /// The idempotency key, when the client gave one.
  public let key: ScopedKey?
  /// Who publishes; nil for the server API.
  public let sender: Member?
  /// Where the acknowledgement goes; nil when nobody waits for one.
  public let ticket: ReplyTicket?

  /// Puts a publish together.
  public init(
    room: RoomName, policy: Int32, payload: Payload, key: ScopedKey?, sender: Member?,
    ticket: ReplyTicket?
  ) {
    self.room = room
    self.policy = policy
    self.payload = payload
    self.key = key
    self.sender = sender
    self.ticket = ticket
  }
}

/// A connection's wish to be a member.
public struct JoinCommand: Sendable, Equatable {
  /// The room.
  public let room: RoomName
  /// The number of the room's policy.
  public let policy: Int32
  /// The connection as the room will see it.
  public let member: Member
  /// The connection itself: another one than the member's when it came from another node.
  public let seat: ConnectionID
  /// The position after which messages are wanted.
  public let since: Position?
  /// Bytes of message data that the answer may carry; the rest is asked for with `replay`.
  public let pageBytesMax: Int
  /// Where the answer goes.
  public let ticket: ReplyTicket

  /// Puts a join together.
  public init(
    room: RoomName, policy: Int32, member: Member, seat: ConnectionID? = nil, since: Position?,
    pageBytesMax: Int, ticket: ReplyTicket
  ) {
    self.room = room
    self.policy = policy
    self.member = member
    self.seat = seat ?? member.connection
    self.since = since
    self.pageBytesMax = pageBytesMax
    self.ticket = ticket
  }
}

/// What a shard asks of the backplane.
public enum BackplaneCommand: Sendable, Equatable {
  /// Put a message into a room.
  case publish(PublishCommand)
  /// Make a connection a member.
  case join(JoinCommand)
  /// Read on after a join whose missed messages did not fit its answer.
  case replay(RoomName, after: Position, pageBytesMax: Int, ticket: ReplyTicket)
  /// End the membership of a seat; also of a join that was not answered yet.
  case leave(RoomName, ConnectionID, shard: Int)
  /// Ask who is in a room.
  case presence(RoomName, limit: Int, after: UInt64, ticket: ReplyTicket)
  /// Read a room's log.
  case history(
    RoomName, policy: Int32, since: Position?, limit: Int, reverse: Bool, ticket: ReplyTicket)

  /// Ask for a room's size and newest position.
  case describe(RoomName, policy: Int32, ticket: ReplyTicket)
  /// Drop a room's log; its offsets count on.
  case clear(RoomName, policy: Int32, ticket: ReplyTicket)
  /// Put a question to nodes of the cluster, this one included where the audience says so.
  case ask(ClusterQuestion)
  /// Answer a question that came as `asked`.
  case answer(QuestionID, [UInt8])
  /// Publish what this node says of itself to the others: a JSON object.
  case announce([UInt8])
  /// List the nodes of the cluster.
  case nodes(ReplyTicket)
  /// Remember for nodes that come later what was taken back; without a ticket nobody waits.
  case revoke(RevocationRecord, ReplyTicket?)
  /// Count a connection in the cluster; answered with `counted` while the cluster can be asked.
  case count(CountKey, ConnectionID, shard: Int)
  /// Count a connection no longer that was counted.
  case uncount(CountKey, ConnectionID)
  /// Tell every other node something, in the gateway's words; who cannot be reached misses it.
  case tell([UInt8])
  /// Use a ticket up, if it is good; answered with `claimed`.
  case claim(TicketClaim, ReplyTicket)

  /// The room that the command is about; nil when it is about none.
  public var room: RoomName? {
    switch self {
    case .publish(let command): command.room
    case .join(let command): command.room
    case .replay(let room, _, _, _), .leave(let room, _, _), .presence(let room, _, _, _),
      .history(let room, _, _, _, _, _), .describe(let room, _, _), .clear(let room, _, _):
      room
    case .ask, .answer, .announce, .nodes, .revoke, .count, .uncount, .tell, .claim: nil
    }
  }
}

/// Which nodes a question is for.
public enum ClusterAudience: Sendable, Equatable {
  /// Every living node.
  ///
  /// The question is kept until each has seen it once, also over a lost link; backplane rule 25.
  case everyNode
  /// Every node that can be reached at once; who is cut off misses it.
  case reachableNodes
  /// The nodes that hold connections of a user, who is named as in the name of the user's room: what
  /// stands there behind `user:`.
  case user(String)
  /// The nodes that may hold a connection: the one that accepted it, and those to which it may have
  /// moved.
  case connection(ConnectionID)
  /// One run of one node.
  case incarnation(String)
}

/// A question to nodes: opaque to the backplane, which carries it and gathers the answers.
public struct ClusterQuestion: Sendable, Equatable {
  /// Whom it is for.
  public let audience: ClusterAudience
  /// What is asked, in the gateway's words.
  public let text: [UInt8]
  /// Where the answers go, together.
  public let ticket: ReplyTicket

  /// Puts a question together.
  public init(audience: ClusterAudience, text: [UInt8], ticket: ReplyTicket) {
    self.audience = audience
    self.text = text
    self.ticket = ticket
  }
}

/// Names a question on the node that is asked: who asks, and the asker's number for it.
public struct QuestionID: Hashable, Sendable {
  /// The asking node's incarnation.
  public let asker: String
  /// Its number.
  public let number: UInt64

  /// Puts an id together.
  public init(asker: String, number: UInt64) {
    self.asker = asker
    self.number = number
  }
}

/// What came back for a question.
public struct ClusterAnswers: Sendable, Equatable {
  /// Each node's answer with the node's id.
  public let answers: [(node: String, text: [UInt8])]
  /// Ids of living nodes that did not answer in time.
  public let missing: [String]

  /// Puts answers together.
  public init(answers: [(node: String, text: [UInt8])], missing: [String]) {
    self.answers = answers
    self.missing = missing
  }

  /// Equal when the same nodes said the same in the same order.
  public static func == (left: ClusterAnswers, right: ClusterAnswers) -> Bool {
    left.missing == right.missing && left.answers.elementsEqual(right.answers, by: ==)
  }
}

/// A node of the cluster as the others see it.
public struct NodeListing: Sendable, Equatable {
  /// The node's id.
  public let id: String
  /// This start of it.
  public let incarnation: String
  /// Whether this is the asked node.
  public let isSelf: Bool
  /// Time since its lease was last renewed; nil without leases.
  public let leaseAge: Duration?
  /// What the node last announced: a JSON object, or nothing.
  public let announcement: [UInt8]
  /// Time since it did; nil when it is not known.
  public let announcementAge: Duration?

  /// Puts a listing together.
  public init(
    id: String, incarnation: String, isSelf: Bool, leaseAge: Duration?, announcement: [UInt8],
    announcementAge: Duration?
  ) {
    self.id = id
    self.incarnation = incarnation
    self.isSelf = isSelf
    self.leaseAge = leaseAge
    self.announcement = announcement
    self.announcementAge = announcementAge
  }
}

/// What a join came to.
public struct JoinReceipt: Sendable, Equatable {
  /// Connections in the room, the new one included; nil while the cluster cannot be asked.
  public let members: Int?
  /// The room's newest position; nil in rooms without history.
  public let position: Position?
  /// Whether everything after the client's position is there; nil when it gave none.
  public let recovered: Bool?
  /// The first missed messages, oldest first, without a hole.
  public let missed: [LogEntry]
  /// The offset behind which `missed` begins.
  public let after: UInt64
  /// Whether `missed` reaches `position`; if not, read on with `replay`.
  public let isComplete: Bool
  /// Whether this is what the node remembers while it is cut off from the others.
  public let isDegraded: Bool

  /// Puts a receipt together.
  public init(
    members: Int?, position: Position?, recovered: Bool?, missed: [LogEntry],
    after: UInt64 = 0, isComplete: Bool, isDegraded: Bool = false
  ) {
    self.after = after
    self.members = members
    self.position = position
    self.recovered = recovered
    self.missed = missed
    self.isComplete = isComplete
    self.isDegraded = isDegraded
  }
}

/// A page of missed messages.
public enum ReplayPage: Sendable, Equatable {
  /// Messages after the asked position; `isComplete` when they reach the room's newest.
  case entries([LogEntry], position: Position, isComplete: Bool)
  /// The log was trimmed past the asked position, or began anew: load the state again.
  case lost(Position)
}

/// Why the backplane did not do something.
public enum BackplaneFailure: Error, Sendable, Equatable {
  /// Certainly not done; worth another try after the time.
  case unavailable(retryAfter: Duration)
  /// Handed over without an answer: it may have been done. Repeat it with the same key.
  case unknown
  /// The same key was used for other data.
  case keyConflict
  /// The window holds no more keys.
  case keysExhausted
  /// The room has as many members as its policy allows.
  case roomIsFull
  /// The room's policy keeps no history.
  case historyIsOff
}

/// What the backplane tells a shard.
public enum BackplaneEvent: Sendable, Equatable {
  /// A publish was done, or had been done with the same key before.
  case published(ReplyTicket, Position?)
  /// A join was done. Envelopes of the room come after this, the first one right behind `position`.
  case joined(ReplyTicket, RoomName, JoinReceipt)
  /// The next missed messages.
  case replayed(ReplyTicket, RoomName, ReplayPage)
  /// A message for the shard's members of its room.
  case envelope(Envelope)
  /// A member came, for the shard's members of the room.
  case memberJoined(RoomName, Member)
  /// A member went, for the shard's members of the room.
  case memberLeft(RoomName, Member)
  /// The room's size, in place of single events.
  case memberCount(RoomName, Int)
  /// A page of members; `next` is given while there are more.
  case presence(ReplyTicket, [Member], next: UInt64?)
  /// A page of the log; `recovered` tells whether nothing is missing since the asked position.
  case history(ReplyTicket, [LogEntry], Position, recovered: Bool?)
  /// Messages may have been missed in a room that keeps no history.
  case gap(RoomName)
  /// Messages were missed that cannot be had any more; delivery goes on behind the position.
  case reset(RoomName, Position)
  /// Presence events may have been missed.
  case presenceReset(RoomName)
  /// A room's size and newest position.
  case described(ReplyTicket, members: Int, Position?)
  /// A room's log was dropped.
  case cleared(ReplyTicket)
  /// A question to this node, to be answered with `answer`. Comes to shard 0.
  case asked(QuestionID, [UInt8])
  /// The answers to a question of this node.
  case answered(ReplyTicket, ClusterAnswers)
  /// The nodes of the cluster, by id, and the ids of those that cannot be seen just now.
  case nodes(ReplyTicket, [NodeListing], missing: [String])
  /// What was taken back is remembered.
  case revoked(ReplyTicket)
  /// A part of what the cluster remembers as taken back, for every shard; the last part says so.
  case revocations([RevocationRecord], isLast: Bool)
  /// A connection that was counted is the n-th of its user or address in the cluster, from 1 on.
  case counted(CountKey.Kind, ConnectionID, place: Int)
  /// What another node tells. Comes to shard 0.
  case told([UInt8])
  /// What became of a ticket.
  case claimed(ReplyTicket, TicketOutcome)
  /// What tickets are made with from now on, for every shard.
  case resumption(ResumptionTerms)
  /// A command was not carried out; `room` is that of a join.
  case failed(ReplyTicket, RoomName?, BackplaneFailure)

  /// The ticket that an answer carries; nil for what nobody asked for.
  public var ticket: ReplyTicket? {
    switch self {
    case .published(let ticket, _), .joined(let ticket, _, _), .replayed(let ticket, _, _),
      .presence(let ticket, _, _), .history(let ticket, _, _, _), .described(let ticket, _, _),
      .cleared(let ticket), .answered(let ticket, _), .nodes(let ticket, _, _),
      .revoked(let ticket), .claimed(let ticket, _),
      .failed(let ticket, _, _):
      ticket
    case .envelope, .memberJoined, .memberLeft, .memberCount, .gap, .reset, .presenceReset, .asked,
      .revocations, .counted, .told, .resumption:
      nil
    }
  }
}
