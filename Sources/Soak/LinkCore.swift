// What the proxies' thread owns: the links of all nodes, and how bytes pass over them.

import RoostEventLoop

/// One link: two sockets, and what is on its way in each direction.
final class Link {
  /// What goes to one of the two.
  struct Side {
    /// Bytes with the time before which they do not leave.
    var late: [(due: MonotonicInstant, bytes: [UInt8])] = []
    var lateBytes = 0
    var queue = [UInt8]()
    var isConnected: Bool
    /// The other one has ended: behind what is on its way nothing comes.
    var isEnding = false
    /// Bytes that may pass a narrow link now, and since when more are earned.
    var credit = 0.0
    var earnsFrom = MonotonicInstant.zero

    var isEmpty: Bool { late.isEmpty && queue.isEmpty }
    /// A side that takes nothing must not fill the harness's memory.
    var isFull: Bool { lateBytes + queue.count >= LinkCore.waitingBytesMax }
  }

  let node: Int
  /// The one that connected, and the one that it was connected to.
  let sockets: [LinkSocket]
  var sides: [Side]
  /// Nothing passes any more.
  var isForgotten = false
  /// Which of the two have ended, which the other must not know.
  var hasEnded = [false, false]

  init(node: Int, from near: LinkSocket, to far: LinkSocket) {
    self.node = node
    sockets = [near, far]
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
  /// Bytes that wait for one side of a link before its other side is not read any more.
  static let waitingBytesMax = 262_144
  /// How often links that wait for time to pass are looked at.
  static let lookInterval = Duration.milliseconds(5)

  private let poller: Poller
  private let mailbox: Mailbox<LinkProxy.LinkLetter>
  private let targets: [SocketAddress]
  private var numbers = SeededNumbers(seed: 0, stream: 5)
  private var listeners: [LinkSocket] = []
  private var modes: [LinkMode] = []
  private var links: [UInt64: Link] = [:]
  private var nextLink: UInt64 = 1 << 16
  /// Links with something that leaves only when time has passed.
  private var waiting: Set<UInt64> = []
  private var nextLook = MonotonicInstant.distantFuture
  private var buffer = [UInt8](repeating: 0, count: 65_536)
  private(set) var isStopped = false

  init(poller: Poller, mailbox: Mailbox<LinkProxy.LinkLetter>, _ targets: [SocketAddress]) {
    self.poller = poller
    self.mailbox = mailbox
    self.targets = targets
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
      let near = LinkSocket(Descriptor(taking: number))
      guard modes[node] != .cut,
        let opened = try? Socket.beginConnecting(
          to: targets[node],
          keepAlive: KeepAlive(idleSeconds: 30, intervalSeconds: 10, probes: 3))
      else { continue }
      let far = LinkSocket(opened)
      let link = Link(node: node, from: near, to: far)
      link.isForgotten = modes[node] == .forgotten
      let token = nextLink << 1
      nextLink += 1
      guard (try? poller.add(near.number, .readable, token: token)) != nil,
        (try? poller.add(far.number, .writable, token: token | 1)) != nil
      else { continue }
      links[token] = link
      watch(token, link)
    }
  }

  private mutating func end(_ token: UInt64) {
    links[token & ~1] = nil
    waiting.remove(token & ~1)
  }

  private mutating func set(_ mode: LinkMode, _ node: Int, _ now: MonotonicInstant) {
    modes[node] = mode
    for (token, link) in links where link.node == node {
      switch mode {
      case .cut: end(token)
      case .forgotten:
        link.isForgotten = true
        for side in link.sides.indices { link.sides[side] = Link.Side(isConnected: true) }
        waiting.remove(token)
        watch(token, link)
      case .narrow:
        for side in link.sides.indices {
          link.sides[side].credit = 0
          link.sides[side].earnsFrom = now
        }
        flush(token, link, now)
      case .whole, .stalled, .late: flush(token, link, now)
      }
    }
  }

  // MARK: In

  /// Reads what one side has sent; it leaves now or when its time comes.
  private mutating func receive(_ token: UInt64, _ link: Link, _ now: MonotonicInstant) {
    let from = Int(token & 1)
    let number = link.sockets[from].number
    let outcome = buffer.withUnsafeMutableBytes { Syscalls.receive(number, into: $0) }
    if link.isForgotten { return swallow(outcome, token, link) }
    let to = 1 - from
    switch outcome {
    case .wouldBlock: return
    case .failed: return end(token)
    case .endOfStream:
      // What was sent before arrives before the end does.
      link.sides[to].isEnding = true
    case .bytes(let count):
      if case .late(let time, let jitter) = modes[link.node] {
        let chance = numbers.fraction()
        let due = now.advanced(by: time + jitter * chance)
        // A stream has one order, however late its parts are.
        let last = link.sides[to].late.last?.due ?? .zero
        link.sides[to].late.append((max(due, last), Array(buffer[..<count])))
        link.sides[to].lateBytes += count
      } else {
        // What is late already stays in front.
        for part in link.sides[to].late { link.sides[to].queue += part.bytes }
        link.sides[to].late = []
        link.sides[to].lateBytes = 0
        link.sides[to].queue += buffer[..<count]
      }
    }
    flush(token, link, now)
  }

