// `roost top`: the cluster's figures every few seconds, on a screen, as lines or as JSON.

import Glibc
import RoostEventLoop

/// Runs `roost top`.
enum TopCommand {
  /// 0 when it was ended by whoever watched, 1 when there is nothing to watch, 2 for a wrong command
  /// line.
  static func run(_ invocation: Invocation, environment: [String: String]) -> Int32 {
    do throws(TopOptions.Problem) {
      let options = try TopOptions(invocation, environment: environment)
      let draws = !options.isOnce && !options.isJSON && Terminal.isThere(environment)
      return watch(options, draws: draws, isColoured: (environment["NO_COLOR"] ?? "").isEmpty)
    } catch {
      switch error {
      case .usage(let sentence):
        Output.writeError("roost top: \(sentence)\n")
        return 2
      case .refused(let sentence): return fail(sentence)
      case .told: return 1
      }
    }
  }

  private static func watch(_ options: TopOptions, draws: Bool, isColoured: Bool) -> Int32 {
    do throws(Errno) {
      let signals = try Signals(
        [SIGINT, SIGTERM, SIGHUP] + (draws ? [SIGWINCH, SIGTSTP] : []))
      let poller = try Poller()
      try signals.watch(on: poller, token: TopLoop.signalToken)
      guard
        let source = TopSource(options, poller: poller, firstToken: TopLoop.firstSourceToken)
      else { return fail("no memory for requests") }
      var loop = TopLoop(
        options: options, isColoured: isColoured, poller: poller, signals: signals, source: source)
      if draws { try loop.takeTerminal() }
      switch loop.run() {
      case .ended: return 0
      case .failed(let sentence): return fail(sentence)
      }
    } catch {
      return fail("\(error)")
    }
  }

  private static func fail(_ sentence: String) -> Int32 {
    Output.writeError("roost top: \(TerminalText.clean(sentence))\n")
    return 1
  }
}

/// Waits for answers, signals and keys, and shows what comes.
struct TopLoop: ~Copyable {
  static let signalToken: UInt64 = 0
  private static let keyToken: UInt64 = 1
  static let firstSourceToken: UInt64 = 16

  /// How it ended.
  enum End {
    case ended
    case failed(String)
  }

  private let options: TopOptions
  private let isColoured: Bool
  private let poller: Poller
  private let signals: Signals
  private var source: TopSource
  private var terminal: Terminal?
  private var snapshot = ClusterSnapshot()
  private var problem: String? = "asking"
  /// The most connections that each draining node was seen with.
  private var draining: [String: Int] = [:]
  private var nextAsk = MonotonicInstant.now()
  private var end: End?

  init(
    options: TopOptions, isColoured: Bool, poller: Poller, signals: consuming Signals,
    source: consuming TopSource
  ) {
    self.options = options
    self.isColoured = isColoured
    self.poller = poller
    self.signals = signals
    self.source = source
  }

  /// Draws on the terminal from here on.
  mutating func takeTerminal() throws(Errno) {
    let taken = Terminal()
    try taken.watchKeys(on: poller, token: Self.keyToken)
    terminal = consume taken
    draw()
  }

  /// Runs until somebody has seen enough.
  consuming func run() -> End {
    while true {
      let now = MonotonicInstant.now()
      if nextAsk <= now, !source.isAsking {
        source.ask(now)
        nextAsk = now.advanced(by: options.interval)
      }
      if let round = source.takeRound(now) { take(round) }
      if let end { return end }
      // While a round is under way its own times count; the next one begins when it is over.
      var due = source.isAsking ? MonotonicInstant.distantFuture : nextAsk
      if let deadline = source.nextDeadline() { due = min(due, deadline) }
      let wait: Duration? =
        due == .distantFuture ? nil : due <= now ? .zero : due.since(MonotonicInstant.now())
      let count = poller.wait(wait)
      for place in 0..<count { handle(poller.readiness(at: place)) }
    }
  }

  private mutating func handle(_ readiness: Readiness) {
    switch readiness.token {
    case Self.signalToken: heard()
    case Self.keyToken: pressed()
    default: source.ready(readiness, MonotonicInstant.now())
    }
  }

  private mutating func heard() {
    while let number = signals.next(within: .zero) {
      switch number {
      case SIGWINCH: draw()
      case SIGTSTP:
        terminal?.suspend()
        draw()
      default: end = .ended
      }
    }
  }

  private mutating func pressed() {
    switch terminal {
    case .some(let terminal):
      guard let keys = terminal.takeKeys() else { return end = .ended }
      if keys.contains(where: { $0 == UInt8(ascii: "q") || $0 == UInt8(ascii: "Q") }) {
        end = .ended
      }
    case .none: break
    }
  }

  // MARK: Showing

  private mutating func take(_ round: TopSource.Round) {
    switch round {
    case .answered(let snapshot, let nodes, let top):
      self.snapshot = snapshot
      problem = nil
      noteDraining()
      guard terminal == nil else { return draw() }
      let text =
        options.isJSON
        ? TopReport.json(nodes: nodes, top: top, milliseconds: LocalTime.milliseconds())
        : TopReport.plain(snapshot, at: LocalTime.dateAndTime())
      if !Terminal.write(text) || options.isOnce { end = .ended }
    case .failed(let sentence, let isFinal):
      problem = sentence
      if isFinal { return end = .failed(sentence) }
      guard terminal == nil else { return draw() }
      if options.isJSON {
        let text = TopReport.json(problem: sentence, milliseconds: LocalTime.milliseconds())
        if !Terminal.write(text) { end = .ended }
      }
      if options.isOnce { return end = .failed(sentence) }
      if !options.isJSON { Output.writeError("roost top: \(TerminalText.clean(sentence))\n") }
    }
  }

  private mutating func noteDraining() {
    var now: [String: Int] = [:]
    for node in snapshot.nodes where node.phase == "draining" {
      now[node.incarnation] = max(draining[node.incarnation] ?? 0, node.connections)
    }
    draining = now
  }

  private mutating func draw() {
    switch terminal {
    case .some(let terminal):
      let (width, height) = terminal.size
      let lines = TopScreen(width: width, height: height).lines(
        snapshot, problem: problem, draining: draining, clock: LocalTime.time())
      if !terminal.draw(lines.map { $0.rendered(width: width, isColoured: isColoured) }) {
        end = .ended
      }
    case .none: break
    }
  }
}

/// The clock on the wall, as the machine's zone has it.
enum LocalTime {
  /// Milliseconds since 1970.
  static func milliseconds() -> Int64 {
    var now = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    return Int64(now.tv_sec) * 1000 + Int64(now.tv_nsec) / 1_000_000
  }

  /// `12:34:56`.
  static func time() -> String {
    let now = parts()
    return [now.tm_hour, now.tm_min, now.tm_sec].map(twoDigits).joined(separator: ":")
  }

  /// `2026-11-23T12:34:56`.
  static func dateAndTime() -> String {
    let now = parts()
    return "\(now.tm_year + 1900)-\(twoDigits(now.tm_mon + 1))-\(twoDigits(now.tm_mday))T\(time())"
  }

  private static func parts() -> tm {
    var now = Glibc.time(nil)
    var parts = tm()
    localtime_r(&now, &parts)
    return parts
  }

  private static func twoDigits(_ number: Int32) -> String {
    number < 10 ? "0\(number)" : "\(number)"
  }
}
