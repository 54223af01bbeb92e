// Questions to nodes and to Redis, as an operator would ask them: one short connection each, and
// never longer than the time that is given.

import Glibc
import RoostEventLoop

enum Probe {
  private static let keepAlive = KeepAlive(idleSeconds: 30, intervalSeconds: 10, probes: 3)

  /// Sends a text and reads the answer to its end, or until `isWhole` says so; nil when it does not
  /// come in time.
  static func ask(
    _ address: SocketAddress, _ text: String, within limit: Duration,
    isWhole: (String) -> Bool = { _ in false }
  ) -> String? {
    let deadline = MonotonicInstant.now().advanced(by: limit)
    guard let socket = try? Socket.beginConnecting(to: address, keepAlive: keepAlive) else {
      return nil
    }
    var rest = Array(text.utf8)[...]
    var answer: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while answer.count < 16 << 20 {
      let left = deadline.since(MonotonicInstant.now()).millisecondsClamped
      guard left > 0 else { return nil }
      let events = rest.isEmpty ? POLLIN : POLLOUT
      var entry = pollfd(fd: socket.number, events: Int16(events), revents: 0)
      guard poll(&entry, 1, Int32(clamping: left)) > 0 else { continue }
      if !rest.isEmpty {
        switch rest.withUnsafeBytes({ Syscalls.send(socket.number, $0) }) {
        case .bytes(let count): rest = rest.dropFirst(count)
        case .wouldBlock: continue
        case .endOfStream, .failed: return nil
        }
        continue
      }
      switch buffer.withUnsafeMutableBytes({ Syscalls.receive(socket.number, into: $0) }) {
      case .bytes(let count):
        answer += buffer[..<count]
        let text = String(decoding: answer, as: UTF8.self)
        if isWhole(text) { return text }
      case .wouldBlock: continue
      case .endOfStream: return answer.isEmpty ? nil : String(decoding: answer, as: UTF8.self)
      case .failed: return nil
      }
    }
    return nil
  }

  /// A page: its status and its body; nil without an answer.
  static func get(
    _ address: SocketAddress, _ path: String, within limit: Duration
  ) -> (status: Int, body: String)? {
    let request = "GET \(path) HTTP/1.1\r\nHost: \(address)\r\nConnection: close\r\n\r\n"
    guard let answer = ask(address, request, within: limit), answer.hasPrefix("HTTP/1.1 "),
      let status = Int(
        answer.utf8.dropFirst(9).prefix(3).map { String(UnicodeScalar($0)) }.joined())
    else { return nil }
    let body = answer.firstRange(of: "\r\n\r\n").map { String(answer[$0.upperBound...]) } ?? ""
    return (status, body)
  }

  /// Whether a node takes traffic.
  static func isReady(_ admin: SocketAddress) -> Bool {
    get(admin, "/readyz", within: .milliseconds(500))?.status == 200
  }

  /// One command to Redis in its inline form, and the first line of the answer.
  static func redis(_ address: SocketAddress, _ command: String) -> String? {
    ask(address, command + "\r\n", within: .seconds(1), isWhole: { $0.hasSuffix("\r\n") })
  }

  /// Whether anybody listens.
  static func listens(_ address: SocketAddress) -> Bool {
    (try? Socket.connect(to: address)) != nil
  }
}

/// What a node says about itself.
struct NodeSample: Equatable, Sendable {
  /// Seconds since the run began, when it was asked.
  var seconds = 0.0
  /// Seconds that the answer took.
  var tookSeconds = 0.0
  var memoryBytes = 0.0
  var descriptors = 0.0
  var connections = 0.0
  var rooms = 0.0
  var members = 0.0
  var queueBytes = 0.0
  var processorSeconds = 0.0
  /// Opening handshakes that came, whatever became of them.
  var handshakes = 0.0
  /// The same a second, since the sample before: at least so many, however late a busy node answered.
  var handshakeRate = 0.0

  /// Asks a node; nil when it does not answer soon.
  init?(_ admin: SocketAddress, seconds: Double) {
    let begin = MonotonicInstant.now()
    guard let page = Probe.get(admin, "/metrics", within: .milliseconds(500)), page.status == 200
    else { return nil }
    self.init(metrics: page.body, seconds: seconds)
    tookSeconds = Double(MonotonicInstant.now().since(begin).nanosecondsClamped) / 1e9
  }

  /// Reads the text of Prometheus.
  init(metrics: String, seconds: Double) {
    self.seconds = seconds
    for line in metrics.split(separator: "\n") where !line.hasPrefix("#") {
      guard let space = line.lastIndex(of: " "),
        let value = Double(line[line.index(after: space)...])
      else { continue }
      switch line[..<space].prefix(while: { $0 != "{" }) {
      case "process_resident_memory_bytes": memoryBytes += value
      case "process_open_fds": descriptors += value
      case "roost_connections": connections += value
      case "roost_rooms": rooms += value
      case "roost_members": members += value
      case "roost_outbound_bytes": queueBytes += value
      case "roost_handshakes_total": handshakes += value
      case "process_cpu_seconds_total": processorSeconds += value
      default: continue
      }
    }
  }
}
