// The clients of one workload, on one thread with one epoll: connections of the soak's engine, a
// book of what each was given, and the phases of a measurement. What they say and when is in
// BenchCore+Load, how they come and what they read in BenchCore+Connections.

import Glibc
import RoostCrypto
import RoostDeflate
import RoostEventLoop

/// One client.
struct BenchMember {
  enum Stage {
    case absent, connecting, joining, present, gone
  }

  var connection: SoakConnection?
  var stage = Stage.absent
  var began = MonotonicInstant.zero
}

/// One room, as the one that publishes in it has it.
struct BenchRoom {
  /// The text of a message, over whose stamp the next one's is written.
  var text: [UInt8]
  let members: Int
  var delivered = 0
  /// Whether it stands in the list of rooms that something was delivered in.
  var isDirty = false
}

/// What the nodes and the clients have cost so far.
struct BenchCosts {
  var nodes: UInt64 = 0
  var redis: UInt64 = 0
  var load: UInt64 = 0
  var time = MonotonicInstant.zero
}

/// The programs behind the addresses.
struct BenchTargets {
  var addresses: [SocketAddress]
  var nodes: [pid_t]
  var redis: pid_t?
}

/// The clients of a workload.
///
/// One thread, which drives the loop until `isDone`.
struct BenchCore: ~Copyable {
  enum Phase {
    case connecting, settling, warming, measuring, draining, done
  }

  static let readBytes = 131_072
  static let timerToken = UInt64.max - 1
  /// How often the clock is looked at for silence and for people.
  static let lookEvery = Duration.milliseconds(50)
  /// Looks in a row at which no client had come further, before that is given up: 15 s.
  static let stuckLooksMax = 300

  let workload: BenchWorkload
  let seconds: Double
  let targets: BenchTargets
  let meter: ProcessMeter
  let poller: Poller
  let timer: PreciseTimer
  let buffer: UnsafeMutableRawBufferPointer
  let isInterrupted: () -> Bool
  let show: (String) -> Void
  /// Looks in a row at which nothing new had come, before what is missing counts as lost: 3 s.
  ///
  /// Looks and not a time: who was stopped for a while has not listened meanwhile.
  var quietLooksMax = 60
  var inflater = Inflater(windowBits: 15)
  var masks = SeededNumbers(seed: RandomBytes.uint64(), stream: 0)

  // Clients and rooms.
  var members: [BenchMember]
  var rooms: [BenchRoom]
  let stampPlace: Int
  var tally: BenchTally
  /// Stamps of one read; kept, so that no read has to make room anew.
  var stamps: [BenchStamp] = []
  var dirtyRooms: [Int] = []

  // Coming.
  var begun = 0
  var present = 0

  // The pace.
  var phase = Phase.connecting
  var phaseEnds = MonotonicInstant.distantFuture
  /// Whether anybody has come further, or was given something new, since the last look.
  var hasProgress = false
  private var quietLooks = 0
  var nextLook = MonotonicInstant.zero
  var paceStart = MonotonicInstant.zero
  var paced = 0

  // What is measured.
  var latencies = LatencyHistogram()
  /// From when on messages are timed.
  var timedFrom = MonotonicInstant.distantFuture
  var counted = 0
  var before = BenchCosts()
  var memoryBefore = 0
  var outcome: BenchOutcome
  var failure: SoakFailure?

  /// Prepares clients.
  ///
  /// - Parameters:
  ///   - poller: that of the loop that drives them.
  ///   - timer: watched by it under `timerToken`.
  init(
    _ workload: BenchWorkload, seconds: Double, _ targets: BenchTargets, _ meter: ProcessMeter,
    _ poller: Poller, _ timer: consuming PreciseTimer, isInterrupted: @escaping () -> Bool,
    show: @escaping (String) -> Void
  ) {
    self.poller = poller
    self.timer = timer
    self.workload = workload
    self.seconds = seconds
    self.targets = targets
    self.meter = meter
    self.isInterrupted = isInterrupted
    self.show = show
    buffer = .allocate(byteCount: Self.readBytes, alignment: 16)
    buffer.initializeMemory(as: UInt8.self, repeating: 0)
    members = Array(repeating: BenchMember(), count: workload.connections)
    let isEcho = workload.load == .echo
    stampPlace = isEcho ? BenchText.echo().stampPlace : BenchText.publish(room: 0).stampPlace
    rooms = (0..<workload.rooms).map { room in
      BenchRoom(
        text: isEcho ? BenchText.echo().text : BenchText.publish(room: room).text,
        members: workload.members(in: room))
    }
    tally = BenchTally(workload)
    outcome = BenchOutcome(workload)
    before = costs()
    memoryBefore = memory()
  }

  deinit { buffer.deallocate() }

  var isDone: Bool { phase == .done }

  // MARK: Costs

  func costs() -> BenchCosts {
    BenchCosts(
      nodes: targets.nodes.reduce(0) { $0 + meter.nanoseconds(of: $1) },
      redis: targets.redis.map(meter.nanoseconds) ?? 0, load: meter.nanoseconds(of: getpid()),
      time: MonotonicInstant.now())
  }

  func memory() -> Int { targets.nodes.reduce(0) { $0 + (meter.privateBytes(of: $1) ?? 0) } }

