// The server's answers to calls, with types.

import RoostCrypto
import RoostJSON

/// What became of a publish.
public struct PublishReceipt: Hashable, Sendable {
  /// The message's place in the room's log; nil in a room without history.
  public let position: RoomPosition?

  init(_ answer: JSONValue) {
    position = answer.position
  }
}

/// What became of a send.
public struct SendReceipt: Hashable, Sendable {
  /// Connections that it was queued for.
  public let delivered: Int
  /// False when a node of the cluster has not said how many.
  public let isComplete: Bool

  init(_ answer: JSONValue) {
    delivered = answer["delivered"]?.integer ?? 0
    isComplete = answer["complete"]?.bool ?? true
  }
}

/// Messages of a room's log.
public struct RoomHistory: Hashable, Sendable {
  /// The messages, oldest first unless asked for otherwise.
  public let messages: [RoomMessage]
  /// The room's newest position.
  public let newest: RoomPosition
  /// Whether nothing is missing behind the position that was asked for; nil when none was.
  public let isRecovered: Bool?

  init(_ answer: JSONValue) throws(ClientFailure) {
    guard let messages = answer["messages"]?.elements, let newest = answer.position else {
      throw .answer("the answer to history has no messages or no position")
    }
    self.messages = messages.map(\.message)
    self.newest = newest
    isRecovered = answer["recovered"]?.bool
  }
}

/// Members of a room.
public struct RoomPresence: Hashable, Sendable {
  /// The members in the order in which they came.
  public let members: [ClientMember]
  /// For the next page; nil when there is none.
  public let next: UInt64?

  init(_ answer: JSONValue) throws(ClientFailure) {
    guard let members = answer["members"]?.elements else {
      throw .answer("the answer to presence has no members")
    }
    self.members = members.map(\.member)
    next = answer["next"]?.integer.flatMap { UInt64(exactly: $0) }
  }
}

extension JSONValue {
  var position: RoomPosition? {
    guard let epoch = self["epoch"]?.string, let offset = self["offset"]?.integer, offset >= 0
    else { return nil }
    return RoomPosition(epoch: epoch, offset: UInt64(offset))
  }

  fileprivate var member: ClientMember {
    ClientMember(
      connection: self["connection"]?.string ?? "", user: self["user"]?.string, info: self["info"])
  }

  /// A message of a history; opaque bytes stand in it as base64.
  fileprivate var message: RoomMessage {
    let data = self["data"] ?? .null
    var content = RoomMessage.Content.json(data)
    if data.keys == ["binary"], let text = data["binary"]?.string {
      let letters = Array(text.utf8)
      if let bytes = Base64.decode(letters.span) { content = .binary(bytes) }
    }
    return RoomMessage(
      content, offset: self["offset"]?.integer.flatMap { UInt64(exactly: $0) },
      sender: self["from"]?.member, wallMilliseconds: self["time"]?.integer)
  }
}
