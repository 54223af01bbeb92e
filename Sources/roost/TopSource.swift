// The two questions that `roost top` asks a node, over and over, and what became of them.

import Fetch
import RoostEventLoop

/// Asks a node's admin port for the cluster's figures.
struct TopSource: ~Copyable {
  /// What one round came to.
  enum Round {
    /// Both answers.
    case answered(ClusterSnapshot, nodes: [UInt8], top: [UInt8])
    /// Why there are none; when it `isFinal`, asking again will not help.
    case failed(String, isFinal: Bool)
  }

  private static let nodesID: UInt64 = 1
  private static let topID: UInt64 = 2

  private let nodes: FetchRequest
  private let top: FetchRequest
  private let place: String
  private var fetcher: Fetcher
  private var outcomes: [UInt64: FetchOutcome] = [:]

  /// A source on a poller, on which it uses `firstToken` and all that follow; nil without memory.
  init?(_ options: TopOptions, poller: Poller, firstToken: UInt64) {
    guard let nodes = options.request("/v1/nodes"), let top = options.request("/v1/top?limit=20"),
      let fetcher = Fetcher(poller: poller, firstToken: firstToken, concurrencyMax: 2)
    else { return nil }
    self.nodes = nodes
    self.top = top
    place = nodes.url.place
    self.fetcher = fetcher
  }

  /// Whether a round is under way.
  var isAsking: Bool { fetcher.underWay > 0 }

  /// Begins a round.
  mutating func ask(_ now: MonotonicInstant) {
    outcomes = [:]
    _ = fetcher.start(nodes, id: Self.nodesID, now: now)
    _ = fetcher.start(top, id: Self.topID, now: now)
  }

  /// A descriptor has become ready.
  mutating func ready(_ readiness: Readiness, _ now: MonotonicInstant) {
    fetcher.ready(readiness, now: now)
  }

  /// When `takeRound` is worth a call without a descriptor.
  func nextDeadline() -> MonotonicInstant? { fetcher.nextDeadline() }

  /// Lets time pass; the round, when both of its answers are there.
  mutating func takeRound(_ now: MonotonicInstant) -> Round? {
    fetcher.expire(now: now)
    for completion in fetcher.takeCompleted() { outcomes[completion.id] = completion.outcome }
    guard let first = outcomes[Self.nodesID], let second = outcomes[Self.topID] else { return nil }
    outcomes = [:]
    var bodies: [[UInt8]] = []
    for outcome in [first, second] {
      switch outcome {
      case .failed(let failure): return .failed("\(place): \(failure)", isFinal: false)
      case .response(let response) where response.status == 200: bodies.append(response.body)
      case .response(let response): return refusal(response)
      }
    }
    guard let snapshot = ClusterSnapshot(nodes: bodies[0], top: bodies[1]) else {
      return .failed("\(place) does not answer as a Roost node does", isFinal: false)
    }
    return .answered(snapshot, nodes: bodies[0], top: bodies[1])
  }

  private func refusal(_ response: FetchResponse) -> Round {
    switch response.status {
    case 401:
      .failed(
        "\(place) wants a key that it knows: give the file with one as --key-file", isFinal: true)
    case 403:
      .failed(
        "\(place) has no API key configured (auth.api_keys), so it tells nothing", isFinal: true)
    default: .failed("\(place) answers \(response.status)", isFinal: false)
    }
  }
}
