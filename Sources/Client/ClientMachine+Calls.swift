// Calls: what the application waits for. A publish has a key, by which the server does it once however
// often it comes, so it is sent until it is answered; what has no key is sent once.

public import RoostEventLoop
import RoostRooms

extension ClientMachine {
  // MARK: The application

  /// The application asks for something; the outcome has this ticket; larger ones are sent behind it.
  ///
  /// - Parameter timeout: how long it may take; nil takes that of the options.
  public mutating func call(
    _ call: ClientCall, ticket: CallTicket, timeout: Duration?, now: MonotonicInstant
  ) {
    if phase == .closed { return actions.append(.outcome(ticket, .failure(.closed))) }
    let pending = pending(call, now.advanced(by: timeout ?? options.callTimeout))
    guard calls.count < options.callsMax,
      pending.body.count <= options.callBytesMax - callBytes
    else { return actions.append(.outcome(ticket, .failure(.bufferFull))) }
    if isOpen, isTooLarge(pending) {
      return actions.append(.outcome(ticket, .failure(.tooLarge(bytesMax: messageBytesMax))))
    }
    calls[ticket] = pending
    callBytes += pending.body.count
    callDeadline = min(callDeadline, pending.deadline)
    insertUnsent(ticket)
    pump(now)
  }

  /// Nobody waits for a call any more: it is not sent, or not again.
  public mutating func cancel(_ ticket: CallTicket, now: MonotonicInstant) {
    guard remove(ticket) != nil else { return }
    pump(now)
  }

  private func pending(_ call: ClientCall, _ deadline: MonotonicInstant) -> PendingCall {
    switch call {
    case .publish(let room, let data, let key):
      PendingCall(
        kind: .publish, room: room,
        body: ClientRequest.publish(room, data, key: key ?? randomness.key()), deadline: deadline)
    case .publishBinary(let room, let bytes):
      PendingCall(
        kind: .binary, room: room, body: ClientRequest.binary(room, bytes), deadline: deadline)
    case .send(let target, let data):
      PendingCall(
        kind: .send, room: nil, body: ClientRequest.send(to: target, data), deadline: deadline)
    case .presence(let room, let limit, let after):
      PendingCall(
        kind: .reading, room: room,
        body: ClientRequest.presence(room, limit: limit, after: after), deadline: deadline)
    case .history(let room, let since, let limit, let reverse):
      PendingCall(
        kind: .reading, room: room,
        body: ClientRequest.history(room, since: since, limit: limit, reverse: reverse),
        deadline: deadline)
    }
  }

  private func isTooLarge(_ call: PendingCall) -> Bool {
    guard call.kind != .binary else { return call.body.count > messageBytesMax }
    return ClientRequest.finished(call.body, id: nextRequest).count > messageBytesMax
  }

  // MARK: Sending

  mutating func sendCalls(_ now: MonotonicInstant) {
    var kept: [CallTicket] = []
    var index = 0
    while index < unsentCalls.count, unanswered < Self.requestsMax {
      let ticket = unsentCalls[index]
      index += 1
      guard let call = calls[ticket] else { continue }
      if !send(call, ticket, now) { kept.append(ticket) }
    }
    unsentCalls.replaceSubrange(..<index, with: kept)
  }

  /// False when it has to wait.
  private mutating func send(
    _ call: PendingCall, _ ticket: CallTicket, _ now: MonotonicInstant
  ) -> Bool {
    if case .waiting(let notBefore) = call.standing, notBefore > now {
      repeatDeadline = min(repeatDeadline, notBefore)
      return false
    }
    // A node judges it by who is a member when it comes.
    if let room = call.room, let wish = rooms[room], wish.standing != .joined { return false }
    guard !isTooLarge(call) else {
      forget(ticket)
      actions.append(.outcome(ticket, .failure(.tooLarge(bytesMax: messageBytesMax))))
      return true
    }
    guard call.kind != .binary else {
      actions.append(.sendBinary(call.body, on: link))
      forget(ticket)
      actions.append(.outcome(ticket, .success(JSONValue(validated: Array("{}".utf8)))))
      return true
    }
    let request = request(call.body, .call(ticket))
    unanswered += 1
    calls[ticket]?.standing = .sent(request: request, on: link)
    calls[ticket]?.wasSent = true
    return true
  }

  // MARK: Answers

  /// A call was answered.
  mutating func succeeded(_ ticket: CallTicket, _ text: borrowing Span<UInt8>) {
    guard calls[ticket] != nil else { return }
    forget(ticket)
    guard let answer = ServerObject.whole(text) else {
      return actions.append(.outcome(ticket, .failure(.answer("the answer is no JSON"))))
    }
    actions.append(.outcome(ticket, .success(answer)))
  }

