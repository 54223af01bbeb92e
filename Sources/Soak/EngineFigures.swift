// What the engine tells the rest of the harness, copied a few times a second, and by second for the
// plots.

import RoostEventLoop

/// One second of a run.
struct EngineSecond: Sendable {
  /// Seconds since the engine began.
  var second = 0
  var published = 0
  var acknowledged = 0
  var delivered = 0
  var recovered = 0
  var handshakes = 0
  var lost = 0
  var connected = 0
  var joined = 0
  var live = LatencyHistogram()
}

/// Where a run stands.
struct EngineFigures: Sendable {
  var counts = JudgeCounts()
  var findings = Findings(keptMax: 20)
  var connected = 0
  var joined = 0
  /// Judged clients.
  var judged = 0
  /// Publishes that nobody could send, because no publisher of the room was connected.
  var unoffered = 0
  var outstanding = 0
  /// Connections over TLS that were welcomed.
  var secured = 0
  /// Connections that are dead without either side knowing.
  var severed = 0
  /// Whether everybody has everything.
  var isLevel = false
  var live = LatencyHistogram()
  var late = LatencyHistogram()
  var acknowledgement = LatencyHistogram()
  var reconnectOurs = LatencyHistogram()
  var reconnectStock = LatencyHistogram()
  /// Closes by kind of client and code.
  var closes: [String: Int] = [:]
  var refusals: [Int: Int] = [:]
  var seconds: [EngineSecond] = []
  var hasEnded = false
}

/// What the engine is told.
enum EngineLetter: Sendable {
  /// Clients connect to these addresses, of which one is chosen by chance.
  case targets([SocketAddress])
  /// Those that use TLS connect to these, whose certificates the file's may vouch for.
  case secured([SocketAddress], caFile: String)
  /// Clients begin to connect, some of them offering compression, or none.
  case connect(compressed: Bool)
  /// Publishing begins or ends.
  case publish(Bool)
  case beginCause(Cause)
  case endCause(Cause, grace: Duration)
  /// All clients lose their connections.
  case storm
  /// Connections to the node of this name are dead, and nobody is told.
  case sever(node: String)
  /// Clients that make trouble stop, and nobody goes away by itself any more.
  case calm
  /// One last publish into each room.
  case fence
  /// The judge concludes, and all clients leave.
  case conclude
  case stop
}
