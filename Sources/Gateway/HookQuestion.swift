// What the callback is asked and what it answers: JSON both ways.

import Auth
import Fetch
import RoostEventLoop
import RoostJSON
import RoostRooms

/// What is to be decided.
enum HookAct: Sendable {
  case connect
  case join(RoomName)
  case publish(RoomName, RoostRooms.Payload)

  var event: HookEvent {
    switch self {
    case .connect: .connect
    case .join: .join
    case .publish: .publish
    }
  }
}

/// Whose question it is: a connection that may be gone when the answer comes.
struct HookTicket: Sendable, Equatable {
  let shard: Int
  /// The connection's packed token.
  let slot: UInt64
  /// Which of the shard's questions.
  let number: UInt64
}

/// A question on its way to the callback.
struct HookQuestion: Sendable {
  let ticket: HookTicket
  let act: HookAct
  let connection: ConnectionID
  let user: String?
  let address: SocketAddress

  /// The body of the request.
  func json(node: String) -> [UInt8] {
    var output: [UInt8] = []
    output.append(contentsOf: "{\"event\":\"\(act.event.rawValue)\",\"node\":".utf8)
    JSONWriter.appendString(node, to: &output)
    WebhookEvent.append(connection, user, to: &output)
    output.append(contentsOf: ",\"address\":\"\(address.hostText)\"".utf8)
    switch act {
    case .connect: break
    case .join(let room): append(room, to: &output)
    case .publish(let room, let payload):
      append(room, to: &output)
      switch payload {
      case .json(let data):
        output.append(contentsOf: ",\"data\":".utf8)
        output.append(contentsOf: data)
      case .binary(let bytes):
        output.append(contentsOf: ",\"binary\":".utf8)
        JSONWriter.appendBase64(bytes.span, to: &output)
      }
    }
    output.append(UInt8(ascii: "}"))
    return output
  }

  private func append(_ room: RoomName, to output: inout [UInt8]) {
    output.append(contentsOf: ",\"room\":".utf8)
    JSONWriter.appendString(room.bytes.span, to: &output)
  }
}

/// What the callback adds to a connection that it lets in.
struct HookAddition: Sendable, Equatable {
  /// Who the connection is, where nothing else says so.
  var user: String?
  /// What others see about it, JSON text.
  var info: [UInt8]?

  static let none = HookAddition()
}

/// What a question came to.
enum HookDecision: Sendable, Equatable {
  /// It may be done.
  case allowed(HookAddition)
  /// It may not, and why, if the callback says so.
  case denied(String?)
  /// Nobody has decided; it is not done, and may be asked again after this time.
  case undecided(Duration)
}

/// What the callback answered.
enum HookReading: Sendable, Equatable {
  case allowed(HookAddition)
  case denied(String?)
  /// No answer, or none that says anything; for the log.
  case failed(String)

  /// The largest answer.
  static let bytesMax = 16_384
  static let reasonBytesMax = 200
  static let infoBytesMax = 1024

  /// Reads what came: status 200 and an object with `allow`; everything else is a failure.
  init(_ outcome: FetchOutcome) {
    switch outcome {
    case .failed(let failure): self = .failed(failure.description)
    case .response(let response):
      guard response.status == 200 else {
        self = .failed("the callback answered with status \(response.status)")
        return
      }
      self.init(body: response.body)
    }
  }

  init(body: [UInt8]) {
    guard let fields = JSONFields(body, depthMax: 16), fields.has("allow") else {
      self = .failed("the callback's answer is no JSON object with `allow`")
      return
    }
    guard fields.isTrue("allow") else {
      self = .denied(fields.string("reason", bytesMax: Self.reasonBytesMax))
      return
    }
    var addition = HookAddition.none
    if fields.has("user") {
      let user = fields.string("user", bytesMax: Identity.userBytesMax)
      guard let user, Identity.isValidUser(Array(user.utf8)) else {
        self = .failed("the callback's `user` is no user's name")
        return
      }
      addition.user = user
    }
    if let info = fields.raw("info") {
      guard info.count <= Self.infoBytesMax else {
        self = .failed("the callback's `info` is longer than \(Self.infoBytesMax) bytes")
        return
      }
      addition.info = info
    }
    self = .allowed(addition)
  }
}
