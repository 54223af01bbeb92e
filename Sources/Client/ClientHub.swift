// What the application's tasks and the loop's thread share of one client: who waits for what, and the
// buffers of events. Everything else belongs to one side.

import RoostEventLoop
import RoostRooms

/// What the application's side posts to the loop.
enum ClientLetter: Sendable {
  case add(ClientHub, DialPlan, ClientMachineOptions)
  case remove(client: UInt64)
  case connect(client: UInt64)
  case close(client: UInt64)
  case join(client: UInt64, RoomName, CallTicket, EventBuffer<RoomEvent>)
  case cancelJoin(client: UInt64, RoomName, CallTicket)
  case leave(client: UInt64, RoomName)
  case caughtUp(client: UInt64, RoomName)
  case call(client: UInt64, ClientCall, CallTicket, timeout: Duration?)
  case cancel(client: UInt64, CallTicket)
  case token(client: UInt64, request: UInt64, Result<String, TokenFailure>)
  case stop
}

/// The shared part of a client.
///
/// Any thread.
final class ClientHub: Sendable {
  typealias Answer = Result<JSONValue, ClientFailure>

  private enum Waiter {
    case waiting(CheckedContinuation<Answer, Never>)
    /// Cancelled before it waited.
    case cancelled
  }

  private struct State {
    var waiters: [CallTicket: Waiter] = [:]
    var nextTicket: CallTicket = 1
    var rooms: [RoomName: EventBuffer<RoomEvent>] = [:]
    var phase = ClientState.idle
    /// Requests for a connection that the loop has not seen.
    var connects = 0
    /// The application has asked for the end.
    var isClosing = false
    /// The loop has let go of the client.
    var hasEnded = false
    /// Who waits for the state to be open or closed.
    var opening: [CallTicket: CheckedContinuation<ClientState, Never>] = [:]
  }

  /// The client's number on its loop.
  let client: UInt64
  let events: EventBuffer<ClientEvent>
  let provider: ClientOptions.TokenProvider?
  private let state = Lock(State())
  private let mailbox: Mailbox<ClientLetter>
  private let roomEventsMax: Int

  init(client: UInt64, mailbox: Mailbox<ClientLetter>, _ options: ClientOptions) {
    self.client = client
    self.mailbox = mailbox
    provider = options.token
    roomEventsMax = max(options.roomEventsMax, 1)
    events = EventBuffer(
      countMax: max(options.clientEventsMax, 1), onDropped: { .dropped($0) })
  }

  /// Posts a letter; false when the loop has not kept up, or has stopped.
  @discardableResult
  func post(_ letter: ClientLetter) -> Bool { mailbox.post([letter]) == 1 }

  // MARK: Calls

  /// Waits for the outcome of something that a letter asks for; a cancelled task posts another one.
  func ask(
    _ letter: (CallTicket) -> ClientLetter,
    cancelledBy cancellation: @escaping @Sendable (CallTicket) -> ClientLetter
  ) async throws(ClientFailure) -> JSONValue {
    let ticket = state.withLock { state in
      defer { state.nextTicket += 1 }
      return state.nextTicket
    }
    let request = letter(ticket)
    let answer = await withTaskCancellationHandler {
      await withCheckedContinuation { (continuation: CheckedContinuation<Answer, Never>) in
        begin(ticket, continuation, request)
      }
    } onCancel: {
      let waiter = state.withLock { state -> Waiter? in
        let waiter = state.waiters[ticket]
        state.waiters[ticket] = .cancelled
        return waiter
      }
      guard case .waiting(let continuation)? = waiter else { return }
      post(cancellation(ticket))
      continuation.resume(returning: .failure(.cancelled))
    }
    state.withLock { $0.waiters[ticket] = nil }
    return try answer.get()
  }

  private func begin(
    _ ticket: CallTicket, _ continuation: CheckedContinuation<Answer, Never>,
    _ request: ClientLetter
  ) {
    let refusal = state.withLock { state -> ClientFailure? in
      guard state.waiters[ticket] == nil else { return .cancelled }
      guard !state.hasEnded else { return .closed }
      state.waiters[ticket] = .waiting(continuation)
      return nil
    }
    if let refusal { return continuation.resume(returning: .failure(refusal)) }
    if !post(request) { finish(ticket, .failure(.bufferFull)) }
  }

  /// A call has ended.
  func finish(_ ticket: CallTicket, _ answer: Answer) {
    let waiter = state.withLock { $0.waiters.removeValue(forKey: ticket) }
    guard case .waiting(let continuation)? = waiter else { return }
    continuation.resume(returning: answer)
  }

  // MARK: Rooms