  /// A forgotten link takes everything and passes nothing on, not even an end.
  private mutating func swallow(_ outcome: IOOutcome, _ token: UInt64, _ link: Link) {
    switch outcome {
    case .bytes, .wouldBlock: return
    case .endOfStream, .failed: break
    }
    let side = Int(token & 1)
    // To close it would tell it that it was heard.
    link.hasEnded[side] = true
    poller.remove(link.sockets[side].number)
    if link.hasEnded == [true, true] { end(token) }
  }

  // MARK: Out

  private mutating func flush(_ token: UInt64, _ link: Link, _ now: MonotonicInstant) {
    let token = token & ~1
    guard !link.isForgotten else { return }
    guard modes[link.node] != .stalled else { return watch(token, link) }
    for to in 0...1 where link.sides[to].isConnected {
      mature(&link.sides[to], now)
      guard let sent = send(link, to, most: allowance(link, to, now)) else { return end(token) }
      link.sides[to].queue.removeFirst(sent)
      if case .narrow = modes[link.node] { link.sides[to].credit -= Double(sent) }
      if link.sides[to].isEnding, link.sides[to].isEmpty { return end(token) }
    }
    var waits = link.sides.contains { !$0.late.isEmpty }
    if case .narrow = modes[link.node] { waits = link.sides.contains { !$0.isEmpty } }
    if waits {
      waiting.insert(token)
      nextLook = min(nextLook, now.advanced(by: Self.lookInterval))
    } else {
      waiting.remove(token)
    }
    watch(token, link)
  }

  /// What is not late any more may leave.
  private func mature(_ side: inout Link.Side, _ now: MonotonicInstant) {
    var count = 0
    while count < side.late.count, side.late[count].due <= now {
      side.queue += side.late[count].bytes
      side.lateBytes -= side.late[count].bytes.count
      count += 1
    }
    side.late.removeFirst(count)
  }

  /// Bytes that may pass now.
  private func allowance(_ link: Link, _ to: Int, _ now: MonotonicInstant) -> Int {
    guard case .narrow(let rate) = modes[link.node] else { return .max }
    let time = now.since(link.sides[to].earnsFrom)
    link.sides[to].earnsFrom = now
    let earned = Double(time.nanosecondsClamped) / 1e9 * Double(rate)
    // Silence earns a tenth of a second at most, so that nothing comes in one piece.
    link.sides[to].credit = min(link.sides[to].credit + earned, max(Double(rate) / 10, 1))
    return Int(link.sides[to].credit)
  }

  /// Sends as far as the socket takes it; nil when it has failed.
  private func send(_ link: Link, _ to: Int, most: Int) -> Int? {
    let number = link.sockets[to].number
    let end = min(link.sides[to].queue.count, most)
    var sent = 0
    while sent < end {
      switch link.sides[to].queue[sent..<end].withUnsafeBytes({ Syscalls.send(number, $0) }) {
      case .bytes(let count): sent += count
      case .wouldBlock: return sent
      case .endOfStream, .failed: return nil
      }
    }
    return sent
  }

  private func watch(_ token: UInt64, _ link: Link) {
    let isStalled = modes[link.node] == .stalled && !link.isForgotten
    var isNarrow = false
    if case .narrow = modes[link.node] { isNarrow = true }
    for side in 0...1 where !link.hasEnded[side] {
      let number = link.sockets[side].number
      var interest: Interest = []
      let other = link.sides[1 - side]
      if !isStalled, !other.isFull, !other.isEnding { interest.insert(.readable) }
      // A narrow link's next bytes leave when their time comes, not when the socket takes them.
      let isWaiting = !link.sides[side].queue.isEmpty && !isStalled && !isNarrow
      if isWaiting || !link.sides[side].isConnected { interest.insert(.writable) }
      poller.modify(number, interest, token: token & ~1 | UInt64(side))
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
      return connected(token, link, now)
    }
    if readiness.isReadable {
      receive(token, link, now)
    } else if readiness.isWritable {
      flush(token, link, now)
    }
  }

  private mutating func connected(_ token: UInt64, _ link: Link, _ now: MonotonicInstant) {
    switch Socket.connectOutcome(of: link.sockets[1].descriptor) {
    case .pending: return
    case .failed: return end(token)
    case .connected: link.sides[1].isConnected = true
    }
    if link.isForgotten { watch(token, link) } else { flush(token, link, now) }
  }

  mutating func takeLetters(now: MonotonicInstant) {
    for letter in mailbox.takeAll() {
      switch letter {
      case .mode(let node, let mode): set(mode, node, now)
      case .stop: isStopped = true
      }
    }
  }

  mutating func expireTimers(now: MonotonicInstant) {
    guard now >= nextLook else { return }
    nextLook = .distantFuture
    for token in waiting {
      guard let link = links[token] else { continue }
      flush(token, link, now)
    }
    if !waiting.isEmpty { nextLook = now.advanced(by: Self.lookInterval) }
  }

  mutating func postLetters() {}
  mutating func flush(now: MonotonicInstant) {}
  mutating func closeScheduled(now: MonotonicInstant) {}

  func nextDeadline() -> MonotonicInstant? {
    if isStopped { return .zero }
    return waiting.isEmpty ? nil : nextLook
  }
}
