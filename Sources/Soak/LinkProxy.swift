// Stands between each node and Redis, where a scenario wants networks to fail: a node's links are
// cut, stand still as behind a dead switch, or are late. One thread, one epoll, a listener for each
// node.

import RoostEventLoop

/// How a node's links to Redis are.
enum LinkMode: Equatable, Sendable {
  /// All passes.
  case whole
  /// Connections end, and new ones end at once.
  case cut
  /// Nothing passes, and nobody is told: what was sent comes when it is over.
  case stalled
  /// All passes, so much later.
  case late(Duration)
}

/// The proxies of all nodes.
///
/// Any thread.
final class LinkProxy: Sendable {
  /// Where each node finds Redis.
  let addresses: [SocketAddress]
  private let mailbox: Mailbox<LinkLetter>
  private let thread: Lock<LoopThread?>

  enum LinkLetter: Sendable {
    case mode(node: Int, LinkMode)
    case stop
  }

  /// Listens on a free port of 127.0.0.1 for each node; throws what the system says.
  init(nodes: Int, to target: SocketAddress) throws(Errno) {
    let wakeup = try Wakeup()
    mailbox = Mailbox(wakeup: wakeup, capacity: 64)
    var listeners: [Int32] = []
    var addresses: [SocketAddress] = []
    for _ in 0..<nodes {
      let listener = try Socket.listen(
        on: SocketAddress(ipv4: 0x7F00_0001, port: 0), sharesPort: false, backlog: 128)
      addresses.append(try Socket.localAddress(of: listener))
      listeners.append(listener.relinquish())
    }
    self.addresses = addresses
    let worker = try LinkWorker(wakeup: wakeup, mailbox: mailbox, listeners: listeners, target)
    thread = Lock(try LoopThread(name: "soak-links") { worker.run() })
  }

  /// Breaks a node's links, or mends them.
  func set(_ mode: LinkMode, ofNode node: Int) { _ = mailbox.post([.mode(node: node, mode)]) }

  /// Ends all links and the thread.
  func stop() {
    _ = mailbox.post([.stop])
    thread.join()
  }
}

