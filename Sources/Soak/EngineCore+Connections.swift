// Clients come and go: the first wave at its pace, ends and what they mean, timers.

import RoostClient
import RoostEventLoop
import RoostJSON
import RoostWebSocket

extension EngineCore {
  // MARK: The first wave

  func connectTime(_ place: Int, _ from: MonotonicInstant) -> MonotonicInstant {
    from.advanced(
      byNanoseconds: UInt64(place) * 1_000_000_000 / UInt64(max(scenario.connectsPerSecond, 1)))
  }

  mutating func connectMore(_ now: MonotonicInstant) {
    guard let connectsFrom else { return }
    while nextConnect < clients.count, connectTime(nextConnect, connectsFrom) <= now {
      begin(clients[nextConnect], now)
      nextConnect += 1
    }
  }

  private mutating func begin(_ client: SoakClient, _ now: MonotonicInstant) {
    client.isWanted = true
    switch client.logic {
    case .ours:
      client.machine.connect(now: now)
      if let room = client.machine.wishes(client.roomName) ? nil : client.roomName {
        client.machine.join(room, ticket: nil, now: now)
      }
      settle(client, now)
    case .stock: dial(client, as: 0, now)
    }
  }

  // MARK: Dialling

  /// Opens a connection that the client's logic knows by a number.
  mutating func dial(
    _ client: SoakClient, as number: UInt64, ticket: String? = nil, _ now: MonotonicInstant
  ) {
    client.generation &+= 1
    let from = client.isSecured ? securedTargets : targets
    guard let target = from.randomElement(using: &numbers) else {
      return failed(client, number, .closed(code: 1006, reason: "there is no node"), now)
    }
    do throws(Errno) {
      let connection = try SoakConnection(
        to: target, path: client.path, ticket: ticket, token: client.token, poller,
        smallBuffer: client.kind == .slow || client.kind == .frozen,
        offersCompression: offersCompression && client.index % 100 < scenario.deflatePercent,
        trust: client.isSecured ? trust : nil)
      let taken = client.links.map(\.member)
      let member = client.members.first { !taken.contains($0) } ?? -1
      client.links.append(
        SoakLink(number: number, connection: connection, member: member, now: now))
      // A connection that does not come about is given up; the machine does so by itself.
      if client.logic == .stock {
        client.wake = now.advanced(by: .seconds(10))
        schedule(client, at: client.wake)
      }
    } catch {
      failed(client, number, .closed(code: 1006, reason: "\(error)"), now)
    }
  }

  /// All connections are taken away from a client, as a network does.
  mutating func cut(_ client: SoakClient, _ now: MonotonicInstant) {
    for link in client.links { ended(client, link, .closed(code: 1006, reason: "cut"), now) }
  }

  /// The welcome has come.
  ///
  /// - Parameter id: what the node calls the connection.
  mutating func welcomed(
    _ client: SoakClient, _ link: SoakLink, as id: String?, _ now: MonotonicInstant
  ) {
    link.isWelcome = true
    if link.connection.isSecured { figures.secured += 1 }
    if let id, link.member >= 0 {
      let readsLate = client.kind == .slow || client.kind == .frozen
      judge.welcomed(link.member, as: id, readsLate: readsLate && !isCalm, at: now)
    }
    second.handshakes += 1
    client.pause.reset()
    client.wake = .distantFuture
    if let lostAt = client.lostAt, !isStopped {
      if client.kind == .ours { figures.reconnectOurs.add(now.since(lostAt)) }
      if client.kind == .stock { figures.reconnectStock.add(now.since(lostAt)) }
    }
    client.lostAt = nil
    beginTurns(client, now)
  }

  // MARK: Ends

  /// What a read or a write came to.
  mutating func ended(
    _ client: SoakClient, _ link: SoakLink, _ end: ConnectionEnd, _ now: MonotonicInstant
  ) {
    guard end != .none, client.links.contains(where: { $0 === link }) else { return }
    if case .closed(let code, let reason) = end, link.isWelcome { note(client, code, reason, now) }
    if let reason = link.connection.distrust {
      judge.findings.add(
        .ended, "client \(client.index) does not take the certificate of a node: \(reason)")
    }
    // What answers a close leaves before the socket goes.
    _ = link.connection.flush(poller)
    forget(client, link, now)
    failed(client, link.number, end, now)
  }

  /// The client's logic is told of an end.
  private mutating func failed(
    _ client: SoakClient, _ number: UInt64, _ end: ConnectionEnd, _ now: MonotonicInstant
  ) {
    switch end {
    case .none: return
    case .refused(let status, let retryAfter):
      figures.refusals[status, default: 0] += 1
      if client.logic == .ours {
        client.machine.refused(number, status: status, retryAfter: retryAfter, now: now)
      } else {
        comeBack(client, retryAfter, now)
      }
    case .closed(let code, let reason):
      if client.logic == .ours {
        client.machine.closed(number, code: code, reason: reason, now: now)
      } else {
        comeBack(client, nil, now)
      }
    }
    if client.logic == .ours { settle(client, now) }
  }

  /// Lets go of a connection and of what belonged to it.
  mutating func forget(_ client: SoakClient, _ link: SoakLink, _ now: MonotonicInstant) {
    client.links.removeAll { $0 === link }
    if link.isWelcome {
      second.lost += 1
      // Who has another connection misses none.
      if !client.isWelcome { client.lostAt = client.isFinished ? nil : now }
    }
    if link.member >= 0 {
      judge.left(link.member)
      judge.gone(link.member, at: now)
    }
    guard client.logic == .stock else { return }
    for number in client.outstanding.values { judge.unknown(room: client.room, number: number) }
    client.outstanding = [:]
  }

