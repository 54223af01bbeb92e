// What the admin thread owns: a small slab of HTTP/1.1 connections with bodies, keep-alive and
// pipelining. Requests are answered in order, one at a time per connection.

import Gateway
import RoostEventLoop
import RoostHTTP
import RoostRooms
import RoostWire

/// One connection of the admin port.
struct AdminConnection: ~Copyable {
  /// What the connection is doing.
  enum Phase: Equatable {
    case vacant
    /// A head is awaited or coming in.
    case head
    /// A body is coming in for the head that was read.
    case body
    /// The node was asked; what comes in meanwhile waits.
    case waiting
    /// Nothing more will be sent; the peer's end is awaited.
    case lingering
    /// To be closed at the end of the tick.
    case ended
  }

  var phase = Phase.vacant
  var descriptor: Int32 = -1
  var address = SocketAddress(ipv4: 0, port: 0)
  var token = SlotToken(index: -1, generation: 0)
  var queue = SendQueue()
  /// TLS between the socket and everything else; nil on a plain port.
  var tls: TLSTransport?
  var isDirty = false
  var awaitsWritable = false
  var hasPeerEnded = false
  var scanner: HeadScanner?
  /// Bytes that were read and are not used up.
  var input: [UInt8] = []
  var request: RequestHead?
  var decoder: BodyDecoder?
  var body: [UInt8] = []
  /// What the node was asked, for whose answer the connection waits.
  var asked: (request: ServerRequest, operation: APIOperation)?
  /// Tells the questions of a connection apart.
  var question: UInt64 = 0
  /// Whether input is left in the kernel until the connection waits no more.
  var isPaused = false
  var deadline = MonotonicInstant.distantFuture

  init() {}

  deinit {
    if descriptor >= 0 { Syscalls.close(descriptor) }
  }
}

/// The admin thread's state.
struct AdminCore: ~Copyable {
  static let listenerToken = UInt64.max - 1

  // Bounds: an operator's tools need few connections and short requests.
  static let connectionsMax = 64
  static let headBytesMax = 16_384
  static let fieldsMax = 100
  static let bodyBytesMax = 1 << 20
  static let queueBytesMax = 8 << 20
  static let requestTimeout = Duration.seconds(10)
  /// Bytes of further requests that are taken while one is under way.
  static let pipelinedBytesMax = 131_072
  /// How long accepting pauses when descriptors have run out.
  static let shortagePause = Duration.milliseconds(100)

  let node: Node
  let routes: AdminRoutes
  var metrics = APIMetrics()
  let poller: Poller
  var listener: Descriptor?
  /// When the listener is watched again; nil while it is.
  var listenerResumesAt: MonotonicInstant?
  let mailbox: Mailbox<AdminLetter>
  var connections = Slab<AdminConnection>(capacity: AdminCore.connectionsMax) {
    AdminConnection()
  }
  var arena = SendArena(capacity: 32 << 20)
  var wheel: TimerWheel
  var dirty: [Int32] = []
  var ended: [SlotToken] = []
  var readBuffer = [UInt8](repeating: 0, count: 16_384)
  /// Where connections get their TLS; nil on a plain port.
  var door: TLSDoor?
  var isStopped = false

  init(
    node: Node, poller: Poller, listener: consuming Descriptor, mailbox: Mailbox<AdminLetter>
  ) {
    self.node = node
    routes = AdminRoutes(node: node)
    self.poller = poller
    self.listener = consume listener
    self.mailbox = mailbox
    door = node.adminDoor()
    wheel = TimerWheel(now: MonotonicInstant.now())
  }

  // MARK: Accepting

  private mutating func acceptAll(_ now: MonotonicInstant) {
    let number: Int32
    switch listener {
    case .some(let descriptor): number = descriptor.number
    case .none: return
    }
    for _ in 0..<Self.connectionsMax {
      switch Syscalls.accept(number) {
      case .accepted(let descriptor, let address): accepted(descriptor, address, now)
      case .aborted: continue
      case .wouldBlock: return
      case .shortage:
        // The queue stays readable; the loop must not spin on what it cannot take from it.
        poller.remove(number)
        listenerResumesAt = now.advanced(by: Self.shortagePause)
        return
      }
    }
  }

