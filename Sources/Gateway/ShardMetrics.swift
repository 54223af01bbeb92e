// What one shard counts. Its thread writes, the scraping thread reads; no lock, no shared cell.

import RoostRooms
import RoostWire
import Telemetry

/// Which side ended a connection.
enum ClosingSide: Int, CaseIterable, Sendable {
  case server
  case client

  var label: String { self == .server ? "server" : "client" }
}

/// Why a request did not become a connection, where nothing was refused.
enum HandshakeFailure: Int, CaseIterable, Sendable {
  /// It was no valid handshake.
  case invalid
  /// It did not come in time.
  case timedOut

  var label: String { self == .invalid ? "invalid" : "timed_out" }

  /// What a status of the public port says about a handshake; nil for what says nothing.
  init?(status: Int) {
    switch status {
    case 408: self = .timedOut
    case 400, 413, 414, 426, 431, 501, 505: self = .invalid
    default: return nil
    }
  }
}

/// Counters in a row, for a label with few values.
struct CounterRow: ~Copyable, Sendable {
  static let width = 32
  private let counters: InlineArray<32, Counter>

  init() { counters = InlineArray { _ in Counter() } }

  func add(_ index: Int, _ amount: UInt64 = 1) { counters[index].add(amount) }

  func value(_ index: Int) -> UInt64 { counters[index].value }
}

/// The figures of one shard.
final class ShardMetrics: Sendable {
  // Connections.
  let sockets = Gauge()
  let connections = Gauge()
  let streams = Gauge()
  let leaving = Gauge()  // told by a drain, and still here
  let drainTold = Counter()
  let drainClosed = Counter()
  let rebalanced = Counter()
  let accepted = Counter()
  let acceptShortages = Counter()
  let handshakes = Counter()
  let failedHandshakes = CounterRow()  // by HandshakeFailure
  let refusals = CounterRow()  // by AdmissionRefusal
  let tokensRefused = CounterRow()  // by TokenRejection.Reason
  let tickets = CounterRow()  // by place in TicketResult.allCases
  let forwardedMalformed = Counter()
  let tlsHandshakes = CounterRow()  // by TLSHandshakeResult
  let httpResponses = CounterRow()  // by the hundreds of the status
  let closesByServer = CounterRow()  // by place in closeLabels
  let closesByClient = CounterRow()

  // Rooms.
  let joins = Counter()
  let leaves = Counter()
  let members = Gauge()
  let rooms = Gauge()

  // Messages.
  let messagesIn = Counter()
  let messageBytesIn = Counter()
  let requests = Counter()
  let publishes = Counter()
  let deliveries = Counter()
  let directs = Counter()
  let errors = CounterRow()  // by place in ErrorCode.allCases
  let bytesReceived = Counter()
  let bytesSent = Counter()
  let sendCalls = Counter()
  let compressions = Counter()
  let publishAcknowledgement = Histogram(.latency)
  let fanOut = Histogram(.latency)
  let deliveryLag = Histogram(.latency)
  let flushTime = Histogram(.latency)

  // Queues and limits.
  let outboundBytes = Gauge()
  let outboundPeakBytes = Gauge()
  let slowConsumers = Counter()
  let holds = CounterRow()  // by place in SlowConsumerPolicy.allCases
  let heldDrops = CounterRow()  // likewise
  let heldMembers = Gauge()
  let gapsTold = Counter()
  let inputPauses = Counter()
  let rateLimited = CounterRow()  // by RateLimit
  let chargedUse = CounterRow()  // by SharedRate
  let pings = Counter()
  let pingRoundTrip = Histogram(.latency)

  // The loop.
  let tick = Histogram(.ticks)
  let lag = Histogram(.ticks)
  /// When the loop last said that it runs, in nanoseconds of the monotonic clock; without end once
  /// it has stopped in order.
  let heartbeat = Gauge()
  let busyNanoseconds = Counter()
  /// Time that the thread was ready to run and had no processor.
  let waitNanoseconds = Counter()
  /// In how many of a thousand parts of its last second the thread ran or was ready to.
  let demand = Gauge()
  let mailboxRefusals = Counter()
  let webhooksUntold = Counter()

  // The backplane's part here.
  let backplaneRooms = Gauge()
  let logEntries = Gauge()
  let logBytes = Gauge()
  let keys = Gauge()

  /// The codes that close counters know by name; everything else counts as `other`.
  static let closeCodes: [UInt16] = CloseCode.allCases.map(\.rawValue) + [1005, 1006]

  /// Where a close code is counted.
  static func place(of code: UInt16) -> Int {
    closeCodes.firstIndex(of: code) ?? closeCodes.count
  }

  /// The label of a place.
  static func label(of place: Int) -> String {
    place < closeCodes.count ? String(closeCodes[place]) : "other"
  }

  func countClose(_ code: UInt16, _ side: ClosingSide) {
    switch side {
    case .server: closesByServer.add(Self.place(of: code))
    case .client: closesByClient.add(Self.place(of: code))
    }
  }

  /// Counts a response of the public port.
  func countResponse(_ status: Int) {
    httpResponses.add(min(max(status / 100, 0), 9))
    if let failure = HandshakeFailure(status: status) { failedHandshakes.add(failure.rawValue) }
  }

  func count(_ code: ErrorCode) {
    guard let place = ErrorCode.allCases.firstIndex(of: code) else { return }
    errors.add(place)
  }

  func countHold(_ policy: SlowConsumerPolicy) {
    guard let place = SlowConsumerPolicy.allCases.firstIndex(of: policy) else { return }
    holds.add(place)
  }

  func countDrops(_ policy: SlowConsumerPolicy, _ amount: Int) {
    guard amount > 0, let place = SlowConsumerPolicy.allCases.firstIndex(of: policy) else { return }
    heldDrops.add(place, UInt64(amount))
  }

  func count(_ result: TLSHandshakeResult) { tlsHandshakes.add(result.rawValue) }

  func count(_ refusal: AdmissionRefusal) {
    guard let place = AdmissionRefusal.allCases.firstIndex(of: refusal) else { return }
    refusals.add(place)
  }
}