  mutating func comeBack(
    _ client: SoakClient, _ retryAfter: Duration?, _ now: MonotonicInstant
  ) {
    guard client.isWanted, !client.isFinished else { return }
    let pause = client.pause.next(retryAfter: retryAfter, fraction: numbers.fraction())
    client.wake = now.advanced(by: pause)
    schedule(client, at: client.wake)
  }

  /// Counts a close, and asks whether it may be.
  private mutating func note(
    _ client: SoakClient, _ code: UInt16, _ reason: String, _ now: MonotonicInstant
  ) {
    figures.closes["\(client.kind.rawValue) \(code)", default: 0] += 1
    guard client.kind.isJudged, !client.isFinished else { return }
    let expected: Set<UInt16>
    switch client.kind {
    case .slow, .frozen: expected = [1001, 1006, 1012, 4000, 4005]
    default: expected = [1000, 1001, 1006, 1012]
    }
    // A node may have waited for a pong, or for its queue to empty, in vain.
    if code == 4000 || code == 4005, judge.causes.has(.silence, at: now) { return }
    guard !expected.contains(code) else { return }
    judge.findings.add(
      .ended, "client \(client.index) (\(client.kind.rawValue)) was closed with \(code) \(reason)")
  }

  // MARK: Silence

  /// A stock client leaves a node from which not even a ping has come; the library's machine does so
  /// by itself.
  mutating func leaveSilent(_ now: MonotonicInstant) {
    guard scenario.pingSeconds > 0 else { return }
    let patience = Duration.seconds(scenario.pingSeconds + scenario.pongSeconds)
    for client in clients where client.logic == .stock {
      // Who does not read hears nothing.
      guard let link = client.links.last, link.isWelcome, link.connection.isReading,
        now.since(link.heardAt) > patience
      else { continue }
      ended(client, link, .closed(code: 1006, reason: "the node is silent"), now)
    }
  }

  // MARK: Timers

  mutating func expire(_ client: SoakClient, _ now: MonotonicInstant) {
    switch client.logic {
    case .ours:
      if let deadline = client.machine.nextDeadline, deadline <= now {
        client.machine.fire(now: now)
      }
      settle(client, now)
    case .stock:
      guard now >= client.wake else { return schedule(client, at: client.wake) }
      client.wake = .distantFuture
      guard let link = client.links.last else {
        guard client.isWanted, !client.isFinished else { return }
        return dial(client, as: 0, now)
      }
      if !link.isWelcome {
        ended(client, link, .closed(code: 1006, reason: "no welcome came in time"), now)
      } else {
        takeTurn(client, now)
      }
    }
  }

  // MARK: The library's machine

  /// Carries out what a client's machine has decided.
  mutating func settle(_ client: SoakClient, _ now: MonotonicInstant) {
    while true {
      let actions = client.machine.takeActions()
      if actions.isEmpty { break }
      for action in actions { carryOut(action, client, now) }
    }
    guard let deadline = client.machine.nextDeadline else { return }
    schedule(client, at: min(deadline, now.advanced(by: .seconds(60))))
  }

  private mutating func carryOut(
    _ action: ClientAction, _ client: SoakClient, _ now: MonotonicInstant
  ) {
    switch action {
    case .dial(let link, _, let ticket): dial(client, as: link, ticket: ticket, now)
    case .sendText(let text, let number):
      guard let link = client.link(number) else { return }
      sent(text, link)
      send(client, link, text)
    case .hangUp(let number, let code): hangUp(client, number, code, now)
    case .roomEvent(_, let event): handedOver(event, client)
    case .event(.closed(let code, let reason)):
      guard !client.isFinished else { return }
      judge.findings.add(
        .ended, "the library of client \(client.index) gave up with \(code) \(reason)")
    case .outcome(let ticket, let result): finishPublish(client, ticket, result, now)
    default: break
    }
  }

  /// The machine wants a connection no more.
  private mutating func hangUp(
    _ client: SoakClient, _ number: UInt64, _ code: UInt16?, _ now: MonotonicInstant
  ) {
    guard let link = client.link(number) else { return }
    if let code, link.connection.isOpen {
      link.connection.close(code: code, mask: makeMask())
      _ = link.connection.flush(poller)
      // At the end of the run the node's answer is waited for.
      if client.isFinished { return }
    }
    forget(client, link, now)
  }

  /// A join says where the client stands: from there the judge counts on this connection.
  private mutating func sent(_ text: [UInt8], _ link: SoakLink) {
    guard text.starts(with: Array(#"{"type":"join""#.utf8)), link.member >= 0 else { return }
    let tree = try? JSONTree(parsing: text, depthMax: 4, bytesMax: 4096)
    guard let since = tree?["since"], let epoch = since["epoch"]?.string,
      let offset = since["offset"]?.integer
    else { return judge.begin(link.member, since: nil) }
    judge.begin(link.member, since: (epoch, offset))
  }

  /// What the machine hands over comes once and in order, whatever its connections do.
  private mutating func handedOver(_ event: RoomEvent, _ client: SoakClient) {
    switch event {
    case .message(let message):
      guard let offset = message.offset.flatMap({ Int64(exactly: $0) }) else { return }
      let last = client.handedOver
      client.handedOver = offset
      guard last >= 0, offset != last + 1 else { return }
      judge.findings.add(
        offset > last ? .lost : .doubled,
        "the library of client \(client.index) handed over offset \(offset) behind \(last)")
    case .reset(let position): client.handedOver = Int64(clamping: position.offset)
    case .gap: client.handedOver = -1
    default: return
    }
  }

  mutating func send(_ client: SoakClient, _ link: SoakLink?, _ text: [UInt8]) {
    link?.connection.send(.text, text.span, mask: makeMask())
    markDirty(client)
  }
}
