// One client on its loop's thread: the machine decides, the driver carries out.

import RoostCrypto
import RoostEventLoop
import RoostRooms
import RoostWebSocket

/// A client's machine with its connection and its application.
///
/// Owner: the loop's thread.
final class ClientDriver {
  let hub: ClientHub
  private let plan: DialPlan
  private let gear: ClientGear
  private var machine: ClientMachine
  /// Connections that the machine has not let go of: one, or two while it moves.
  private var transports: [ClientLink: ClientTransport] = [:]
  private var rooms: [RoomName: EventBuffer<RoomEvent>] = [:]
  private var phase = ClientState.idle
  private var asking: Task<Void, Never>?
  /// When the loop looks at this client next.
  private var scheduled = MonotonicInstant.distantFuture

  init(_ hub: ClientHub, _ plan: DialPlan, _ options: ClientMachineOptions, _ gear: ClientGear) {
    self.hub = hub
    self.plan = plan
    self.gear = gear
    machine = ClientMachine(
      options,
      ClientRandomness(
        fraction: { Double(RandomBytes.uint64() >> 11) / Double(1 << 53) },
        key: {
          String(RandomBytes.uint64(), radix: 36) + String(RandomBytes.uint64(), radix: 36)
        }))
  }

  // MARK: Letters

  /// The application asks for something.
  func take(_ letter: ClientLetter, _ now: MonotonicInstant) {
    switch letter {
    case .connect:
      hub.connectTaken()
      machine.connect(now: now)
      settle(now)
      hub.follow(phase)
    case .close: machine.close(now: now)
    case .join(_, let room, let ticket, let buffer):
      rooms[room] = buffer
      machine.join(room, ticket: ticket, now: now)
    case .cancelJoin(_, let room, let ticket):
      machine.cancelJoin(room, ticket: ticket, now: now)
      if !machine.wishes(room) { endRoom(room) }
    case .leave(_, let room):
      machine.leave(room, now: now)
      endRoom(room)
    case .caughtUp(_, let room): machine.caughtUp(room, now: now)
    case .call(_, let call, let ticket, let timeout):
      machine.call(call, ticket: ticket, timeout: timeout, now: now)
    case .cancel(_, let ticket): machine.cancel(ticket, now: now)
    case .token(_, let request, let result):
      asking = nil
      machine.tokenArrived(request: request, result, now: now)
    case .add, .remove, .stop: preconditionFailure("a letter for the loop")
    }
    settle(now)
  }

  /// The application has let go of the client.
  func remove(_ now: MonotonicInstant) {
    machine.close(now: now)
    settle(now)
    asking?.cancel()
    hub.end()
  }

  /// The loop looks at this client, as it was asked to or not.
  func expire(_ now: MonotonicInstant) {
    // An earlier entry took this one's place; every one that is looked at makes a new one.
    guard now >= scheduled else { return }
    scheduled = .distantFuture
    if let deadline = machine.nextDeadline, deadline <= now { machine.fire(now: now) }
    settle(now)
  }

  // MARK: The connection

  func received(
    _ link: ClientLink, _ kind: MessageKind, _ message: borrowing Span<UInt8>,
    _ now: MonotonicInstant
  ) {
    switch kind {
    case .text: machine.received(link, text: message, now: now)
    case .binary: machine.received(link, binary: message, now: now)
    }
    settle(now)
  }

  func heard(_ link: ClientLink, _ now: MonotonicInstant) { machine.heard(link, now: now) }

  func refused(
    _ link: ClientLink, status: Int, retryAfter: Duration?, _ now: MonotonicInstant
  ) {
    transports[link] = nil
    machine.refused(link, status: status, retryAfter: retryAfter, now: now)
    settle(now)
  }

  func ended(_ link: ClientLink, code: UInt16, reason: String, _ now: MonotonicInstant) {
    transports[link] = nil
    machine.closed(link, code: code, reason: reason, now: now)
    settle(now)
  }

  // MARK: Actions

  private func settle(_ now: MonotonicInstant) {
    while true {
      let actions = machine.takeActions()
      if actions.isEmpty { break }
      for action in actions { carryOut(action, now) }
    }
    guard let deadline = machine.nextDeadline else { return }
    // The wheel gives later ones out too early, where they would pass for old ones.
    let look = min(deadline, now.advanced(by: .seconds(60)))
    guard look < scheduled else { return }
    scheduled = look
    gear.schedule(hub.client, at: look)
  }

  private func carryOut(_ action: ClientAction, _ now: MonotonicInstant) {
    switch action {
    case .askToken(let request): ask(request)
    case .dial(let link, let token, let ticket):
      let made = ClientTransport(plan, link, bearer: token, ticket: ticket, self, gear, now: now)
      gear.transports[made.token] = made
      transports[link] = made
      made.begin(now)
    case .sendText(let text, let link): transports[link]?.send(.text, text.span)
    case .sendBinary(let bytes, let link): transports[link]?.send(.binary, bytes.span)
    case .hangUp(let link, let code):
      let old = transports.removeValue(forKey: link)
      old?.hangUp(code: code, now)
    case .event(let event): tell(event)
    case .roomEvent(let room, let event): tell(room, event)
    case .outcome(let ticket, let result): hub.finish(ticket, result)
    }
  }

  private func ask(_ request: UInt64) {
    guard let provider = hub.provider else { return }
    let hub = hub
    asking = Task {
      let result: Result<String, TokenFailure>
      do {
        result = .success(try await provider())
      } catch let failure as TokenFailure {
        result = .failure(failure)
      } catch {
        result = .failure(.again("\(error)"))
      }
      hub.post(.token(client: hub.client, request: request, result))
    }
  }

  private func tell(_ event: ClientEvent) {
    switch event {
    case .connecting: phase = .connecting
    case .open(let session): phase = .open(session)
    case .moved(let session):
      // It was open all the time, and nobody waits for that.
      phase = .open(session)
    case .waiting: phase = .waiting
    case .closed(let code, let reason):
      phase = .closed(code: code, reason: reason)
      for room in rooms.keys where !machine.wishes(room) { endRoom(room) }
    default: return hub.events.pushDroppingOldest(event)
    }
    if phase == .connecting { hub.follow(phase) }
    hub.events.pushDroppingOldest(event)
    hub.follow(phase)
  }

  private func tell(_ room: RoomName, _ event: RoomEvent) {
    guard let buffer = rooms[room] else {
      return hub.events.pushDroppingOldest(.room(room.description, event))
    }
    switch event {
    case .failed, .removed:
      _ = buffer.push(event, isSmall: true)
      endRoom(room)
    case .entered, .gap, .reset, .presenceReset, .added:
      if !buffer.push(event, isSmall: true) { machine.overflowed(room) }
    case .message, .joined, .left, .members:
      if !buffer.push(event, isSmall: false) { machine.overflowed(room) }
    }
  }

  private func endRoom(_ room: RoomName) {
    rooms[room] = nil
    hub.endRoom(room)
  }
}
