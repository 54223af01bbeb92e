// What the admin thread owns: a small slab of HTTP/1.1 connections with bodies, keep-alive and
// pipelining. Requests are answered in order, one at a time per connection.

import Gateway
import RoostEventLoop
import RoostHTTP
import RoostWire

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

  mutating func extendDeadline(_ slot: Int32, _ now: MonotonicInstant) {
    connections[slot].deadline = now.advanced(by: Self.requestTimeout)
    wheel.schedule(connections[slot].token.packed, at: connections[slot].deadline)
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