  private mutating func resumeAccepting(_ now: MonotonicInstant) {
    guard let resume = listenerResumesAt, resume <= now else { return }
    listenerResumesAt = nil
    switch listener {
    case .some(let descriptor):
      do {
        try poller.add(descriptor.number, .readable, token: Self.listenerToken)
      } catch {
        // No memory in the kernel: as with descriptors, wait and try again.
        listenerResumesAt = now.advanced(by: Self.shortagePause)
      }
    case .none: break
    }
  }

  private mutating func accepted(
    _ descriptor: Int32, _ address: SocketAddress, _ now: MonotonicInstant
  ) {
    guard let token = connections.acquire() else {
      guard door == nil else { return Syscalls.close(descriptor) }
      let response = ResponseWriter.response(
        status: 503, fields: [("Retry-After", "1")], body: [], keepAlive: false, omitBody: false)
      _ = response.withUnsafeBytes { Syscalls.send(descriptor, $0) }
      return Syscalls.close(descriptor)
    }
    let slot = token.index
    connections[slot].descriptor = descriptor
    connections[slot].token = token
    connections[slot].address = address
    connections[slot].phase = .head
    if door != nil {
      connections[slot].tls = door?.transport()
      guard connections[slot].tls != nil else { return end(slot) }
    }
    do {
      try poller.add(descriptor, .readable, token: token.packed)
    } catch {
      return end(slot)
    }
    extendDeadline(slot, now)
  }

  private mutating func extendDeadline(_ slot: Int32, _ now: MonotonicInstant) {
    connections[slot].deadline = now.advanced(by: Self.requestTimeout)
    wheel.schedule(connections[slot].token.packed, at: connections[slot].deadline)
  }

  // MARK: Reading

  private mutating func receive(_ slot: Int32, _ now: MonotonicInstant) {
    let descriptor = connections[slot].descriptor
    switch readBuffer.withUnsafeMutableBytes({ Syscalls.receive(descriptor, into: $0) }) {
    case .bytes(let count):
      guard connections[slot].phase != .lingering else { return }
      if let tls = connections[slot].tls { return decrypt(slot, tls, count, now) }
      took(slot, count, now)
    case .wouldBlock: break
    case .endOfStream: peerEnded(slot, now)
    case .failed: end(slot)
    }
  }

  /// Handles the first `count` bytes of the buffer.
  private mutating func took(_ slot: Int32, _ count: Int, _ now: MonotonicInstant) {
    connections[slot].input.append(contentsOf: readBuffer[0..<count])
    takeRequests(slot, now)
    if connections[slot].phase == .waiting,
      connections[slot].input.count >= Self.pipelinedBytesMax
    {
      pause(slot)
    }
  }

  /// Decrypts the first `count` bytes of the buffer, and handles all that comes out.
  private mutating func decrypt(
    _ slot: Int32, _ tls: TLSTransport, _ count: Int, _ now: MonotonicInstant
  ) {
    tls.feed(readBuffer.span.extracting(0..<count))
    reading: while connections[slot].phase != .lingering, connections[slot].phase != .ended {
      let reading = readBuffer.withUnsafeMutableBytes { tls.read(into: $0) }
      if reading.count > 0 { took(slot, reading.count, now) }
      // It may have gone to a shard with its connection, and is not ours to touch any more.
      guard connections[slot].tls != nil else { return }
      switch reading.state {
      case .more: continue reading
      case .waiting: break
      case .ended: peerEnded(slot, now)
      case .failed:
        if tls.hasOutput { linger(slot, now) } else { end(slot) }
      case .plainHTTP:
        connections[slot].tls = nil
        refuse(slot, 400, "This port speaks TLS: use https.", now)
      }
      break
    }
    if tls.hasOutput { markDirty(slot) }
  }

  /// Sends what a connection has queued.
  private mutating func sendQueued(_ slot: Int32) -> FlushOutcome {
    let descriptor = connections[slot].descriptor
    guard let tls = connections[slot].tls else {
      return arena.flush(&connections[slot].queue, to: descriptor)
    }
    return tls.flush(&connections[slot].queue, of: &arena, to: descriptor)
  }

  /// Whether anything waits for the socket.
  private func hasOutput(_ slot: Int32) -> Bool {
    if !connections[slot].queue.isEmpty { return true }
    return connections[slot].tls?.hasOutput ?? false
  }

