// Stands between clients and nodes and spoils what passes: the judge must not believe it. One
// thread, one epoll, the project's loop.

import RoostEventLoop

/// A proxy with a planted bug.
///
/// Any thread.
final class PlantingProxy: Sendable {
  /// Where clients connect.
  let address: SocketAddress
  private let mailbox: Mailbox<Bool>
  private let thread: Lock<LoopThread?>

  /// Listens on a free port of 127.0.0.1; throws what the system says.
  init(_ plant: Plant, to targets: [SocketAddress], seed: UInt64) throws(Errno) {
    let wakeup = try Wakeup()
    let listener = try Socket.listen(
      on: SocketAddress(ipv4: 0x7F00_0001, port: 0), sharesPort: false, backlog: 1024)
    address = try Socket.localAddress(of: listener)
    mailbox = Mailbox(wakeup: wakeup, capacity: 16)
    let worker = try PlantingWorker(
      wakeup: wakeup, mailbox: mailbox, listener: listener, plant, targets, seed: seed)
    thread = Lock(try LoopThread(name: "soak-plant") { worker.run() })
  }

  /// Ends all connections and the thread.
  func stop() {
    _ = mailbox.post([true])
    thread.join()
  }
}

/// The thread's actor.
actor PlantingWorker {
  nonisolated let executor: LoopExecutor
  nonisolated var unownedExecutor: UnownedSerialExecutor {
    executor.asUnownedSerialExecutor()
  }

  private var core: PlantingCore
  private var loop: Loop

  init(
    wakeup: Wakeup, mailbox: Mailbox<Bool>, listener: consuming sending Descriptor, _ plant: Plant,
    _ targets: [SocketAddress], seed: UInt64
  ) throws(Errno) {
    let poller = try Poller()
    try poller.add(listener.number, .readable, token: 0)
    executor = LoopExecutor(wakeup: wakeup)
    loop = Loop(poller: poller, wakeup: wakeup)
    core = PlantingCore(
      poller: poller, mailbox: mailbox, listener: listener, plant, targets, seed: seed)
  }

  nonisolated func run() {
    executor.run { assumeIsolated { $0.turn() } }
  }

  private func turn() -> Bool {
    while tick() {
      if executor.hasJobs { return true }
    }
    return false
  }

  private func tick() -> Bool {
    loop.tick(&core)
    return !core.isStopped
  }
}

/// One connection and its way on.
private final class PlantedPair {
  let client: Descriptor
  let node: Descriptor
  var toClient = ByteQueue()
  var toNode = ByteQueue()
  var cutter = FrameCutter()
  var frames: PlantedFrames
  var isConnected = false
  /// The client has gone, and the node is not told.
  var isKept = false

  init(client: consuming Descriptor, node: consuming Descriptor, _ frames: PlantedFrames) {
    self.client = client
    self.node = node
    self.frames = frames
  }
}

struct PlantingCore: ~Copyable {
  private let poller: Poller
  private let mailbox: Mailbox<Bool>
  private let listener: Descriptor
  private let plant: Plant
  private let targets: [SocketAddress]
  private var numbers: SeededNumbers
  private var pairs: [UInt64: PlantedPair] = [:]
  private var nextPair: UInt64 = 1
  private var buffer = [UInt8](repeating: 0, count: 65_536)
  private(set) var isStopped = false

  init(
    poller: Poller, mailbox: Mailbox<Bool>, listener: consuming Descriptor, _ plant: Plant,
    _ targets: [SocketAddress], seed: UInt64
  ) {
    self.poller = poller
    self.mailbox = mailbox
    self.listener = listener
    self.plant = plant
    self.targets = targets
    numbers = SeededNumbers(seed: seed, stream: 4)
  }

  // MARK: Connections

