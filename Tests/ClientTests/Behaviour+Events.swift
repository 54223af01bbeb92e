// Events as the table writes them.

import RoostClient
import RoostCrypto
import RoostEventLoop

extension Behaviour {
  static func plain(_ event: ClientEvent) -> PlainJSON {
    switch event {
    case .connecting: state("connecting")
    case .open: state("open")
    case .waiting(let pause, let code, _):
      state("waiting").with("retry_in_ms", .number(Double(pause.millisecondsClamped)))
        .with("code", code.map { .number(Double($0)) })
    case .closed(let code, let reason):
      state("closed").with("code", .number(Double(code))).with("reason", .string(reason))
    case .draining(let time):
      named("draining").with("reconnect_after_ms", .number(Double(time.millisecondsClamped)))
    case .moved: named("moved")
    case .direct(let data, let sender):
      named("direct").with("data", try? PlainJSON(data.bytes)).with("from", sender.map(plain))
    case .error(let code, let message):
      named("error").with("code", .string(code)).with("message", .string(message))
    case .room(let room, let event): plain(event).with("room", .string(room))
    case .dropped: named("dropped")
    }
  }

  private static func plain(_ event: RoomEvent) -> PlainJSON {
    switch event {
    case .entered(let members, let recovered):
      named("room").with("state", .string("joined"))
        .with("members", members.map { .number(Double($0)) })
        .with("recovered", recovered.map { .bool($0) })
    case .failed(let code):
      named("room").with("state", .string("failed")).with("error", .string(code))
    case .added: named("added")
    case .removed(let code): named("removed").with("code", .number(Double(code)))
    case .message(let message): plain(message)
    case .joined(let member): named("joined").with("member", plain(member))
    case .left(let member): named("left").with("member", plain(member))
    case .members(let count): named("members").with("count", .number(Double(count)))
    case .gap: named("gap")
    case .reset(let position):
      named("reset").with("epoch", .string(position.epoch))
        .with("offset", .number(Double(position.offset)))
    case .presenceReset: named("presence_reset")
    }
  }

  private static func plain(_ message: RoomMessage) -> PlainJSON {
    let kind: PlainJSON
    switch message.content {
    case .json(let value): kind = named("message").with("data", try? PlainJSON(value.bytes))
    case .binary(let bytes):
      let text = String(decoding: Base64.encode(bytes.span), as: UTF8.self)
      kind = named("binary").with("data", .string(text))
    }
    return kind.with("offset", message.offset.map { .number(Double($0)) })
      .with("from", message.sender.map(plain))
      .with("time", message.wallMilliseconds.map { .number(Double($0)) })
  }

  private static func plain(_ member: ClientMember) -> PlainJSON {
    PlainJSON.object(["connection": .string(member.connection)])
      .with("user", member.user.map { .string($0) })
      .with("info", member.info.flatMap { try? PlainJSON($0.bytes) })
  }

  private static func named(_ name: String) -> PlainJSON { .object(["event": .string(name)]) }

  private static func state(_ state: String) -> PlainJSON {
    named("state").with("state", .string(state))
  }
}
