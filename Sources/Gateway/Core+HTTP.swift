// The public port before an upgrade: a strict HTTP/1.1 head, a handful of routes, the handshake.

import Auth
import Glibc
import Pages
import RoostDeflate
import RoostEventLoop
import RoostHTTP
import RoostRooms
import RoostWebSocket
import RoostWire
import Telemetry

extension Core {
  /// Reads requests out of the first `count` bytes; returns how many of them were used up.
  mutating func takeRequests(
    _ slot: Int32, _ buffer: [UInt8], _ count: Int, _ now: MonotonicInstant
  ) -> Int {
    var offset = 0
    while connections[slot].phase == .request, offset < count, !awaitsUpgrade(slot) {
      let waiting = connections[slot].input.count
      if waiting == 0 {
        let bytes = buffer.span.extracting(offset..<count)
        guard let headBytes = scanHead(slot, bytes, now) else {
          if connections[slot].phase == .request { keep(slot, bytes) }
          return count
        }
        offset += headBytes
        takeHead(slot, bytes.extracting(0..<headBytes), now)
      } else {
        // Rare: the head comes in pieces. They are put together, up to the limit of a head.
        keep(slot, buffer.span.extracting(offset..<count))
        var joined: [UInt8] = []
        connections[slot].input.withBytes { joined.append(contentsOf: $0) }
        guard let headBytes = scanHead(slot, joined.span, now) else { return count }
        connections[slot].input.removeAll()
        offset += headBytes - waiting
        takeHead(slot, joined.span.extracting(0..<headBytes), now)
      }
    }
    if offset < count, awaitsUpgrade(slot) {
      holdInput(slot, buffer.span.extracting(offset..<count))
      return count
    }
    return min(offset, count)
  }

  /// Looks for the end of a head; nil when it has not come or was refused.
  private mutating func scanHead(_ slot: Int32, _ bytes: Span<UInt8>, _ now: MonotonicInstant)
    -> Int?
  {
    var scanner =
      connections[slot].head
      ?? HeadScanner(
        requestLineBytesMax: min(Bounds.requestLineBytesMax, rules.limits.requestHeadBytes),
        headBytesMax: rules.limits.requestHeadBytes, fieldsMax: Bounds.fieldsMax)
    do throws(HTTPViolation) {
      switch try scanner.scan(bytes) {
      case .complete(let headBytes):
        connections[slot].head = nil
        return headBytes
      case .needMore:
        connections[slot].head = scanner
        return nil
      }
    } catch {
      respond(slot, error.status, error.reason, keepAlive: false, now)
      return nil
    }
  }

  private mutating func keep(_ slot: Int32, _ bytes: Span<UInt8>) {
    bytes.withUnsafeBytes { connections[slot].input.append($0) }
  }

  private mutating func takeHead(_ slot: Int32, _ bytes: Span<UInt8>, _ now: MonotonicInstant) {
    connections[slot].deadline = now.advanced(byNanoseconds: rules.timing.handshake)
    let head: RequestHead
    do throws(HTTPViolation) {
      head = try RequestHead(
        parsing: bytes,
        requestLineBytesMax: min(Bounds.requestLineBytesMax, rules.limits.requestHeadBytes),
        headBytesMax: rules.limits.requestHeadBytes, fieldsMax: Bounds.fieldsMax)
    } catch {
      return respond(slot, error.status, error.reason, keepAlive: false, now)
    }
    guard settleAddress(slot, head, now), admitsRequest(slot, now) else { return }
    route(slot, head, now)
  }

  // MARK: Routes

  private mutating func route(_ slot: Int32, _ head: RequestHead, _ now: MonotonicInstant) {
    let isDev = shared.configuration.dev
    switch head.path {
    case "/ws": upgrade(slot, head, echoes: false, now)
    case "/echo" where isDev: upgrade(slot, head, echoes: true, now)
    case "/readyz":
      guard allowsReading(slot, head, now) else { return }
      let reason = shared.notReadyReason
      respond(
        slot, head, reason == nil ? 200 : 503, [("Cache-Control", "no-store")],
        Array("\(reason ?? shared.phase.word)\n".utf8), now)
    case "/" where isDev:
      guard allowsReading(slot, head, now) else { return }
      respond(
        slot, head, 200,
        [
          ("Content-Type", "text/html; charset=utf-8"), ("Cache-Control", "no-cache"),
          ("Content-Security-Policy", "\(ConsolePage.contentSecurityPolicy)"),
          ("X-Content-Type-Options", "nosniff"), ("Referrer-Policy", "no-referrer"),
        ], Array("\(ConsolePage.html)".utf8), now)
    default:
      if let file = ServedFile(at: head.path) {
        guard allowsReading(slot, head, now) else { return }
        let known = head.fields.value(of: "If-None-Match")
        return respond(
          slot, head, file.status(ifNoneMatch: known), file.fields, Array(file.text.utf8), now)
      }
      if let name = EventStreamID.room(in: head) { return streamRoute(slot, head, name, now) }
      respond(
        slot, 404, "There is nothing here; WebSocket clients connect to /ws.",
        keepAlive: head.keepsAlive && head.body == .none, isHead: head.method == .head, now)
    }
  }