  private mutating func accept() {
    for _ in 0..<64 {
      guard case .accepted(let number, _) = Syscalls.accept(listener.number) else { return }
      let client = Descriptor(taking: number)
      guard let target = targets.randomElement(using: &numbers),
        let node = try? Socket.beginConnecting(
          to: target, keepAlive: KeepAlive(idleSeconds: 30, intervalSeconds: 10, probes: 3))
      else { continue }
      let frames = PlantedFrames(
        plant, every: plant.every, first: Int.random(in: 0..<plant.every, using: &numbers))
      let pair = PlantedPair(client: client, node: node, frames)
      let token = nextPair << 1
      nextPair += 1
      guard (try? poller.add(pair.client.number, .readable, token: token)) != nil,
        (try? poller.add(pair.node.number, .writable, token: token | 1)) != nil
      else { continue }
      pairs[token] = pair
    }
  }

  private mutating func end(_ token: UInt64) { pairs[token & ~1] = nil }

  /// Moves what one side has sent.
  private mutating func move(_ token: UInt64, _ pair: PlantedPair) {
    let isNode = token & 1 == 1
    let number = isNode ? pair.node.number : pair.client.number
    switch buffer.withUnsafeMutableBytes({ Syscalls.receive(number, into: $0) }) {
    case .wouldBlock: return
    case .endOfStream, .failed:
      guard plant == .leak, !isNode, nextPair <= 4 || token <= 6 else { return end(token) }
      pair.isKept = true
      poller.modify(number, [], token: token)
    case .bytes(let count):
      if isNode {
        for piece in pair.cutter.cut(buffer[..<count]) { pass(piece, pair) }
      } else if !(plant == .leak && token <= 6 && buffer[0] == 0x88) {
        buffer[..<count].withUnsafeBytes { pair.toNode.append($0) }
      }
    }
    flush(token, pair)
  }

  private func pass(_ piece: FrameCutter.Piece, _ pair: PlantedPair) {
    let out: [[UInt8]]
    switch piece {
    case .plain(let bytes): out = [bytes]
    case .text(let frame, let payload): out = pair.frames.replace(frame, payload: payload)
    }
    for bytes in out { bytes.withUnsafeBytes { pair.toClient.append($0) } }
  }

  private mutating func flush(_ token: UInt64, _ pair: PlantedPair) {
    var hasFailed = false
    if !pair.isKept {
      hasFailed = !Self.send(&pair.toClient, pair.client.number)
      let isWaiting = !pair.toClient.isEmpty
      poller.modify(
        pair.client.number, isWaiting ? [.readable, .writable] : .readable, token: token & ~1)
    }
    if pair.isConnected {
      hasFailed = !Self.send(&pair.toNode, pair.node.number) || hasFailed
      let isWaiting = !pair.toNode.isEmpty
      poller.modify(
        pair.node.number, isWaiting ? [.readable, .writable] : .readable, token: token | 1)
    }
    if hasFailed { end(token) }
  }

  private static func send(_ queue: inout ByteQueue, _ number: Int32) -> Bool {
    while !queue.isEmpty {
      switch queue.withBytes({ Syscalls.send(number, $0) }) {
      case .bytes(let count): queue.removeFirst(count)
      case .wouldBlock: return true
      case .endOfStream, .failed: return false
      }
    }
    return true
  }
}

extension PlantingCore: LoopStages {
  var isDirty: Bool { false }

  mutating func ready(_ readiness: Readiness, now: MonotonicInstant) {
    if readiness.token == 0 { return accept() }
    guard let pair = pairs[readiness.token & ~1] else { return }
    if readiness.token & 1 == 1, !pair.isConnected {
      switch Socket.connectOutcome(of: pair.node) {
      case .pending: return
      case .failed: return end(readiness.token)
      case .connected: pair.isConnected = true
      }
      return flush(readiness.token, pair)
    }
    if readiness.isReadable { move(readiness.token, pair) }
    if readiness.isWritable, pairs[readiness.token & ~1] != nil { flush(readiness.token, pair) }
  }

  mutating func takeLetters(now: MonotonicInstant) {
    if !mailbox.takeAll().isEmpty { isStopped = true }
  }

  mutating func expireTimers(now: MonotonicInstant) {}
  mutating func postLetters() {}
  mutating func flush(now: MonotonicInstant) {}
  mutating func closeScheduled(now: MonotonicInstant) {}
  func nextDeadline() -> MonotonicInstant? { isStopped ? .zero : nil }
}
