// How long silence lasts on the way to a node, through whatever stands in front of it. Several
// connections keep silent at the same time, each for another while, so that all of it takes no longer
// than the longest silence; a way that forgets connections without a word is found by asking behind it.

import RoostEventLoop
import RoostJSON

/// Tries silences through a URL.
enum PathProbe {
  /// What became of one silence.
  enum Outcome: Equatable, Sendable {
    /// The node answered behind it.
    case survived(milliseconds: Int)
    /// The connection was ended in the middle of it.
    case ended(milliseconds: Int)
    /// Nothing answered behind it.
    case unanswered(milliseconds: Int)
    /// A ping of the node broke it.
    case interrupted(milliseconds: Int)
    /// There was no connection at all: why.
    case failed(String)
  }

  /// The silences that are tried, up to the longest one.
  static func silences(upTo longest: Duration) -> [Duration] {
    let steps = [
      1, 2, 5, 10, 20, 30, 45, 60, 75, 90, 120, 180, 240, 300, 360, 600, 900, 1800, 3600,
    ]
    return steps.map { Duration.seconds($0) }.filter { $0 < longest } + [longest]
  }

  /// Tries them all; `progress` is told from time to time, in milliseconds since the beginning.
  static func run(
    _ url: WebSocketURL, shown: String, _ options: PeerOptions, longest: Duration,
    progress: (Int) -> Void
  ) -> PathFacts {
    var facts = PathFacts()
    facts.url = shown
    facts.triedMilliseconds = longest.milliseconds
    let results = Lock<[(Outcome, Int)]>([])
    let start = MonotonicInstant.now()
    var threads: [LoopThread] = []
    let silences = silences(upTo: longest)
    for silence in silences {
      do throws(Errno) {
        threads.append(
          try LoopThread(name: "silence") {
            let result = one(url, options, silence: silence)
            results.withLock { $0.append(result) }
          })
      } catch {
        facts.failure = "no thread: \(error)"
      }
    }
    let count = threads.count
    while results.withLock({ $0.count }) < count {
      // Nothing is ready here: the others work, and this one counts the time.
      BlockingStream.pause(.milliseconds(200))
      progress(MonotonicInstant.now().since(start).milliseconds)
    }
    for thread in threads { thread.join() }
    return combined(results.withLock { $0 }, facts)
  }

  /// What several silences say together.
  static func combined(_ results: [(Outcome, Int)], _ start: PathFacts) -> PathFacts {
    var facts = start
    var failures: [String] = []
    var hasWorked = false
    for (outcome, ping) in results {
      if case .failed(let reason) = outcome {
        failures.append(reason)
        continue
      }
      hasWorked = true
      facts.pingMilliseconds = max(facts.pingMilliseconds, ping)
      switch outcome {
      case .survived(let time): facts.survivedMilliseconds = max(facts.survivedMilliseconds, time)
      case .interrupted(let time):
        facts.survivedMilliseconds = max(facts.survivedMilliseconds, time)
        facts.isInterrupted = true
      case .ended(let time), .unanswered(let time):
        guard time < facts.endedMilliseconds ?? .max else { continue }
        facts.endedMilliseconds = time
        if case .unanswered = outcome {
          facts.isEndSilent = true
        } else {
          facts.isEndSilent = false
        }
      case .failed: break
      }
    }
    if !hasWorked { facts.failure = facts.failure ?? failures.first ?? "nothing was tried" }
    return facts
  }

  /// Keeps silent once; the outcome, and how often the node says that it pings, in milliseconds.
  private static func one(
    _ url: WebSocketURL, _ options: PeerOptions, silence: Duration
  ) -> (Outcome, Int) {
    var ping = 0
    do throws(StreamFailure) {
      let peer = try WebSocketPeer(url, options)
      ping = try welcomedPing(peer, patience: options.patience)
      var quietSince = MonotonicInstant.now()
      while true {
        let event = peer.next(deadline: quietSince.advanced(by: silence))
        let quiet = MonotonicInstant.now().since(quietSince).milliseconds
        switch event {
        case .ping: return (.interrupted(milliseconds: quiet), ping)
        case .text, .binary, .pong: quietSince = MonotonicInstant.now()
        case .closed, .lost: return (.ended(milliseconds: quiet), ping)
        case .nothing: return (try asked(peer, quiet, patience: options.patience), ping)
        }
      }
    } catch {
      return (.failed(error.description), ping)
    }
  }

  /// How often a node pings, as its `welcome` says.
  private static func welcomedPing(
    _ peer: WebSocketPeer, patience: Duration
  ) throws(StreamFailure) -> Int {
    switch peer.next(deadline: MonotonicInstant.now().advanced(by: patience)) {
    case .text(let text):
      let welcome = try? JSONTree(parsing: text, depthMax: 16, bytesMax: 65_536)
      guard welcome?["type"]?.string == "welcome" else { break }
      return Int(clamping: welcome?["ping_ms"]?.integer ?? 0)
    case .closed(let code, let reason):
      throw StreamFailure("the node closed at once: \(code ?? 1005) \(reason)")
    case .lost(let reason): throw StreamFailure(reason)
    case .nothing: throw StreamFailure("nothing came behind the handshake")
    case .binary, .ping, .pong: break
    }
    throw StreamFailure("what answered is no node of Roost")
  }

  /// What becomes of a connection that was silent so long when it is used again.
  private static func asked(
    _ peer: WebSocketPeer, _ quiet: Int, patience: Duration
  ) throws(StreamFailure) -> Outcome {
    do throws(StreamFailure) {
      try peer.send(text: #"{"type":"ping","id":1}"#)
    } catch {
      return .ended(milliseconds: quiet)
    }
    switch peer.next(deadline: MonotonicInstant.now().advanced(by: patience)) {
    case .text, .binary, .ping, .pong:
      peer.close()
      return .survived(milliseconds: quiet)
    case .closed, .lost, .nothing: return .unanswered(milliseconds: quiet)
    }
  }
}
