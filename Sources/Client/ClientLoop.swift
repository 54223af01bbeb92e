// The thread of clients: one epoll for as many as there are, so that a process with ten thousand of them
// has one thread for all.

import RoostEventLoop
import Synchronization

/// A thread that clients live on.
///
/// Any thread. Letting go of it and of all its clients ends the thread.
public final class ClientLoop: Sendable {
  /// Letters that may wait for the thread.
  static let lettersMax = 1 << 20

  /// The loop of clients that are given none; it lasts as long as the process.
  static let shared: Result<ClientLoop, ClientFailure> = {
    do throws(ClientFailure) {
      return .success(try ClientLoop())
    } catch {
      return .failure(error)
    }
  }()

  private let mailbox: Mailbox<ClientLetter>
  private let nextClient = Atomic<UInt64>(1)
  private let hasStopped = Atomic<Bool>(false)
  private let thread: Lock<LoopThread?>

  /// Starts a thread; throws `.configuration` when the system has none, or no descriptor.
  public init() throws(ClientFailure) {
    do throws(Errno) {
      let wakeup = try Wakeup()
      mailbox = Mailbox(wakeup: wakeup, capacity: Self.lettersMax)
      let worker = try ClientWorker(wakeup: wakeup, mailbox: mailbox)
      thread = Lock(try LoopThread(name: "roost-client") { worker.run() })
    } catch {
      throw .configuration("no thread for clients: \(error)")
    }
  }

  deinit {
    // The last reference may go on the thread itself, which cannot wait for its own end.
    mailbox.post([.stop])
    thread.withLock { $0.take()?.detach() }
  }

  /// Closes all clients at once and waits for the thread's end; a second time does nothing.
  ///
  /// Any thread but the loop's own, which no code of the application runs on. Blocks.
  public func stop() {
    hasStopped.store(true, ordering: .releasing)
    mailbox.post([.stop])
    thread.join()
  }

  func makeHub(_ options: ClientOptions) throws(ClientFailure) -> ClientHub {
    guard !hasStopped.load(ordering: .acquiring) else {
      throw .configuration("the loop has stopped")
    }
    let number = nextClient.wrappingAdd(1, ordering: .relaxed).oldValue
    return ClientHub(client: number, mailbox: mailbox, options)
  }
}

/// What the thread owns.
struct ClientCore: ~Copyable {
  private let gear: ClientGear
  private let mailbox: Mailbox<ClientLetter>
  private var drivers: [UInt64: ClientDriver] = [:]
  private(set) var isStopped = false

  init(gear: ClientGear, mailbox: Mailbox<ClientLetter>) {
    self.gear = gear
    self.mailbox = mailbox
  }

  private mutating func take(_ letter: ClientLetter, _ now: MonotonicInstant) {
    switch letter {
    case .add(let hub, let plan, let options):
      drivers[hub.client] = ClientDriver(hub, plan, options, gear)
    case .remove(let client): drivers.removeValue(forKey: client)?.remove(now)
    case .stop:
      isStopped = true
      for driver in drivers.values { driver.remove(now) }
      drivers = [:]
    case .connect(let client), .close(let client), .join(let client, _, _, _),
      .cancelJoin(let client, _, _), .leave(let client, _), .caughtUp(let client, _),
      .call(let client, _, _, _), .cancel(let client, _), .token(let client, _, _):
      drivers[client]?.take(letter, now)
    }
  }
}

extension ClientCore: LoopStages {
  var isDirty: Bool { !gear.dirty.isEmpty }

  mutating func ready(_ readiness: Readiness, now: MonotonicInstant) {
    gear.transports[readiness.token]?.ready(readiness, now)
  }

  mutating func takeLetters(now: MonotonicInstant) {
    for (answer, waiting) in gear.answers() {
      for token in waiting { gear.transports[token]?.looked(up: answer, now) }
    }
    for letter in mailbox.takeAll() { take(letter, now) }
  }

  mutating func expireTimers(now: MonotonicInstant) {
    for token in gear.expired(now) {
      if let driver = drivers[token] {
        driver.expire(now)
      } else {
        gear.transports[token]?.expire(now)
      }
    }
    let hungry = gear.hungry
    gear.hungry.removeAll(keepingCapacity: hungry.count <= 64)
    for token in hungry { gear.transports[token]?.read(now) }
  }

  mutating func postLetters() {}

  mutating func flush(now: MonotonicInstant) {
    // A failing connection may dial another, which has something to send at once.
    while !gear.dirty.isEmpty {
      var dirty: [ClientTransport] = []
      swap(&dirty, &gear.dirty)
      for transport in dirty { transport.flush(now) }
    }
  }

  mutating func closeScheduled(now: MonotonicInstant) {
    for (transport, reason) in gear.takeFailing() { transport.fail(reason, now) }
    // Their closes are sent; nobody is left to wait for the answers, or to let go of their sockets.
    if isStopped { gear.endAll() }
  }

  func nextDeadline() -> MonotonicInstant? { isStopped ? .zero : gear.nextDeadline() }
}

/// The thread's actor.
actor ClientWorker {
  nonisolated let executor: LoopExecutor
  nonisolated var unownedExecutor: UnownedSerialExecutor {
    executor.asUnownedSerialExecutor()
  }

  private var core: ClientCore
  private var loop: Loop

  init(wakeup: Wakeup, mailbox: Mailbox<ClientLetter>) throws(Errno) {
    let poller = try Poller()
    executor = LoopExecutor(wakeup: wakeup)
    loop = Loop(poller: poller, wakeup: wakeup)
    core = ClientCore(
      gear: ClientGear(poller: poller, wakeup: wakeup, now: MonotonicInstant.now()),
      mailbox: mailbox)
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
