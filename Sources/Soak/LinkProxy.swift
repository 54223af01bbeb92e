// Stands between each node and Redis, and between each node and its clients, where a scenario wants
// networks to fail: a node's links are cut, stand still as behind a dead switch, are forgotten as by
// a firewall that lost its table, are late or narrow. One thread, one epoll, a listener for each node.

import RoostEventLoop

/// How a node's links are.
enum LinkMode: Equatable, Sendable {
  /// All passes.
  case whole
  /// Connections end, and new ones end at once.
  case cut
  /// Nothing passes, and nobody is told: what was sent comes when it is over.
  case stalled
  /// Those that there are, and those that come while it lasts, are dead for ever: nothing passes, and
  /// neither side is told of the other's end.
  case forgotten
  /// All passes, so much later, and up to so much more by chance.
  case late(Duration, jitter: Duration)
  /// Each direction of each link passes so many bytes a second.
  case narrow(Int)
}

/// The proxies of all nodes.
///
/// Any thread.
final class LinkProxy: Sendable {
  /// The near end of each node's links: where it finds Redis, or where clients find it.
  let addresses: [SocketAddress]
  private let mailbox: Mailbox<LinkLetter>
  private let thread: Lock<LoopThread?>

  enum LinkLetter: Sendable {
    case mode(node: Int, LinkMode)
    case stop
  }

  /// Listens on a free port of 127.0.0.1 for each node; throws what the system says.
  ///
  /// - Parameter targets: where each node's links lead.
  init(to targets: [SocketAddress]) throws(Errno) {
    let wakeup = try Wakeup()
    mailbox = Mailbox(wakeup: wakeup, capacity: 64)
    var listeners: [Int32] = []
    var addresses: [SocketAddress] = []
    for _ in targets {
      let listener = try Socket.listen(
        on: SocketAddress(ipv4: 0x7F00_0001, port: 0), sharesPort: false, backlog: 1024)
      addresses.append(try Socket.localAddress(of: listener))
      listeners.append(listener.relinquish())
    }
    self.addresses = addresses
    let worker = try LinkWorker(wakeup: wakeup, mailbox: mailbox, listeners: listeners, targets)
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
    _ targets: [SocketAddress]
  ) throws(Errno) {
    let poller = try Poller()
    executor = LoopExecutor(wakeup: wakeup)
    loop = Loop(poller: poller, wakeup: wakeup)
    core = LinkCore(poller: poller, mailbox: mailbox, targets)
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