  /// The peer sends nothing more; what is queued for it still goes out.
  private mutating func peerEnded(_ slot: Int32, _ now: MonotonicInstant) {
    if connections[slot].phase == .waiting {
      // It may have ended its sending side only, and wait for the answer.
      connections[slot].hasPeerEnded = true
      return pause(slot)
    }
    guard hasOutput(slot) else { return end(slot) }
    connections[slot].hasPeerEnded = true
    lingerBehindEnd(slot, now)
  }

  private mutating func lingerBehindEnd(_ slot: Int32, _ now: MonotonicInstant) {
    linger(slot, now)
    // Its end stays readable for good: from here on only room for the rest is worth a wake-up.
    connections[slot].awaitsWritable = true
    poller.modify(
      connections[slot].descriptor, [.writable], token: connections[slot].token.packed)
  }

  private mutating func takeRequests(_ slot: Int32, _ now: MonotonicInstant) {
    while !connections[slot].input.isEmpty {
      let before = connections[slot].input.count
      switch connections[slot].phase {
      case .head: takeHead(slot, now)
      case .body: takeBody(slot, now)
      case .vacant, .waiting, .lingering, .ended: return
      }
      // No byte was used up: more of them are needed.
      guard connections[slot].input.count < before else { return }
    }
  }

  private mutating func takeHead(_ slot: Int32, _ now: MonotonicInstant) {
    var scanner =
      connections[slot].scanner
      ?? HeadScanner(
        requestLineBytesMax: Self.headBytesMax / 2, headBytesMax: Self.headBytesMax,
        fieldsMax: Self.fieldsMax)
    var input: [UInt8] = []
    swap(&input, &connections[slot].input)
    defer { swap(&input, &connections[slot].input) }
    do throws(HTTPViolation) {
      switch try scanner.scan(input.span) {
      case .needMore: connections[slot].scanner = scanner
      case .complete(let headBytes):
        connections[slot].scanner = nil
        let head = try RequestHead(
          parsing: input.span.extracting(0..<headBytes),
          requestLineBytesMax: Self.headBytesMax / 2, headBytesMax: Self.headBytesMax,
          fieldsMax: Self.fieldsMax)
        input.removeFirst(headBytes)
        extendDeadline(slot, now)
        try beginBody(slot, head, now)
      }
    } catch {
      input = []
      refuse(slot, error.status, error.reason, now)
    }
  }

  private mutating func beginBody(
    _ slot: Int32, _ head: RequestHead, _ now: MonotonicInstant
  ) throws(HTTPViolation) {
    switch head.body {
    case .none: return answer(slot, head, [], now)
    case .length(let count) where count == 0: return answer(slot, head, [], now)
    case .length(let count) where count > Self.bodyBytesMax: throw .bodyTooLarge
    case .length, .chunked:
      connections[slot].request = head
      connections[slot].decoder = BodyDecoder(body: head.body, bytesMax: Self.bodyBytesMax)
      connections[slot].phase = .body
      // RFC 9110, 10.1.1: the peer waits to be told that its body is wanted.
      if head.expectsContinue { enqueue(slot, Array("HTTP/1.1 100 Continue\r\n\r\n".utf8)) }
    }
  }

  private mutating func takeBody(_ slot: Int32, _ now: MonotonicInstant) {
    guard var decoder = connections[slot].decoder.take() else { return }
    var input: [UInt8] = []
    swap(&input, &connections[slot].input)
    var body: [UInt8] = []
    swap(&body, &connections[slot].body)
    var offset = 0
    do throws(HTTPViolation) {
      let progress = try decoder.decode(input.span, from: &offset, into: &body)
      input.removeFirst(offset)
      swap(&input, &connections[slot].input)
      switch progress {
      case .needMore:
        connections[slot].decoder = decoder
        swap(&body, &connections[slot].body)
      case .complete:
        connections[slot].phase = .head
        guard let head = connections[slot].request.take() else { return end(slot) }
        answer(slot, head, body, now)
      }
    } catch {
      refuse(slot, error.status, error.reason, now)
    }
  }

  // MARK: Answering

