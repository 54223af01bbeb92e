// The programs of one workload: a node, or two nodes and a Redis between them, from the executable
// that runs already; on 127.0.0.1, on ports of their own, in a folder that goes with them.

import Glibc
import RoostEventLoop
import RoostJSON

/// The programs of a workload.
///
/// One thread, which must outlive them: the kernel ends them with it.
final class BenchCluster {
  private let program: String
  private let workload: BenchWorkload
  private let places: BenchPlaces?
  private let folder: String
  private var nodes: [ChildProcess] = []
  private var redis: ChildProcess?
  private(set) var targets = BenchTargets(addresses: [], nodes: [], redis: nil)

  /// Makes the folder.
  ///
  /// - Parameter program: the path of `roost`.
  init(
    _ workload: BenchWorkload, program: String, _ places: BenchPlaces?
  ) throws(SoakFailure) {
    self.workload = workload
    self.program = program
    self.places = places
    folder = try Files.makeTemporaryFolder()
  }

  deinit { stop() }

  /// Why a workload cannot be measured on this machine; nil when it can.
  static func obstacle(_ workload: BenchWorkload) -> String? {
    guard workload.nodes > 1, Program.find("redis-server") == nil else { return nil }
    return "which needs redis-server, and that is not installed"
  }

  // MARK: Start

  /// Starts all and waits until they are ready; `isInterrupted` is asked meanwhile.
  func start(isInterrupted: () -> Bool) throws(SoakFailure) {
    var redisAddress: SocketAddress?
    if workload.nodes > 1 { redisAddress = try startRedis(isInterrupted) }
    try Files.write(Self.configuration, to: "\(folder)/roost.json")
    for number in 1...workload.nodes {
      let name = "node\(number)"
      var arguments = [
        "serve", "--config", "\(folder)/roost.json", "--node-id", name, "--shards", "1",
        "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--log-format", "json",
      ]
      // The endpoint of echoes is one for trying things out.
      if workload.load == .echo { arguments.append("--dev") }
      if let redisAddress { arguments += ["--redis", "redis://\(redisAddress)"] }
      let node = try onNodeProcessor { () throws(SoakFailure) in
        try ChildProcess(name, program, arguments, log: "\(folder)/\(name).log")
      }
      nodes.append(node)
      targets.nodes.append(node.id)
    }
    for node in nodes {
      var address: SocketAddress?
      try node.waitUntilUp(within: .seconds(60), isInterrupted) {
        guard let ready = Self.ready(log: node.log), Probe.isReady(ready.admin) else {
          return false
        }
        address = ready.listen
        return true
      }
      if let address { targets.addresses.append(address) }
    }
  }

  /// Starts something where nodes run.
  private func onNodeProcessor<Result>(
    _ body: () throws(SoakFailure) -> Result
  ) throws(SoakFailure) -> Result {
    guard let places else { return try body() }
    let own = Machine.allowedProcessors()
    guard Machine.setAllowedProcessors([places.node]) else {
      throw SoakFailure("no program can be kept on processor \(places.node)")
    }
    defer { _ = Machine.setAllowedProcessors(own) }
    return try body()
  }

  private func startRedis(_ isInterrupted: () -> Bool) throws(SoakFailure) -> SocketAddress {
    guard let server = Program.find("redis-server") else {
      throw SoakFailure("redis-server is missing; install it")
    }
    var address = SocketAddress(ipv4: 0x7F00_0001, port: 0)
    do throws(Errno) {
      address.port = try SocketOption.freePort()
    } catch {
      throw SoakFailure("there is no free port: \(error)")
    }
    let started = try ChildProcess(
      "redis", server,
      [
        "--bind", "127.0.0.1", "--port", "\(address.port)", "--dir", folder, "--save", "",
        "--appendonly", "no", "--maxmemory-policy", "noeviction",
      ], log: "\(folder)/redis.log")
    redis = started
    targets.redis = started.id
    try started.waitUntilUp(within: .seconds(60), isInterrupted) {
      Probe.redis(address, "PING")?.hasPrefix("+PONG") == true
    }
    return address
  }

  /// The addresses in a node's log, once they stand there.
  private static func ready(log: String) -> (listen: SocketAddress, admin: SocketAddress)? {
    for line in (Machine.contents(of: log) ?? "").split(separator: "\n") {
      guard let tree = try? JSONTree(parsing: Array(line.utf8), depthMax: 4, bytesMax: 16_384),
        tree["event"]?.string == "ready",
        let listen = tree["listen"]?.string.flatMap(SocketAddress.init(text:)),
        let admin = tree["admin"]?.string.flatMap(SocketAddress.init(text:))
      else { continue }
      return (listen, admin)
    }
    return nil
  }

  /// What is measured is the work, not the refusals: no rate, no cap by address.
  private static let configuration = """
    {
      "auth": { "anonymous": true },
      "namespaces": { "": {} },
      "limits": {
        "messages_per_second": 0, "bytes_per_second": 0,
        "handshakes_per_second": 0, "handshakes_per_second_per_address": 0,
        "connections_per_address": 0, "connections_per_user": 0,
        "messages_per_second_per_user": 0, "bytes_per_second_per_user": 0,
        "messages_per_second_per_address": 0, "bytes_per_second_per_address": 0
      }
    }
    """

  // MARK: Stop

  /// A sentence about a program that has ended although nobody told it to; nil when there is none.
  var lossOfProgram: String? {
    (nodes + [redis].compactMap(\.self)).first { $0.hasEnded() }
      .map { "\($0.name) ended: \($0.lastWords)" }
  }

  /// Ends everything at once: nothing in it is worth keeping.
  func stop() {
    for process in nodes + [redis].compactMap(\.self) {
      process.signal(SIGKILL)
      _ = process.wait(within: .seconds(5))
    }
    nodes = []
    redis = nil
    Files.remove(folder)
  }
}