  private mutating func streamRoute(
    _ slot: Int32, _ head: RequestHead, _ name: [UInt8], _ now: MonotonicInstant
  ) {
    guard head.method == .get else {
      return respond(
        slot, 405, "Only GET is allowed here.", fields: [("Allow", "GET")], keepAlive: false, now)
    }
    guard allowsReading(slot, head, now),
      let claimant = identify(slot, head, mayAuthenticateLater: false, now)
    else { return }
    do throws(RoomNameViolation) {
      let room = try RoomName(name)
      guard !rules.outbound.wishes.contains(.connect) else {
        return holdUpgrade(slot, head, claimant, .stream(room), now)
      }
      beginStream(slot, head, room, claimant, isCounted: false, now)
    } catch {
      respond(slot, 400, "This is no room's name: \(error.reason).", keepAlive: false, now)
    }
  }

  private mutating func allowsReading(
    _ slot: Int32, _ head: RequestHead, _ now: MonotonicInstant
  ) -> Bool {
    guard head.method == .get || head.method == .head else {
      respond(
        slot, 405, "Only GET and HEAD are allowed here.",
        fields: [("Allow", "GET, HEAD")], keepAlive: head.keepsAlive && head.body == .none, now)
      return false
    }
    guard head.body == .none else {
      respond(slot, 413, "No request on this port has a body.", keepAlive: false, now)
      return false
    }
    return true
  }

  // MARK: The handshake

  private mutating func upgrade(
    _ slot: Int32, _ head: RequestHead, echoes: Bool, _ now: MonotonicInstant
  ) {
    guard let claimant = identify(slot, head, mayAuthenticateLater: !echoes, now) else { return }
    let ticket = echoes || shared.redis == nil ? nil : ticket(of: head, now)
    guard echoes || !rules.outbound.wishes.contains(.connect) else {
      return holdUpgrade(slot, head, claimant, .socket, ticket: ticket, now)
    }
    if let ticket {
      let judged = admittedAhead(slot, head, claimant, .socket, ticket, now)
      guard let admitted = judged else { return }
      return claim(slot, head, admitted, ticket, now)
    }
    completeUpgrade(slot, head, claimant, echoes: echoes, isCounted: false, now)
  }

  /// Answers an upgrade that nothing but the doorkeeper stands before.
  ///
  /// - Parameter isCounted: whether the doorkeeper has let it in already.
  mutating func completeUpgrade(
    _ slot: Int32, _ head: RequestHead, _ claimant: Claimant, echoes: Bool, isCounted: Bool,
    resuming resumption: Resumption? = nil, _ now: MonotonicInstant
  ) {
    withScratch { core, response in
      switch core.negotiate(head, &response) {
      case .refused(let refusal):
        if isCounted { core.shared.admission.ended() }
        core.respond(
          slot, refusal.status, refusal.message,
          fields: refusal.fields.map { ($0.name, $0.value) }, keepAlive: false, now)
      case .accepted(let acceptance, let compression):
        let entry = core.admit(slot, claimant, compression, isCounted: isCounted, resumption, now)
        guard let admitted = entry else { return }
        core.enqueueBytes(response.span, slot)
        core.connections[slot].resumption = resumption
        core.connections[slot].readsBinaryMids = core.readsBinaryMids(head)
        core.become(slot, acceptance.deflate, compression, admitted, echoes: echoes, now)
      }
    }
  }