  private mutating func answer(
    _ slot: Int32, _ head: RequestHead, _ body: [UInt8], _ now: MonotonicInstant
  ) {
    switch routes.action(for: head, body: body, metrics: metrics) {
    case .respond(let response, let operation):
      if AdminRoutes.isServerAPI(head) { metrics.count(operation, status: response.status) }
      respond(slot, head, response, now)
    case .ask(let request, let operation):
      connections[slot].phase = .waiting
      connections[slot].request = head
      connections[slot].asked = (request, operation)
      connections[slot].question += 1
      let token = connections[slot].token
      let question = connections[slot].question
      node.ask(request) { [mailbox] answer in
        // A connection has one question at a time, so there is room for every answer.
        mailbox.post([.answered(token, question: question, answer)])
      }
    case .stream(let room, let since): stream(slot, head, room, since, now)
    }
  }

  /// Hands the connection to a shard, which answers it.
  private mutating func stream(
    _ slot: Int32, _ head: RequestHead, _ room: RoomName, _ since: Position?,
    _ now: MonotonicInstant
  ) {
    if let failure = node.streamRefusal(room) {
      let problem = Problem(failure).response
      metrics.count(.streamEvents, status: problem.status)
      return respond(slot, head, problem, now)
    }
    guard head.method == .get else {
      metrics.count(.streamEvents, status: 200)
      let response = AdminResponse(
        status: 200,
        fields: [("Content-Type", "text/event-stream"), ("Cache-Control", "no-store")],
        body: [])
      return respond(slot, head, response, now)
    }
    // Answers to requests before it go out first; who pipelines and does not read gets no stream.
    let descriptor = connections[slot].descriptor
    guard sendQueued(slot) == .done,
      !connections[slot].hasPeerEnded
    else { return end(slot) }
    poller.remove(descriptor)
    connections[slot].descriptor = -1
    let isTaken = node.adopt(
      descriptor: descriptor, address: connections[slot].address, room: room, since: since,
      tls: TLSHandover(taking: &connections[slot].tls))
    metrics.count(.streamEvents, status: isTaken ? 200 : 503)
    if !isTaken { Syscalls.close(descriptor) }
    end(slot)
  }

  /// The node has answered; who went away meanwhile is not there any more.
  private mutating func answered(
    _ token: SlotToken, _ question: UInt64, _ answer: ServerAnswer, _ now: MonotonicInstant
  ) {
    let slot = token.index
    guard connections.isCurrent(token), connections[slot].phase == .waiting,
      connections[slot].question == question, let asked = connections[slot].asked.take()
    else { return }
    finish(slot, APIResponse.response(to: asked.request, answer), asked.operation, now)
  }

  /// Answers the request that waits and goes on with those behind it.
  private mutating func finish(
    _ slot: Int32, _ response: AdminResponse, _ operation: APIOperation, _ now: MonotonicInstant
  ) {
    guard let head = connections[slot].request.take() else { return end(slot) }
    metrics.count(operation, status: response.status)
    connections[slot].phase = .head
    extendDeadline(slot, now)
    respond(slot, head, response, now)
    takeRequests(slot, now)
    guard connections[slot].phase != .waiting, connections[slot].isPaused else { return }
    connections[slot].isPaused = false
    if connections[slot].hasPeerEnded {
      return hasOutput(slot) ? lingerBehindEnd(slot, now) : end(slot)
    }
    watch(slot)
  }

  private mutating func pause(_ slot: Int32) {
    connections[slot].isPaused = true
    watch(slot)
  }

  /// Watches the socket for what is of use now.
  private mutating func watch(_ slot: Int32) {
    var interest: Interest = connections[slot].isPaused ? [] : [.readable]
    if connections[slot].awaitsWritable { interest.insert(.writable) }
    poller.modify(
      connections[slot].descriptor, interest, token: connections[slot].token.packed)
  }

  private mutating func respond(
    _ slot: Int32, _ head: RequestHead, _ response: AdminResponse, _ now: MonotonicInstant
  ) {
    let keepAlive = head.keepsAlive
    enqueue(
      slot,
      ResponseWriter.response(
        status: response.status, fields: response.fields, body: response.body,
        keepAlive: keepAlive, omitBody: head.method == .head))
    if !keepAlive { linger(slot, now) }
  }

  private mutating func refuse(
    _ slot: Int32, _ status: Int, _ reason: String, _ now: MonotonicInstant
  ) {
    let problem = Problem(status: status, .notHTTP, reason).response
    enqueue(
      slot,
      ResponseWriter.response(
        status: problem.status, fields: problem.fields, body: problem.body, keepAlive: false,
        omitBody: false))
    linger(slot, now)
  }

