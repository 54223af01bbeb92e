// Bytes out on the admin port: what the routes answer at once, what the node is asked for, streams,
// which are a shard's from then on, and the end of a connection.

import Gateway
import RoostEventLoop
import RoostHTTP
import RoostRooms
import RoostWire

extension AdminCore {
  mutating func answer(
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
  mutating func answered(
    _ token: SlotToken, _ question: UInt64, _ answer: ServerAnswer, _ now: MonotonicInstant
  ) {
    let slot = token.index
    guard connections.isCurrent(token), connections[slot].phase == .waiting,
      connections[slot].question == question, let asked = connections[slot].asked.take()
    else { return }
    finish(slot, APIResponse.response(to: asked.request, answer), asked.operation, now)
  }

  /// Answers the request that waits and goes on with those behind it.
  mutating func finish(
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

  mutating func pause(_ slot: Int32) {
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

  mutating func refuse(
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

  mutating func enqueue(_ slot: Int32, _ bytes: [UInt8]) {
    guard connections[slot].queue.count + bytes.count <= Self.queueBytesMax,
      bytes.count <= arena.room
    else { return end(slot) }
    let mark = arena.mark()
    arena.append(bytes.span)
    arena.enqueue(arena.slice(from: mark), on: &connections[slot].queue)
    markDirty(slot)
  }

  mutating func markDirty(_ slot: Int32) {
    guard !connections[slot].isDirty else { return }
    connections[slot].isDirty = true
    dirty.append(slot)
  }

  mutating func linger(_ slot: Int32, _ now: MonotonicInstant) {
    guard connections[slot].phase != .ended else { return }
    connections[slot].phase = .lingering
    connections[slot].input = []
    extendDeadline(slot, now)
    markDirty(slot)
  }

  mutating func end(_ slot: Int32) {
    guard connections[slot].phase != .ended, connections[slot].phase != .vacant else { return }
    connections[slot].phase = .ended
    ended.append(connections[slot].token)
  }

  mutating func settle(_ outcome: FlushOutcome, _ slot: Int32) {
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
