// Runs one scenario of the table against the machine: time by hand, a token provider that answers before
// the next step, and no socket.

import RoostClient
import RoostCrypto
import RoostEventLoop
import RoostJSON
import RoostRooms

/// Why a scenario failed.
struct BehaviourFailure: Error, CustomStringConvertible {
  let description: String
}

/// One scenario under way.
struct Behaviour {
  private enum Sent {
    case object(PlainJSON)
    case binary([UInt8])
  }

  /// A request that a step has looked at.
  private struct Request {
    let id: PlainJSON?
    let link: ClientLink
  }

  private var machine: ClientMachine
  private var now = MonotonicInstant(nanoseconds: 1_000_000_000)
  private let answers: [PlainJSON]
  private var asked = 0
  private var lastQuestion: UInt64 = 0
  private var place = ""
  private var names: [String: PlainJSON] = [:]

  // What the machine did that no step has looked at.
  private var dials: [PlainJSON] = []
  private var hangUps: [(link: ClientLink, code: UInt16?)] = []
  private var sent: [(what: Sent, link: ClientLink)] = []
  private var events: [PlainJSON] = []

  /// Connections that live, in the order of the dials.
  private var links: [ClientLink] = []
  private var lastRequest = Request(id: nil, link: 0)
  private var requests: [String: Request] = [:]
  private var outcomes: [CallTicket: Result<PlainJSON, ClientFailure>] = [:]
  private var tickets: [String: CallTicket] = [:]
  private var nextTicket: CallTicket = 1

  /// Runs a scenario; false when it is not for this client.
  static func run(_ scenario: PlainJSON) throws -> Bool {
    guard scenario["only"]?.string != "js" else { return false }
    var run = Behaviour(scenario)
    for (place, step) in (scenario["steps"]?.elements ?? []).enumerated() {
      run.place = "step \(place + 1), \(step.text)"
      try run.take(step)
    }
    return true
  }

  private init(_ scenario: PlainJSON) {
    var fraction = 0.0
    if case .number(let value) = scenario["random"] { fraction = value }
    let keys = Lock(0)
    let random = fraction
    let token = scenario["options"]?["token"]
    answers = token?.elements ?? []
    machine = ClientMachine(
      ClientMachineOptions(hasTokenProvider: token != nil),
      ClientRandomness(
        fraction: { random },
        key: {
          keys.withLock {
            $0 += 1
            return "key-\($0)"
          }
        }))
  }

  // MARK: Steps

  private mutating func take(_ step: PlainJSON) throws {
    if let what = step["do"]?.string {
      try perform(what, step)
    } else if let count = step["repeat"]?.integer {
      for _ in 0..<count { for inner in step["steps"]?.elements ?? [] { try take(inner) } }
    } else if let time = step["advance"]?.integer {
      advance(time)
    } else if let time = step["late"]?.integer {
      now = now.advanced(by: .milliseconds(time))
      machine.fire(now: now)
      settle()
    } else if let answer = step["provide"]?.string {
      machine.tokenArrived(request: lastQuestion, Self.result(answer), now: now)
      settle()
    } else if step["wallclock"] == nil {
      if try !happen(step) { try look(step) }
    }
  }

  /// The connection that a step names by its dial; else the newest that lives.
  private func link(_ step: PlainJSON) throws -> ClientLink {
    guard let number = step["socket"]?.integer else { return links.last ?? 0 }
    let link = ClientLink(number)
    try expect(links.contains(link), "there is no such socket")
    return link
  }

  /// What comes from the server; false when this is another step.
  private mutating func happen(_ step: PlainJSON) throws -> Bool {
    let link = try link(step)
    if step["open"] != nil {
      // Nothing is to be done before the first message.
    } else if let refusal = step["refuse"] {
      links.removeAll { $0 == link }
      machine.refused(
        link, status: refusal["status"]?.integer ?? 0,
        retryAfter: refusal["retry_after"]?.integer.map { .seconds($0) }, now: now)
    } else if step["lost"] != nil {
      links.removeAll { $0 == link }
      machine.closed(link, code: 1006, reason: "", now: now)
    } else if let close = step["closed"] {
      links.removeAll { $0 == link }
      machine.closed(
        link, code: UInt16(close["code"]?.integer ?? 0), reason: close["reason"]?.string ?? "",
        now: now)
    } else if let object = step["receive"] {
      receive(object, on: link)
    } else if let object = step["reply"] {
      let request = step["to"]?.string.flatMap { requests[$0] } ?? lastRequest
      receive(object.with("id", request.id), on: step["socket"] == nil ? request.link : link)
    } else if let text = step["receive_binary"]?.string {
      let bytes = try decoded(text)
      machine.received(link, binary: bytes.span, now: now)
    } else {
      return false
    }
    settle()
    return true
  }