  /// A call was refused.
  mutating func refusedCall(_ ticket: CallTicket, _ refusal: Refusal, _ now: MonotonicInstant) {
    guard var call = calls[ticket] else { return }
    let rule = RepeatRule(publish: refusal.code)
    guard rule != .never else {
      forget(ticket)
      return actions.append(.outcome(ticket, .failure(refusal.failure)))
    }
    guard call.kind == .publish else {
      forget(ticket)
      return actions.append(.outcome(ticket, .failure(refusal.failure)))
    }
    var notBefore = MonotonicInstant.zero
    // What is held back with everything else has no wait of its own.
    if rule == .after {
      let pause = call.backoff.fail(retryAfter: refusal.retryAfter, random: randomness.fraction())
      notBefore = now.advanced(by: pause)
      repeatDeadline = min(repeatDeadline, notBefore)
    }
    // An earlier try may have been done; these two say that this one was not.
    if refusal.code == "unknown" || refusal.code == "internal" { call.isDoubtful = true }
    call.wasSent = call.isDoubtful
    call.standing = .waiting(notBefore: notBefore)
    calls[ticket] = call
    insertUnsent(ticket)
  }

  /// What has no answer yet and may be sent twice is sent once more.
  mutating func repeatUnanswered() {
    for (id, purpose) in awaited {
      guard case .call(let ticket) = purpose, let kind = calls[ticket]?.kind, kind != .send else {
        continue
      }
      awaited[id] = nil
      unanswered -= 1
      calls[ticket]?.standing = .waiting(notBefore: .zero)
      insertUnsent(ticket)
    }
    for (room, wish) in rooms where !wish.isDoubtful {
      guard case .joining = wish.standing else { continue }
      rooms[room]?.isDoubtful = true
      unsentJoins += 1
    }
  }

  /// Puts a ticket where it stood in the order of calls.
  private mutating func insertUnsent(_ ticket: CallTicket) {
    guard let last = unsentCalls.last, last > ticket else { return unsentCalls.append(ticket) }
    let place = unsentCalls.firstIndex { $0 > ticket } ?? unsentCalls.endIndex
    unsentCalls.insert(ticket, at: place)
  }

  // MARK: Ends

  /// The connection is gone.
  mutating func leaveCalls() {
    for ticket in calls.keys.sorted() {
      guard var call = calls[ticket] else { continue }
      if call.kind == .send, call.wasSent {
        forget(ticket)
        actions.append(.outcome(ticket, .failure(.unknown)))
        continue
      }
      if case .sent = call.standing { call.isDoubtful = true }
      call.standing = .waiting(notBefore: .zero)
      call.backoff.reset()
      calls[ticket] = call
    }
    unsentCalls = calls.keys.sorted()
  }

  /// One of two connections is gone: what it did not answer is to be sent over the other one.
  mutating func takeBackCalls(from link: ClientLink) {
    for ticket in calls.keys.sorted() {
      guard var call = calls[ticket], case .sent(let request, link) = call.standing else {
        continue
      }
      if awaited.removeValue(forKey: request) != nil { unanswered -= 1 }
      if call.kind == .send {
        forget(ticket)
        actions.append(.outcome(ticket, .failure(.unknown)))
        continue
      }
      call.isDoubtful = true
      call.standing = .waiting(notBefore: .zero)
      call.backoff.reset()
      calls[ticket] = call
      insertUnsent(ticket)
    }
  }

  /// Whether a connection has not answered everything.
  func hasCalls(on link: ClientLink) -> Bool {
    calls.values.contains { call in
      if case .sent(_, link) = call.standing { true } else { false }
    }
  }

  /// What no server takes is refused before it is sent.
  mutating func rejectLargeCalls() {
    for ticket in unsentCalls {
      guard let call = calls[ticket], isTooLarge(call) else { continue }
      _ = remove(ticket)
      actions.append(.outcome(ticket, .failure(.tooLarge(bytesMax: messageBytesMax))))
    }
  }

  mutating func expireCalls(_ now: MonotonicInstant) {
    let expired = calls.filter { $0.value.deadline <= now }.keys.sorted()
    for ticket in expired {
      _ = remove(ticket)
      actions.append(.outcome(ticket, .failure(.timeout)))
    }
    callDeadline = calls.values.map(\.deadline).min() ?? .distantFuture
  }

  /// The client is closed.
  mutating func rejectCalls() {
    for ticket in calls.keys.sorted() {
      let wasSent = calls[ticket]?.wasSent == true
      forget(ticket)
      actions.append(.outcome(ticket, .failure(wasSent ? .unknown : .closed)))
    }
    unsentCalls = []
  }

  /// Takes a call out wherever it stands.
  private mutating func remove(_ ticket: CallTicket) -> PendingCall? {
    guard let call = calls[ticket] else { return nil }
    switch call.standing {
    case .waiting: unsentCalls.removeAll { $0 == ticket }
    case .sent(let request, _):
      if awaited.removeValue(forKey: request) != nil { unanswered -= 1 }
    }
    forget(ticket)
    return call
  }

  private mutating func forget(_ ticket: CallTicket) {
    guard let call = calls.removeValue(forKey: ticket) else { return }
    callBytes -= call.body.count
    if calls.isEmpty { callDeadline = .distantFuture }
  }
}
