// What servers say to a client's machine, hostile ones included, in between the calls of an application.
// Each line of the input is a step: its first byte says which.

import RoostClient
import RoostEventLoop
import RoostJSON
import RoostRooms

/// A machine and what has to hold for all that it does.
private struct FuzzedClient {
  var machine: ClientMachine
  var now = MonotonicInstant(nanoseconds: 1)
  var lastTicket: CallTicket = 0
  var ended: Set<CallTicket> = []
  /// Connections that live, in the order of the dials.
  var links: [ClientLink] = []
  let rooms: [RoomName]

  init(_ random: Pieces) {
    let numbers = Numbers(random)
    machine = ClientMachine(
      ClientMachineOptions(hasTokenProvider: true, callsMax: 50, callBytesMax: 10_000),
      ClientRandomness(fraction: { numbers.next() }, key: { "key" }))
    rooms = ["a", "chat:b", "log:ü"].compactMap { RoomName(text: $0) }
  }

  /// Numbers that depend on the input alone.
  private final class Numbers: Sendable {
    private let pieces: Lock<Pieces>
    init(_ pieces: Pieces) { self.pieces = Lock(pieces) }
    func next() -> Double { pieces.withLock { Double($0.next(upTo: 1000)) / 1001 } }
  }

  mutating func step(_ line: [UInt8]) {
    guard let kind = line.first else { return }
    let rest = Array(line.dropFirst())
    let room = rooms[rest.reduce(0) { ($0 + Int($1)) % rooms.count }]
    let (newest, oldest) = (links.last ?? 0, links.first ?? 0)
    switch kind {
    case UInt8(ascii: "{"): machine.received(newest, text: line.span, now: now)
    case UInt8(ascii: "<"): machine.received(oldest, text: rest.span, now: now)
    case UInt8(ascii: "#"): machine.received(newest, binary: rest.span, now: now)
    case UInt8(ascii: "="): machine.received(oldest, binary: rest.span, now: now)
    case UInt8(ascii: "c"): machine.connect(now: now)
    case UInt8(ascii: "x"): machine.close(now: now)
    case UInt8(ascii: "!"):
      let code = rest.reduce(UInt16(0)) { $0 &* 10 &+ UInt16($1) }
      links.removeAll { $0 == newest }
      machine.closed(newest, code: code, reason: "", now: now)
    case UInt8(ascii: ";"):
      links.removeAll { $0 == oldest }
      machine.closed(oldest, code: 1001, reason: "", now: now)
    case UInt8(ascii: "?"):
      let status = rest.reduce(0) { ($0 * 10 + Int($1)) % 1000 }
      links.removeAll { $0 == newest }
      machine.refused(newest, status: status, retryAfter: .seconds(rest.count), now: now)
    case UInt8(ascii: "j"):
      lastTicket += 1
      machine.join(room, ticket: lastTicket, now: now)
    case UInt8(ascii: "l"): machine.leave(room, now: now)
    case UInt8(ascii: "o"): machine.overflowed(room)
    case UInt8(ascii: "u"): machine.caughtUp(room, now: now)
    case UInt8(ascii: "-"): machine.cancel(lastTicket, now: now)
    case UInt8(ascii: "p"): call(.publish(room: room, data: JSONValue(rest.count), key: nil))
    case UInt8(ascii: "b"): call(.publishBinary(room: room, bytes: rest))
    case UInt8(ascii: "s"): call(.send(to: .user("u"), data: .null))
    case UInt8(ascii: "h"):
      call(.history(room: room, since: nil, limit: rest.count, reverse: false))
    case UInt8(ascii: "+"):
      now = now.advanced(by: .milliseconds(rest.reduce(1) { $0 + Int($1) * 16 }))
      machine.fire(now: now)
    default: return
    }
    settle()
  }

  private mutating func call(_ call: ClientCall) {
    lastTicket += 1
    machine.call(call, ticket: lastTicket, timeout: nil, now: now)
  }

  private mutating func settle() {
    carryOut()
    precondition(machine.waitingCount <= 50, "\(machine.waitingCount) calls wait")
    precondition(machine.timerCount <= 8)
    precondition(machine.socketCount == links.count && links.count <= 2, "\(links)")
    // Whatever is due is done: a machine that is always due would never let its loop sleep.
    machine.fire(now: now)
    carryOut()
    if let deadline = machine.nextDeadline {
      precondition(deadline > now, "\(deadline) is due at \(now)")
    }
  }

  private mutating func carryOut() {
    while true {
      let actions = machine.takeActions()
      if actions.isEmpty { return }
      for action in actions { check(action) }
    }
  }

  private mutating func check(_ action: ClientAction) {
    switch action {
    case .sendText(let text, let link):
      precondition(links.contains(link), "sent over \(link), which is gone")
      let scanner = JSONScanner(depthMax: 300)
      precondition((try? scanner.document(in: text.span)) != nil, "what is sent is no JSON")
    case .outcome(let ticket, _):
      precondition(ended.insert(ticket).inserted, "two outcomes of \(ticket)")
    case .askToken(let request):
      machine.tokenArrived(request: request, .success("t"), now: now)
    case .dial(let link, _, let ticket):
      precondition(link > links.last ?? 0, "dials are numbered in order")
      precondition(ticket?.utf8.count ?? 1 <= 600, "a ticket of any length")
      links.append(link)
    case .sendBinary(_, let link): precondition(links.contains(link))
    case .hangUp(let link, _):
      precondition(links.contains(link), "\(link) was let go twice")
      links.removeAll { $0 == link }
    case .event, .roomEvent: break
    }
  }
}

func fuzzClientObjects(_ input: borrowing Span<UInt8>) {
  var client = FuzzedClient(Pieces(for: input))
  var line: [UInt8] = []
  for index in input.indices {
    guard input[index] == UInt8(ascii: "\n") else {
      line.append(input[index])
      continue
    }
    client.step(line)
    line = []
  }
  client.step(line)
  client.step([UInt8(ascii: "x")])
  precondition(client.machine.waitingCount == 0, "a closed client has calls that wait")
  precondition(client.machine.nextDeadline == nil, "a closed client has timers")
}