  private mutating func receive(_ object: PlainJSON, on link: ClientLink) {
    let text = Array(object.text.utf8)
    machine.received(link, text: text.span, now: now)
  }

  private mutating func advance(_ milliseconds: Int) {
    let end = now.advanced(by: .milliseconds(milliseconds))
    while let deadline = machine.nextDeadline, deadline <= end {
      now = max(now, deadline)
      machine.fire(now: now)
      settle()
    }
    now = end
  }

  private mutating func perform(_ what: String, _ step: PlainJSON) throws {
    guard let room = RoomName(text: step["room"]?.string ?? "none") else {
      throw failure("no name of a room")
    }
    let data = try step["data"].map { try JSONValue(text: $0.text) } ?? .null
    let since = step["since"].map {
      RoomPosition(
        epoch: $0["epoch"]?.string ?? "", offset: UInt64($0["offset"]?.integer ?? 0))
    }
    let limit = step["limit"]?.integer
    switch what {
    case "connect": machine.connect(now: now)
    case "close": machine.close(now: now)
    case "join": machine.join(room, ticket: nil, now: now)
    case "leave": machine.leave(room, now: now)
    case "publish": call(step, .publish(room: room, data: data, key: step["key"]?.string))
    case "publish_binary":
      call(step, .publishBinary(room: room, bytes: try decoded(step["data"]?.string ?? "")))
    case "send":
      let user = step["to"]?["user"]?.string
      let target = SendTarget.connection(step["to"]?["connection"]?.string ?? "")
      call(step, .send(to: user.map { .user($0) } ?? target, data: data))
    case "presence":
      let after = step["after"]?.integer.map { UInt64($0) }
      call(step, .presence(room: room, limit: limit, after: after))
    case "history":
      let reverse = step["reverse"]?.bool ?? false
      call(step, .history(room: room, since: since, limit: limit, reverse: reverse))
    default: throw failure("an unknown call")
    }
    settle()
  }

  private mutating func call(_ step: PlainJSON, _ call: ClientCall) {
    if let name = step["as"]?.string { tickets[name] = nextTicket }
    machine.call(call, ticket: nextTicket, timeout: nil, now: now)
    nextTicket += 1
  }

  // MARK: Looking

  private mutating func look(_ step: PlainJSON) throws {
    if let wanted = step["dial"] {
      try expect(dials == [wanted], "dials: \(dials.map(\.text))")
      dials = []
    } else if step["nodial"] != nil {
      try expect(dials.isEmpty, "dials: \(dials.map(\.text))")
    } else if let wanted = step["hangup"] {
      let isWanted =
        hangUps.count == 1
        && hangUps.allSatisfy { hangUp in
          let isLink = wanted["socket"].map { $0.integer == Int(hangUp.link) } ?? true
          return isLink && (wanted["code"].map { $0.integer == hangUp.code.map(Int.init) } ?? true)
        }
      try expect(isWanted, "let go: \(hangUps)")
      hangUps = []
    } else if let wanted = step["sent"] {
      try lookAtSent(wanted, step)
    } else if let wanted = step["sent_binary"]?.string {
      let link = step["socket"]?.integer
      guard case .binary(let bytes)? = sent.first?.what,
        link == nil || link == sent.first.map({ Int($0.link) })
      else { throw failure("sent: \(sent)") }
      sent.removeFirst()
      try expect(try decoded(wanted) == bytes, "sent: \(bytes)")
    } else if let wanted = step["event"] {
      guard wanted != .null else {
        return try expect(events.isEmpty, "events: \(events.map(\.text))")
      }
      guard let event = events.first else { throw failure("no event") }
      events.removeFirst()
      // A reason of a wait is not in the table.
      try expect(event.matches(wanted, &names), "event: \(event.text)")
    } else if let name = step["outcome"]?.string {
      try lookAtOutcome(name, step)
    } else if let leaks = step["leaks"] {
      let figures =
        "\(machine.timerCount) timers, \(machine.socketCount) sockets, \(machine.waitingCount) calls"
      try expect(
        machine.timerCount <= leaks["timers"]?.integer ?? 0
          && machine.socketCount == leaks["sockets"]?.integer
          && machine.waitingCount == leaks["waiting"]?.integer, figures)
    } else {
      throw failure("an unknown step")
    }
  }

