// Commands on their way to Redis, and what each reply is for: replies come in the order of commands.

import RoostRooms

/// What the reply to a command is for.
enum PendingReply {
  /// Nobody waits; an error is counted.
  case nothing
  /// One PUBLISH for these tickets.
  case plain([ReplyTicket])
  /// The publish script; the items are in the room's box.
  case script(RedisRoom)
  case enter(RedisRoom, join: UInt64)
  case leave(RedisRoom)
  case register(RedisRoom)
  /// The room was put into the incarnation's set, or its number of members was written.
  case written(RedisRoom)
  case repair(RedisRoom, after: Position)
  case page(RedisRoom, ReplyTicket, after: Position)
  case presence(ReplyTicket, RoomName)
  case history(RedisHistoryQuestion)
  case describe(ReplyTicket, RoomName, policy: Int32)
  case clear(ReplyTicket, RoomName)
  case compare([Comparison])

  case loadScript
  case serverInformation
  case replicationInformation
  case selfTest
  /// The number by which Redis knows this link.
  case linkNumber
  /// An earlier link's end.
  case linkEnd(Int64)
  case takeName
  case probe(sequence: UInt64)
  case renewLease
  case renewName
  case nodeTable
  case lease(String)
  case reapRooms(String)
  case reap(String, room: [UInt8], isLast: Bool)
  case announcementAge(String)
  case announcements([String])
  case streamEnd
  case stream
  case question(UInt64)
  case revoked(ReplyTicket?)
  case revocations(reading: UInt64)
  case counted(CountKey, Int, [UnplacedConnection])
  case ticketSecret
  case claim(TicketClaim, ReplyTicket)
}

/// The commands of one link.
struct RedisPipe: ~Copyable {
  private struct Entry {
    let reply: PendingReply
    let since: Duration
  }

  /// Bytes that were not handed to the link yet.
  var output: [UInt8] = []
  private var entries: [Entry] = []
  private var head = 0

  /// Commands without a reply.
  var count: Int { entries.count - head }

  /// When the oldest of them was written.
  var oldest: Duration? { count > 0 ? entries[head].since : nil }

  /// Begins a command of so many arguments; they follow with `add`.
  mutating func begin(_ arguments: Int, _ reply: PendingReply, at now: Duration) {
    entries.append(Entry(reply: reply, since: now))
    RedisCommandWriter.begin(arguments, to: &output)
  }

  mutating func add(_ argument: StaticString) {
    RedisCommandWriter.argument(argument, to: &output)
  }

  mutating func add(_ argument: [UInt8]) {
    RedisCommandWriter.argument(argument, to: &output)
  }

  mutating func add(_ argument: String) {
    RedisCommandWriter.argument(text: argument, to: &output)
  }

  mutating func add(_ number: Int) { RedisCommandWriter.argument(number, to: &output) }

  mutating func add(_ number: UInt64) { RedisCommandWriter.argument(number, to: &output) }

  /// Begins a call of a script; keys and arguments follow.
  mutating func call(
    _ script: RedisScript, keys: Int, arguments: Int, _ reply: PendingReply, at now: Duration
  ) {
    begin(3 + keys + arguments, reply, at: now)
    add("EVALSHA")
    add(script.digest)
    add(keys)
  }

  /// What the reply that has come now is for; nil when none was awaited.
  mutating func take() -> (reply: PendingReply, since: Duration)? {
    guard head < entries.count else { return nil }
    let entry = entries[head]
    head += 1
    if head == entries.count {
      entries.removeAll(keepingCapacity: entries.count <= 4096)
      head = 0
    } else if head > 1024, head * 2 > entries.count {
      entries.removeFirst(head)
      head = 0
    }
    return (entry.reply, entry.since)
  }

  /// Forgets everything: the link is gone.
  ///
  /// Returns what had been awaited.
  mutating func reset() -> [PendingReply] {
    let lost = entries[head...].map(\.reply)
    entries = []
    head = 0
    output = []
    return lost
  }
}