/// The thread's actor.
actor LinkWorker {
  nonisolated let executor: LoopExecutor
  nonisolated var unownedExecutor: UnownedSerialExecutor {
    executor.asUnownedSerialExecutor()
  }

  private var core: LinkCore
  private var loop: Loop

  init(
    wakeup: Wakeup, mailbox: Mailbox<LinkProxy.LinkLetter>, listeners: [Int32],
    _ target: SocketAddress
  ) throws(Errno) {
    let poller = try Poller()
    executor = LoopExecutor(wakeup: wakeup)
    loop = Loop(poller: poller, wakeup: wakeup)
    core = LinkCore(poller: poller, mailbox: mailbox, target)
    for number in listeners { try core.listen(Descriptor(taking: number)) }
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

/// One link: two sockets, and what is on its way in each direction.
final class Link {
  struct Side {
    /// Bytes with the time before which they do not leave.
    var late: [(due: MonotonicInstant, bytes: [UInt8])] = []
    var queue = [UInt8]()
    var isConnected: Bool
  }

  let node: Int
  let sockets: [LinkSocket]
  /// What goes to the node, and to Redis.
  var sides: [Side]

  init(node: Int, toNode: LinkSocket, toRedis: LinkSocket) {
    self.node = node
    sockets = [toNode, toRedis]
    sides = [Side(isConnected: true), Side(isConnected: false)]
  }
}

/// A descriptor that several hold.
final class LinkSocket {
  let descriptor: Descriptor
  init(_ descriptor: consuming Descriptor) { self.descriptor = descriptor }
  var number: Int32 { descriptor.number }
}

struct LinkCore: ~Copyable {
  private let poller: Poller
  private let mailbox: Mailbox<LinkProxy.LinkLetter>
  private let target: SocketAddress
  private var listeners: [LinkSocket] = []
  private var modes: [LinkMode] = []
  private var links: [UInt64: Link] = [:]
  private var nextLink: UInt64 = 1 << 16
  private var buffer = [UInt8](repeating: 0, count: 65_536)
  private(set) var isStopped = false

  init(poller: Poller, mailbox: Mailbox<LinkProxy.LinkLetter>, _ target: SocketAddress) {
    self.poller = poller
    self.mailbox = mailbox
    self.target = target
  }

  mutating func listen(_ listener: consuming Descriptor) throws(Errno) {
    let socket = LinkSocket(listener)
    try poller.add(socket.number, .readable, token: UInt64(listeners.count))
    listeners.append(socket)
    modes.append(.whole)
  }

  private mutating func accept(_ node: Int) {
    for _ in 0..<16 {
      guard case .accepted(let number, _) = Syscalls.accept(listeners[node].number) else { return }
      let toNode = LinkSocket(Descriptor(taking: number))
      guard modes[node] != .cut,
        let opened = try? Socket.beginConnecting(
          to: target, keepAlive: KeepAlive(idleSeconds: 30, intervalSeconds: 10, probes: 3))
      else { continue }
      let link = Link(node: node, toNode: toNode, toRedis: LinkSocket(opened))
      let token = nextLink << 1
      nextLink += 1
      guard (try? poller.add(link.sockets[0].number, .readable, token: token)) != nil,
        (try? poller.add(link.sockets[1].number, .writable, token: token | 1)) != nil
      else { continue }
      links[token] = link
      watch(token, link)
    }
  }

  private mutating func end(_ token: UInt64) { links[token & ~1] = nil }

  private mutating func set(_ mode: LinkMode, _ node: Int) {
    modes[node] = mode
    for (token, link) in links where link.node == node {
      if mode == .cut { end(token) } else { flush(token, link, .now()) }
    }
  }

  /// Reads what one side has sent; it leaves now or when its time comes.
  private mutating func receive(_ token: UInt64, _ link: Link, _ now: MonotonicInstant) {
    let from = Int(token & 1)
    let number = link.sockets[from].number
    switch buffer.withUnsafeMutableBytes({ Syscalls.receive(number, into: $0) }) {
    case .wouldBlock: return
    case .endOfStream, .failed: return end(token)
    case .bytes(let count):
      let to = 1 - from
      if case .late(let time) = modes[link.node] {
        link.sides[to].late.append((now.advanced(by: time), Array(buffer[..<count])))
      } else {
        // What is late already stays in front.
        for part in link.sides[to].late { link.sides[to].queue += part.bytes }
        link.sides[to].late = []
        link.sides[to].queue += buffer[..<count]
      }
    }
    flush(token, link, now)
  }

  private mutating func flush(_ token: UInt64, _ link: Link, _ now: MonotonicInstant) {
    guard modes[link.node] != .stalled else { return watch(token, link) }
    for to in 0...1 where link.sides[to].isConnected {
      while let first = link.sides[to].late.first, first.due <= now {
        link.sides[to].queue += first.bytes
        link.sides[to].late.removeFirst()
      }
      var sent = 0
      sending: while sent < link.sides[to].queue.count {
        let number = link.sockets[to].number
        let rest = link.sides[to].queue[sent...]
        switch rest.withUnsafeBytes({ Syscalls.send(number, $0) }) {
        case .bytes(let count): sent += count
        case .wouldBlock: break sending
        case .endOfStream, .failed: return end(token)
        }
      }
      link.sides[to].queue.removeFirst(sent)
    }
    watch(token, link)
  }

  private func watch(_ token: UInt64, _ link: Link) {
    for side in 0...1 {
      let isStalled = modes[link.node] == .stalled
      var interest: Interest = isStalled ? [] : .readable
      let isWaiting = !link.sides[side].queue.isEmpty && !isStalled
      if isWaiting || !link.sides[side].isConnected { interest.insert(.writable) }
      poller.modify(link.sockets[side].number, interest, token: token & ~1 | UInt64(side))
    }
  }
}

extension LinkCore: LoopStages {
  var isDirty: Bool { false }

  mutating func ready(_ readiness: Readiness, now: MonotonicInstant) {
    let token = readiness.token
    if token < UInt64(listeners.count) { return accept(Int(token)) }
    guard let link = links[token & ~1] else { return }
    if token & 1 == 1, !link.sides[1].isConnected {
      switch Socket.connectOutcome(of: link.sockets[1].descriptor) {
      case .pending: return
      case .failed: return end(token)
      case .connected: link.sides[1].isConnected = true
      }
      return flush(token, link, now)
    }
    if readiness.isReadable {
      receive(token, link, now)
    } else if readiness.isWritable {
      flush(token, link, now)
    }
  }

  mutating func takeLetters(now: MonotonicInstant) {
    for letter in mailbox.takeAll() {
      switch letter {
      case .mode(let node, let mode): set(mode, node)
      case .stop: isStopped = true
      }
    }
  }

  mutating func expireTimers(now: MonotonicInstant) {
    for (token, link) in links where link.sides.contains(where: { !$0.late.isEmpty }) {
      flush(token, link, now)
    }
  }

  mutating func postLetters() {}
  mutating func flush(now: MonotonicInstant) {}
  mutating func closeScheduled(now: MonotonicInstant) {}

  func nextDeadline() -> MonotonicInstant? {
    if isStopped { return .zero }
    var next = MonotonicInstant.distantFuture
    for link in links.values where modes[link.node] != .stalled {
      for side in link.sides { next = min(next, side.late.first?.due ?? .distantFuture) }
    }
    return next == .distantFuture ? nil : next
  }
}