  private mutating func enqueue(_ slot: Int32, _ bytes: [UInt8]) {
    guard connections[slot].queue.count + bytes.count <= Self.queueBytesMax,
      bytes.count <= arena.room
    else { return end(slot) }
    let mark = arena.mark()
    arena.append(bytes.span)
    arena.enqueue(arena.slice(from: mark), on: &connections[slot].queue)
    markDirty(slot)
  }

  private mutating func markDirty(_ slot: Int32) {
    guard !connections[slot].isDirty else { return }
    connections[slot].isDirty = true
    dirty.append(slot)
  }

  private mutating func linger(_ slot: Int32, _ now: MonotonicInstant) {
    guard connections[slot].phase != .ended else { return }
    connections[slot].phase = .lingering
    connections[slot].input = []
    extendDeadline(slot, now)
    markDirty(slot)
  }

  private mutating func end(_ slot: Int32) {
    guard connections[slot].phase != .ended, connections[slot].phase != .vacant else { return }
    connections[slot].phase = .ended
    ended.append(connections[slot].token)
  }

  private mutating func settle(_ outcome: FlushOutcome, _ slot: Int32) {
    switch outcome {
    case .failed: return end(slot)
    case .done:
      if connections[slot].hasPeerEnded, connections[slot].phase != .waiting { return end(slot) }
      if connections[slot].phase == .lingering {
        connections[slot].tls?.end(on: connections[slot].descriptor)
        Socket.shutdownSending(connections[slot].descriptor)
      }
      awaitWritable(slot, false)
    case .blocked: awaitWritable(slot, true)
    }
  }

  private mutating func awaitWritable(_ slot: Int32, _ awaits: Bool) {
    guard connections[slot].awaitsWritable != awaits else { return }
    connections[slot].awaitsWritable = awaits
    watch(slot)
  }
}

extension AdminCore: LoopStages {
  var isDirty: Bool { !dirty.isEmpty }

  mutating func ready(_ readiness: Readiness, now: MonotonicInstant) {
    if readiness.token == Self.listenerToken { return acceptAll(now) }
    let token = SlotToken(packed: readiness.token)
    guard connections.isCurrent(token) else { return }
    if readiness.isWritable {
      settle(sendQueued(token.index), token.index)
    }
    if readiness.isReadable, connections[token.index].phase != .ended {
      receive(token.index, now)
    }
  }

  mutating func takeLetters(now: MonotonicInstant) {
    for letter in mailbox.takeAll() {
      switch letter {
      case .answered(let token, let question, let answer):
        answered(token, question, answer, now)
      case .stop:
        for slot in 0..<connections.slotsUsed where connections.token(at: slot) != nil { end(slot) }
        listener = nil
        isStopped = true
      }
    }
  }

  mutating func expireTimers(now: MonotonicInstant) {
    resumeAccepting(now)
    var due: [UInt64] = []
    wheel.expire(until: now, into: &due)
    for packed in due {
      let token = SlotToken(packed: packed)
      guard connections.isCurrent(token), connections[token.index].deadline <= now else { continue }
      guard connections[token.index].phase == .waiting,
        let asked = connections[token.index].asked.take()
      else {
        end(token.index)
        continue
      }
      // The node answers within half of this time; it must have stopped.
      finish(
        token.index, Problem(.unknown, "The node did not answer.").response, asked.operation, now)
    }
  }

  mutating func postLetters() {}

  mutating func flush(now: MonotonicInstant) {
    let slots = dirty
    dirty.removeAll(keepingCapacity: true)
    for slot in slots {
      connections[slot].isDirty = false
      guard connections[slot].descriptor >= 0 else { continue }
      settle(sendQueued(slot), slot)
    }
    arena.reset()
  }

  mutating func closeScheduled(now: MonotonicInstant) {
    while let token = ended.popLast() {
      arena.drop(&connections[token.index].queue)
      if connections[token.index].descriptor >= 0 {
        connections[token.index].tls?.end(on: connections[token.index].descriptor)
      }
      connections.release(token)
    }
  }

  func nextDeadline() -> MonotonicInstant? {
    guard let resume = listenerResumesAt else { return wheel.nextDeadline() }
    return min(resume, wheel.nextDeadline() ?? resume)
  }
}