  /// Who the doorkeeper lets in; nil when that is answered with a refusal.
  private mutating func admit(
    _ slot: Int32, _ claimant: Claimant, _ compression: ConnectionCompression?,
    isCounted: Bool, _ resumption: Resumption?, _ now: MonotonicInstant
  ) -> Admitted? {
    if !isCounted,
      let refused = refusalAtDoor(slot, now)
    {
      if let compression { shared.releaseCompression(compression.budgetBytes) }
      refuse(slot, refused.refusal, refused.retryAfter, now)
      return nil
    }
    guard let admitted = admitted(claimant, slot, now) else {
      if let compression { shared.releaseCompression(compression.budgetBytes) }
      shared.admission.ended()
      return nil
    }
    resumption?.countsLater = shared.admission.mayOverlap(
      user: admitted.identity.user, connections[slot].address, rules.limits, now: now)
    if let user = admitted.identity.user {
      guard admitUser(user, resuming: resumption, now) else {
        if let compression { shared.releaseCompression(compression.budgetBytes) }
        shared.admission.ended()
        refuse(slot, .userConnections, .seconds(5), now)
        return nil
      }
    }
    return admitted
  }

  /// Who asks for an upgrade or an event stream; nil when that is answered with a refusal.
  private mutating func identify(
    _ slot: Int32, _ head: RequestHead, mayAuthenticateLater: Bool, _ now: MonotonicInstant
  ) -> Claimant? {
    guard !isDraining, shared.acceptsUpgrades else {
      refuse(slot, .draining, .seconds(1), now)
      return nil
    }
    if let origin = head.fields.value(of: .origin),
      !rules.origins.allows(
        origin: origin, host: head.host, isSecure: connections[slot].isPageSecure)
    {
      refuse(slot, .origin, nil, now)
      return nil
    }
    return claimant(slot, head, mayAuthenticateLater: mayAuthenticateLater, now)
  }

  private enum Negotiation {
    case accepted(HandshakeAcceptance, ConnectionCompression?)
    case refused(HandshakeRefusal)
  }

  /// Judges the handshake and writes the response to an accepted one; context takeover is agreed to
  /// as long as its memory lasts.
  private func negotiate(_ head: RequestHead, _ response: inout [UInt8]) -> Negotiation {
    let result = ServerHandshake.evaluate(
      head, subprotocols: shared.subprotocols, deflate: shared.deflate, response: &response)
    switch result {
    case .refuse(let refusal): return .refused(refusal)
    case .accept(let acceptance):
      guard let agreement = acceptance.deflate,
        agreement.keepsContext(from: .server) || agreement.keepsContext(from: .client)
      else { return .accepted(acceptance, nil) }
      if let own = reserveCompression(agreement) { return .accepted(acceptance, own) }
      let modest = DeflateConfiguration(
        isEnabled: true, allowsServerContextTakeover: false, allowsClientContextTakeover: false,
        serverWindowBits: shared.deflate.serverWindowBits)
      response.removeAll(keepingCapacity: true)
      let second = ServerHandshake.evaluate(
        head, subprotocols: shared.subprotocols, deflate: modest, response: &response)
      switch second {
      case .refuse(let refusal): return .refused(refusal)
      case .accept(let acceptance): return .accepted(acceptance, nil)
      }
    }
  }

  private func reserveCompression(_ agreement: DeflateAgreement) -> ConnectionCompression? {
    let outBits = agreement.windowBits(from: .server)
    // zlib has no smaller one; an inflater reads what was made with less.
    let inBits = max(agreement.windowBits(from: .client), 9)
    var bytes = 0
    if agreement.keepsContext(from: .server) {
      bytes += Deflater.memoryBytes(windowBits: outBits, memoryLevel: 8)
    }
    if agreement.keepsContext(from: .client) { bytes += Inflater.memoryBytes(windowBits: inBits) }
    guard shared.reserveCompression(bytes) else { return nil }
    let own = ConnectionCompression(
      inflater: agreement.keepsContext(from: .client) ? Inflater(windowBits: inBits) : nil,
      deflater: nil, budgetBytes: bytes)
    guard agreement.keepsContext(from: .server) else { return own }
    do {
      own.deflater = try Deflater(
        windowBits: outBits, level: shared.configuration.compression.level, memoryLevel: 8)
      return own
    } catch {
      shared.releaseCompression(bytes)
      return nil
    }
  }

