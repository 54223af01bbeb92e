// The table of settings: the rules of a namespace.

import RoostRooms

extension Setting {
  /// Words for who may do a thing.
  private static func permission(_ permissions: Permission...) -> SettingKind {
    .word(permissions.map(\.rawValue), later: [:])
  }

  /// The settings of ``RoomPolicy``, each below `namespaces.NAME`.
  static let namespace: [Setting] = [
    namespace(
      "join", permission(.nobody, .anyone, .authenticated, .token, .owner), .word(\.join),
      "Who may join a room; nobody leaves it to the server API."),
    namespace(
      "publish", permission(.nobody, .anyone, .authenticated, .member, .token, .owner),
      .word(\.publish),
      "Who may publish into a room."),
    namespace(
      "presence", .boolean, .boolean(\.presence),
      "Whether rooms know their members by name."),
    namespace(
      "presence_events", .boolean, .boolean(\.presenceEvents),
      "Whether members are told who joins and leaves; needs presence."),
    namespace(
      "read_presence", permission(.nobody, .anyone, .authenticated, .member, .token, .owner),
      .word(\.readPresence),
      "Who may ask for a room's members; has an effect with presence only."),
    namespace(
      "history.messages", .integer(1...1_000_000, zero: "off"), .integer(\.history.messages),
      "Messages that a room keeps; 100 where history is configured without it."),
    namespace(
      "history.seconds", .seconds(.milliseconds(100) ... .seconds(31_536_000), zero: "off"),
      .seconds(\.history.lifetime),
      "Seconds for which a room keeps a message; 300 where history is configured without it."),
    namespace(
      "history.bytes", .integer(1024...1_073_741_824, zero: nil), .integer(\.history.bytes),
      "Bytes of messages that a room keeps."),
    namespace(
      "read_history", permission(.nobody, .anyone, .authenticated, .member, .token, .owner),
      .word(\.readHistory),
      "Who may read a room's history; has an effect with history only."),
    namespace(
      "members", .integer(1...10_000_000, zero: "no limit"), .integer(\.membersMax),
      "Members that a room may have."),
    namespace(
      "message_bytes", .integer(1...33_554_432, zero: "what the node takes"),
      .integer(\.messageBytesMax),
      "Bytes of data of one message; at most limits.message_bytes."),
    namespace(
      "messages_per_second", .integer(1...1_000_000, zero: "no limit of its own"),
      .integer(\.messagesPerSecond),
      "Publishes a second of one connection into the namespace's rooms."),
    namespace(
      "slow_consumer",
      .word(SlowConsumerPolicy.allCases.map(\.rawValue), later: [:]), .word(\.slowConsumer),
      "What happens to a member that reads too slowly; recover needs history."),
    namespace(
      "sender", .boolean, .boolean(\.showsSender),
      "Whether messages say who published them."),
    namespace(
      "time", .boolean, .boolean(\.showsTime),
      "Whether messages say when they were published."),
    namespace(
      "send", permission(.nobody, .anyone, .authenticated), .word(\.send),
      "Who may send to users and connections directly; set in the namespace user only."),
  ]
}