  /// The buffer of a room's events, made at its first join.
  func buffer(of room: RoomName) -> EventBuffer<RoomEvent> {
    state.withLock { state in
      if let buffer = state.rooms[room] { return buffer }
      let buffer = EventBuffer<RoomEvent>(countMax: roomEventsMax) { [weak self] in
        guard let self else { return }
        post(.caughtUp(client: client, room))
      }
      state.rooms[room] = buffer
      return buffer
    }
  }

  /// The room's membership has ended, and so do its events.
  func endRoom(_ room: RoomName) {
    let buffer = state.withLock { $0.rooms.removeValue(forKey: room) }
    buffer?.end()
  }

  // MARK: State

  var phase: ClientState { state.withLock { $0.phase } }

  /// Keeps the state, and wakes who waits for it; sequences of events end with the client.
  func follow(_ phase: ClientState) {
    let (woken, rooms) = state.withLock { state in
      // The application has asked for a connection behind this.
      guard state.connects == 0 else {
        return ([CheckedContinuation<ClientState, Never>](), [EventBuffer<RoomEvent>]())
      }
      state.phase = phase
      let rooms = Array(state.rooms.values)
      guard phase.isSettled else { return ([], rooms) }
      let woken = Array(state.opening.values)
      state.opening = [:]
      return (woken, rooms)
    }
    for continuation in woken { continuation.resume(returning: phase) }
    switch phase {
    case .connecting:
      events.begin()
      for room in rooms { room.begin() }
    case .closed:
      guard state.withLock({ $0.connects == 0 }) else { return }
      events.end()
      for room in rooms { room.end() }
    case .idle, .open, .waiting: break
    }
  }

  /// The application asks for a connection: what the loop told before does not count any more.
  func connect() {
    let rooms = state.withLock { state in
      guard !state.hasEnded else { return [EventBuffer<RoomEvent>]() }
      state.connects += 1
      if state.isClosing || state.phase.isClosed { state.phase = .connecting }
      state.isClosing = false
      return Array(state.rooms.values)
    }
    events.begin()
    for room in rooms { room.begin() }
    post(.connect(client: client))
  }

  /// The loop has seen that the application asks for a connection.
  func connectTaken() { state.withLock { $0.connects -= 1 } }

  /// The application wants no more.
  func close() {
    state.withLock { $0.isClosing = true }
    post(.close(client: client))
  }

  /// Waits until the client is open or closed; nil when the task is cancelled.
  func settled() async -> ClientState? {
    let ticket = state.withLock { state in
      defer { state.nextTicket += 1 }
      return state.nextTicket
    }
    let reached = await withTaskCancellationHandler {
      await withCheckedContinuation { (continuation: CheckedContinuation<ClientState, Never>) in
        let phase = state.withLock { state -> ClientState? in
          if state.waiters[ticket] != nil || state.phase.isSettled { return state.phase }
          state.opening[ticket] = continuation
          return nil
        }
        if let phase { continuation.resume(returning: phase) }
      }
    } onCancel: {
      let (continuation, phase) = state.withLock { state in
        state.waiters[ticket] = .cancelled
        return (state.opening.removeValue(forKey: ticket), state.phase)
      }
      continuation?.resume(returning: phase)
    }
    let isCancelled = state.withLock { $0.waiters.removeValue(forKey: ticket) != nil }
    return isCancelled && !reached.isSettled ? nil : reached
  }

  /// Nothing of this client comes any more.
  func end() {
    let (waiters, opening, rooms) = state.withLock { state in
      let all = (state.waiters, state.opening, state.rooms)
      state.waiters = [:]
      state.opening = [:]
      state.rooms = [:]
      state.hasEnded = true
      if !state.phase.isSettled { state.phase = .closed(code: 1000, reason: "") }
      return all
    }
    for case .waiting(let continuation) in waiters.values {
      continuation.resume(returning: .failure(.closed))
    }
    for continuation in opening.values {
      continuation.resume(returning: .closed(code: 1000, reason: ""))
    }
    for room in rooms.values { room.end() }
    events.end()
  }
}

/// What a client is doing.
public enum ClientState: Hashable, Sendable {
  /// Nothing yet: `connect` was not called.
  case idle
  /// It is connecting.
  case connecting
  /// It is connected.
  case open(ClientSession)
  /// It waits before it tries again.
  case waiting
  /// It has ended, with this close code, until `connect` is called.
  case closed(code: UInt16, reason: String)

  var isClosed: Bool { if case .closed = self { true } else { false } }

  /// Whether it is open or closed.
  var isSettled: Bool {
    switch self {
    case .open, .closed: true
    case .idle, .connecting, .waiting: false
    }
  }
}