  /// Makes a connection speak WebSocket.
  private mutating func become(
    _ slot: Int32, _ agreement: DeflateAgreement?, _ compression: ConnectionCompression?,
    _ admitted: Admitted, echoes: Bool, _ now: MonotonicInstant
  ) {
    let identity = admitted.identity
    metrics.handshakes.add()
    metrics.connections.add(1)
    admittedCount += 1
    connections[slot].isAdmitted = true
    endHandshake(slot)
    connections[slot].phase = echoes ? .echo : .open
    connections[slot].head = nil
    connections[slot].compression = compression
    connections[slot].reader = MessageReader(
      role: .server,
      messageBytesMax: echoes ? Bounds.echoMessageBytes : rules.limits.messageBytes,
      deflate: agreement)
    let queueMax = echoes ? Bounds.echoQueueBytes : rules.limits.outboundBytes
    connections[slot].limitQueue(to: queueMax == 0 ? .max / 2 : UInt32(clamping: queueMax))
    if let agreement {
      connections[slot].variant =
        agreement.keepsContext(from: .server)
        ? .own : .shared(windowBits: UInt8(agreement.windowBits(from: .server)))
    }
    connections[slot].session.identity = identity
    connections[slot].session.term = admitted.term
    connections[slot].session.awaitsAuth = admitted.awaitsAuth
    connections[slot].lastMessage = now
    if echoes {
      connections[slot].timerAt = .distantFuture
      return
    }
    if let user = identity.user {
      connections[slot].session.isUserCounted = true
      users[user, default: []].append(slot)
    }
    if connections[slot].resumption?.countsLater != true { countInCluster(slot, now) }
    let id = memberID(of: slot)
    let isResumed = connections[slot].resumption != nil
    let ticket = newTicket(slot, now)
    send(slot) { [rules] in
      rules.welcome.append(
        connection: id, user: identity.user, isResumed: isResumed, ticket: ticket, to: &$0)
    }
    armFirstPing(slot, now)
    if !isResumed {
      tell(.connected(id, user: identity.user, connections[slot].address), .connected)
    }
    shared.log.debug(
      "connection_opened", "a connection speaks WebSocket",
      [
        .init("connection", connectionID(of: slot).description), .init("member", id.description),
        .init("address", connections[slot].address.hostText),
      ])
    if isResumed { welcomeGuest(slot, now) }
    if let room = identity.userRoom, let policy = rules.policies.number(for: room) {
      enter(room, policy, nil, nil, slot, isServerJoin: true, now)
    }
  }

  // MARK: Responses

  mutating func refuse(
    _ slot: Int32, _ refusal: AdmissionRefusal, _ retryAfter: Duration?, _ now: MonotonicInstant
  ) {
    count(refusal, connections[slot].address, now)
    var fields: [(String, String)] = []
    if let retryAfter {
      let seconds = (retryAfter.millisecondsClamped + 999) / 1000
      fields.append(("Retry-After", String(max(seconds, 1))))
    }
    // § RFC 6750 3.1: without a credential no error is named; with a bad one nothing else is.
    switch refusal {
    case .unauthenticated: fields.append(("WWW-Authenticate", "Bearer"))
    case .token: fields.append(("WWW-Authenticate", "Bearer error=\"invalid_token\""))
    default: break
    }
    respond(slot, refusal.status, refusal.message, fields: fields, keepAlive: false, now)
  }

  /// Answers a request with a sentence.
  mutating func respond(
    _ slot: Int32, _ status: Int, _ message: String, fields: [(String, String)] = [],
    keepAlive: Bool, isHead: Bool = false, _ now: MonotonicInstant
  ) {
    let all = fields + [("Content-Type", "text/plain; charset=utf-8")]
    write(
      slot,
      ResponseWriter.response(
        status: status, fields: all, body: Array((message + "\n").utf8), keepAlive: keepAlive,
        omitBody: isHead), status, keepAlive, now)
  }

  private mutating func respond(
    _ slot: Int32, _ head: RequestHead, _ status: Int, _ fields: [(String, String)],
    _ body: [UInt8], _ now: MonotonicInstant
  ) {
    let keepAlive = head.keepsAlive && !isDraining
    write(
      slot,
      ResponseWriter.response(
        status: status, fields: fields, body: body, keepAlive: keepAlive,
        omitBody: head.method == .head), status, keepAlive, now)
  }

  private mutating func write(
    _ slot: Int32, _ response: [UInt8], _ status: Int, _ keepAlive: Bool, _ now: MonotonicInstant
  ) {
    metrics.countResponse(status)
    // A peer that pipelines requests and does not read the answers is not worth a queue.
    guard connections[slot].queue.count + response.count <= Int(connections[slot].queueMax) else {
      return end(slot)
    }
    enqueueBytes(response.span, slot)
    if keepAlive {
      renewHandshake(slot)
      arm(slot, at: connections[slot].deadline)
    } else {
      connections[slot].input.removeAll()
      connections[slot].head = nil
      linger(slot, now)
    }
  }
}