  private mutating func lookAtSent(_ wanted: PlainJSON, _ step: PlainJSON) throws {
    guard wanted != .null else { return try expect(sent.isEmpty, "sent: \(sent)") }
    guard let (what, link) = sent.first, case .object(let object) = what else {
      throw failure("sent: \(sent)")
    }
    sent.removeFirst()
    lastRequest = Request(id: object["id"], link: link)
    if let name = step["as"]?.string { requests[name] = lastRequest }
    try expect(object.without("id").matches(wanted, &names), "sent: \(object.text)")
    if let number = step["socket"]?.integer { try expect(number == Int(link), "over \(link)") }
  }

  private mutating func lookAtOutcome(_ name: String, _ step: PlainJSON) throws {
    let outcome = tickets[name].flatMap { outcomes[$0] }
    switch outcome {
    case nil: try expect(step["pending"] != nil, "pending")
    case .success(let answer)?:
      let fields = answer.without("type", "id")
      guard let wanted = step["ok"] else { throw failure(fields.text) }
      try expect(fields.matches(wanted, &names), fields.text)
    case .failure(let failure)?:
      try expect(step["error"]?.string == failure.code, "\(failure)")
    }
  }

  private func failure(_ description: String) -> BehaviourFailure {
    BehaviourFailure(description: "\(place): \(description)")
  }

  private func expect(_ condition: Bool, _ description: String) throws {
    guard condition else { throw failure(description) }
  }

  // MARK: Actions

  private mutating func settle() {
    while true {
      let actions = machine.takeActions()
      guard !actions.isEmpty else { return }
      for action in actions { take(action) }
    }
  }

  private mutating func take(_ action: ClientAction) {
    switch action {
    case .askToken(let request):
      let answer = answers.isEmpty ? nil : answers[min(asked, answers.count - 1)].string
      asked += 1
      lastQuestion = request
      guard answer != "later" else { return }
      machine.tokenArrived(request: request, Self.result(answer ?? "fail"), now: now)
    case .dial(let link, let token, let ticket):
      links.append(link)
      let offer = PlainJSON.object(["token": token.map { .string($0) } ?? .null])
      dials.append(offer.with("ticket", ticket.map { .string($0) }))
    case .sendText(let text, let link):
      let object = try? PlainJSON(text)
      sent.append((object.map { .object($0) } ?? .binary(text), link))
    case .sendBinary(let bytes, let link): sent.append((.binary(bytes), link))
    case .hangUp(let link, let code):
      links.removeAll { $0 == link }
      hangUps.append((link, code))
    case .event(let event): events.append(Self.plain(event))
    case .roomEvent(let room, let event):
      events.append(Self.plain(.room(room.description, event)))
    case .outcome(let ticket, let result):
      precondition(outcomes[ticket] == nil, "two outcomes of call \(ticket)")
      outcomes[ticket] = result.map { (try? PlainJSON($0.bytes)) ?? .null }
    }
  }

  private static func result(_ answer: String) -> Result<String, TokenFailure> {
    switch answer {
    case "fail": .failure(.again("no"))
    case "final": .failure(.final("no more"))
    default: .success(answer)
    }
  }

  private func decoded(_ text: String) throws -> [UInt8] {
    let letters = Array(text.utf8)
    guard let bytes = Base64.decode(letters.span) else { throw failure("not base64: \(text)") }
    return bytes
  }
}
