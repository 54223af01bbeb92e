// The admin port: health, readiness, metrics. A loop of its own with few connections, so that a
// scrape never delays a delivery, and a flood on the public port never hides the node's state.

public import Gateway
public import RoostEventLoop

/// The admin port of a node.
///
/// Any thread.
public final class AdminServer: Sendable {
  private let mailbox: Mailbox<AdminLetter>
  private let thread: Lock<LoopThread?>

  /// The address, with the port that was chosen when 0 was asked for.
  public let address: SocketAddress

  /// Opens the port and starts its thread.
  public init(node: Node, listen: SocketAddress) throws(NodeFailure) {
    let number: Int32
    do {
      let listener = try Socket.listen(on: listen, sharesPort: false, backlog: 128)
      address = try Socket.localAddress(of: listener)
      number = listener.relinquish()
    } catch {
      throw .listen(listen, error)
    }
    do {
      let wakeup = try Wakeup()
      // An answer for each connection, and the letter that ends it all.
      mailbox = Mailbox(wakeup: wakeup, capacity: AdminCore.connectionsMax * 4)
      let loop = try AdminLoop(node: node, listener: number, wakeup: wakeup, mailbox: mailbox)
      thread = Lock(try LoopThread(name: "admin") { loop.run() })
      node.announceAdmin(address)
    } catch {
      throw .system("the admin port could not be started", error)
    }
  }

  /// Closes the port and every connection of it, and waits for the thread's end.
  public func stop() {
    mailbox.post([.stop])
    thread.join()
  }
}

/// What the admin thread is told.
enum AdminLetter: Sendable {
  /// The node's answer to a question of a connection.
  case answered(SlotToken, question: UInt64, ServerAnswer)
  /// Close everything and end.
  case stop
}

/// The thread of the admin port, as an actor.
actor AdminLoop {
  nonisolated let executor: LoopExecutor
  nonisolated var unownedExecutor: UnownedSerialExecutor {
    executor.asUnownedSerialExecutor()
  }

  private var core: AdminCore
  private var loop: Loop

  init(
    node: Node, listener: Int32, wakeup: Wakeup, mailbox: Mailbox<AdminLetter>
  ) throws(Errno) {
    let descriptor = Descriptor(taking: listener)
    let poller = try Poller()
    try poller.add(listener, .readable, token: AdminCore.listenerToken)
    executor = LoopExecutor(wakeup: wakeup)
    loop = Loop(poller: poller, wakeup: wakeup)
    core = AdminCore(node: node, poller: poller, listener: descriptor, mailbox: mailbox)
  }

  nonisolated func run() {
    executor.run { assumeIsolated { $0.turn() } }
  }

  private func turn() -> Bool {
    loop.tick(&core)
    return !core.isStopped
  }
}
