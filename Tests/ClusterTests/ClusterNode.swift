// A node of a cluster as operators see it: a process with a configuration file, a public and an admin
// address, readiness and metrics.

import Glibc
import RoostEventLoop
import TestSupport

/// A running `roost serve`.
final class ClusterNode {
  let name: String
  let address: SocketAddress
  let admin: SocketAddress
  private let process: Subprocess
  /// Whether clients may go there: false while it is frozen or dead.
  private(set) var isUsable = true

  /// Namespaces of all scenarios: `log` keeps history, `here` knows its members, `all` does both,
  /// and the default does neither.
  ///
  /// Tokens are taken besides what --dev believes.
  static let configuration = """
    {
      "auth": { "tokens": { "keys": [{ "alg": "HS256", "secret": "\(tokenSecret)" }] } },
      "namespaces": {
        "": {},
        "log": { "history": { "messages": 5000, "seconds": 300 } },
        "here": { "presence": true, "presence_events": true },
        "all": { "presence": true, "presence_events": true,
                 "history": { "messages": 5000, "seconds": 300 } }
      },
      "limits": {
        "connections_per_address": 0, "connections_per_user": 0, "handshakes_per_second": 0,
        "handshakes_per_second_per_address": 0, "messages_per_second": 0, "bytes_per_second": 0,
        "messages_per_second_per_user": 0, "bytes_per_second_per_user": 0,
        "messages_per_second_per_address": 0, "bytes_per_second_per_address": 0
      },
      "drain": { "lb_grace": 0, "window": 0 }
    }
    """

  /// The same with settings of a drain, and with limits beside the others.
  static func configuration(drain: String, limits: String = "") -> String {
    configuration.replacing(
      #""drain": { "lb_grace": 0, "window": 0 }"#, with: #""drain": \#(drain)"#
    )
    .replacing(#""limits": {"#, with: #""limits": { \#(limits.isEmpty ? "" : "\(limits),")"#)
  }

  /// The key of tokens in all scenarios.
  static let tokenSecret = "0123456789abcdef0123456789abcdef"

  /// Starts a node and waits until it listens.
  init(_ name: String, redis: String, configuration: String, shards: Int = 1) throws {
    self.name = name
    process = try Subprocess(
      try BuiltProgram.path(),
      [
        "serve", "--dev", "--config", configuration, "--node-id", name, "--redis", redis,
        "--shards", "\(shards)", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0",
        "--log-format", "json",
      ])
    var line = ""
    repeat { line = try process.line(fromErrors: true) } while !line.contains("\"ready\"")
    guard let listen = JSONText.value("listen", of: line).flatMap({ SocketAddress(text: $0) }),
      let admin = JSONText.value("admin", of: line).flatMap({ SocketAddress(text: $0) })
    else { throw TestFailure("the node's addresses are not in \(line)") }
    address = listen
    self.admin = admin
  }

  /// Everything it has logged so far.
  var logged: String {
    process.takeWritten()
    return process.errors
  }

  /// Ends as a crash would.
  func kill() throws {
    isUsable = false
    process.kill(SIGKILL)
    _ = try process.wait()
  }

  /// Tells it to leave.
  func signal(_ number: Int32) { process.kill(number) }

  /// Whether it has ended.
  var hasEnded: Bool { process.hasEnded }

  /// How it ends by itself.
  func wait() throws -> ProcessEnd {
    isUsable = false
    return try process.wait()
  }

  /// Stands still, as a process on an overloaded machine does.
  func freeze() {
    isUsable = false
    process.kill(SIGSTOP)
  }

  /// Goes on.
  func thaw() {
    process.kill(SIGCONT)
    isUsable = true
  }

  /// A page of its admin port.
  func get(_ path: String) throws -> TestResponse {
    try request(
      "GET \(path) HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", to: admin)
  }

  /// A request without a body to its admin port.
  func post(_ path: String) throws -> TestResponse {
    try request(
      "POST \(path) HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
      to: admin)
  }

  /// Whether it takes traffic.
  var isReady: Bool { (try? get("/readyz").status) == 200 }

  /// A sample of its metrics by its name with labels; nil when it is not there.
  func metric(_ name: String) throws -> Double? {
    let text = try get("/metrics").text
    for line in text.split(separator: "\n") where line.hasPrefix(name + " ") {
      return Double(line.dropFirst(name.utf8.count + 1))
    }
    return nil
  }

  /// Takes what it has logged, so that it never waits for a reader.
  func takeLog() { process.takeWritten() }
}