  /// Figures of what happened since `before`: so many deliveries, handshakes or echoes.
  mutating func measure(_ count: Int) {
    let now = costs()
    let elapsed = Double(now.time.nanoseconds - before.time.nanoseconds)
    func since(_ cost: KeyPath<BenchCosts, UInt64>) -> Double {
      // A thread that has ended takes its time with it.
      now[keyPath: cost] > before[keyPath: cost]
        ? Double(now[keyPath: cost] - before[keyPath: cost]) : 0
    }
    guard elapsed > 0 else { return }
    outcome.figures[.rate] = Double(count) * 1e9 / elapsed
    outcome.figures[.nodeShare] = 100 * since(\.nodes) / elapsed
    outcome.figures[.loadShare] = 100 * since(\.load) / elapsed
    guard count > 0 else { return }
    outcome.figures[.processor] = since(\.nodes) / 1000 / Double(count)
    if targets.redis != nil {
      outcome.figures[.redis] = since(\.redis) / 1000 / Double(count)
    }
  }

  // MARK: Phases

  /// Begins a phase that lasts so long, or with nil until something happens.
  private mutating func enter(_ phase: Phase, for duration: Duration?, _ now: MonotonicInstant) {
    self.phase = phase
    phaseEnds = duration.map { now.advanced(by: $0) } ?? .distantFuture
    quietLooks = 0
  }

  private var isQuiet: Bool { quietLooks >= quietLooksMax }

  private var measured: Duration { .nanoseconds(Int64(seconds * 1e9)) }

  /// Goes on to the next phase when it is time.
  private mutating func advance(_ now: MonotonicInstant) {
    switch phase {
    case .connecting:
      if present == members.count {
        hasCome(now)
      } else if quietLooks >= Self.stuckLooksMax {
        fail("\(present) of \(members.count) clients were there, and for 15 s no more came")
      }
    case .settling where now >= phaseEnds:
      guard workload.load != .idle else { return finish() }
      enter(.warming, for: min(.seconds(1), measured), now)
      startLoad(now)
    case .warming where now >= phaseEnds:
      timedFrom = MonotonicInstant.now()
      counted = 0
      before = costs()
      enter(.measuring, for: measured, now)
    case .measuring where now >= phaseEnds:
      guard latencies.count > 0 || isQuiet else {
        // On a machine that had no time for us nothing was timed yet.
        phaseEnds = now.advanced(by: .milliseconds(10))
        return
      }
      measure(counted)
      enter(.draining, for: nil, now)
    case .draining where tally.received >= tally.expected || isQuiet: finish()
    case .warming, .measuring:
      // Of messages that wait for each other none comes behind a loss.
      if isQuiet, workload.waitsForDeliveries { finish() }
    case .settling, .draining, .done: break
    }
  }

  /// Everybody is there.
  private mutating func hasCome(_ now: MonotonicInstant) {
    switch workload.load {
    case .handshakes:
      measure(members.count)
      finish()
    case .idle: enter(.settling, for: min(.seconds(4), measured), now)
    case .window, .paced, .echo: enter(.settling, for: min(.milliseconds(200), measured), now)
    }
  }

  private mutating func finish() {
    let memory = memory()
    outcome.figures[.nodeMemory] = Double(memory)
    if workload.load == .idle {
      outcome.figures[.memory] = Double(max(0, memory - memoryBefore)) / Double(members.count)
    }
    outcome.take(latencies)
    let rooms = workload.rooms
    tally.conclude { $0 % rooms }
    outcome.faults = tally.faults
    phase = .done
  }

  mutating func fail(_ sentence: String) {
    if failure == nil { failure = SoakFailure("\(workload.name.rawValue): \(sentence)") }
    phase = .done
  }

  /// A connection ended that should not have: there is no use in going on.
  mutating func lose(_ member: Int, _ now: MonotonicInstant) {
    members[member].connection = nil
    guard members[member].stage != .gone else { return }
    members[member].stage = .gone
    tally.cut()
    if phase == .settling || phase == .warming || phase == .measuring {
      enter(.draining, for: nil, now)
    }
  }

  private var line: String {
    let text = "\(workload.name.rawValue)  \(workload.about)  "
    switch phase {
    case .connecting: return text + "\(present)/\(members.count) clients there"
    case .settling: return text + "settling"
    case .warming: return text + "warming up"
    case .measuring: return text + "\(Grouped.text(counted)) \(workload.units)"
    case .draining, .done: return text + "ending"
    }
  }
}

extension BenchWorkload {
  /// Whether what is published next depends on what was delivered.
  var waitsForDeliveries: Bool {
    switch load {
    case .window, .echo: true
    case .idle, .handshakes, .paced: false
    }
  }
}

extension BenchCore: LoopStages {
  /// What is written leaves at once: nothing is held back that is being timed.
  var isDirty: Bool { false }

  mutating func ready(_ readiness: Readiness, now: MonotonicInstant) {
    guard readiness.token < UInt64(members.count), phase != .done else { return }
    let member = Int(readiness.token)
    guard let connection = members[member].connection else { return }
    if connection.stage == .connecting {
      return take(connection.finishConnecting(poller), of: member)
    }
    if readiness.isWritable, !connection.flush(poller) {
      return take(.closed(code: 1006, reason: "the connection was reset"), of: member)
    }
    if readiness.isReadable { read(member, connection) }
  }

  mutating func takeLetters(now: MonotonicInstant) {}

  mutating func expireTimers(now: MonotonicInstant) {
    advance(now)
    connectMore()
    publishMore()
    guard now >= nextLook else { return }
    nextLook = now.advanced(by: Self.lookEvery)
    quietLooks = hasProgress ? 0 : quietLooks + 1
    hasProgress = false
    if isInterrupted() { fail("it was interrupted") }
    show(line)
  }

  mutating func postLetters() {}

  mutating func flush(now: MonotonicInstant) {}

  mutating func closeScheduled(now: MonotonicInstant) {}

  func nextDeadline() -> MonotonicInstant? { phase == .done ? .zero : min(nextLook, phaseEnds) }
}
