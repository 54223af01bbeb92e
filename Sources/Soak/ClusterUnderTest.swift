// A cluster as an operator would run it, for the length of a run: Redis, nodes from the same
// executable as the harness, HAProxy in front. All on 127.0.0.1, on free ports, in a folder that
// goes with it.

import Glibc
import RoostEventLoop

/// One node's place: its addresses stay while its processes come and go.
struct NodePlace {
  let name: String
  let address: SocketAddress
  let admin: SocketAddress
  /// Nil when the node is not ours to start.
  var process: ChildProcess?
  /// It stands still.
  var isFrozen = false
  /// Times that it was started.
  var starts = 0
  /// What holds otherwise of limits that were taken from it, by their names for `prlimit`.
  var limits: [String: String] = [:]
}

/// The cluster.
///
/// One thread: the one that made it.
final class ClusterUnderTest {
  private(set) var nodes: [NodePlace] = []
  private(set) var redis: ChildProcess?
  private var balancer: ChildProcess?
  /// Balancers before a reload, with the connections that they had.
  private var earlierBalancers: [ChildProcess] = []
  private var links: LinkProxy?
  private var paths: LinkProxy?
  private(set) var targets: [SocketAddress] = []
  /// Where clients that speak TLS connect.
  private(set) var securedTargets: [SocketAddress] = []
  let folder: String?
  private let scenario: Scenario
  private let program: String
  private var redisAddress = SocketAddress(ipv4: 0x7F00_0001, port: 0)
  private var balancerAddress = SocketAddress(ipv4: 0x7F00_0001, port: 0)
  private var securedAddress = SocketAddress(ipv4: 0x7F00_0001, port: 0)
  /// Certificates that may vouch for the nodes; nil when they speak no TLS.
  var caFile: String? { isOurs && scenario.tlsPercent > 0 ? path("authority.crt") : nil }
  /// Whether processes may be started and broken.
  var isOurs: Bool { folder != nil }

  /// A cluster that runs already.
  init(targets: [SocketAddress], admins: [SocketAddress], _ scenario: Scenario) {
    self.scenario = scenario
    self.targets = targets
    program = ""
    folder = nil
    for (place, admin) in admins.enumerated() {
      nodes.append(
        NodePlace(name: "node\(place + 1)", address: targets[place % targets.count], admin: admin))
    }
  }

  /// A cluster that `start` will start.
  ///
  /// - Parameter program: the path of `roost`.
  init(_ scenario: Scenario, program: String) throws(SoakFailure) {
    self.scenario = scenario
    self.program = program
    let made = try Files.makeTemporaryFolder()
    folder = made
    do throws(Errno) {
      redisAddress.port = try SocketOption.freePort()
      balancerAddress.port = try SocketOption.freePort()
      securedAddress.port = try SocketOption.freePort()
      for number in 1...scenario.nodes {
        let local: UInt32 = 0x7F00_0001
        nodes.append(
          NodePlace(
            name: "node\(number)",
            address: SocketAddress(ipv4: local, port: try SocketOption.freePort()),
            admin: SocketAddress(ipv4: local, port: try SocketOption.freePort())))
      }
    } catch {
      Files.remove(made)
      throw SoakFailure("there is no free port: \(error)")
    }
    targets = scenario.balancer ? [balancerAddress] : nodes.map(\.address)
    securedTargets = scenario.balancer ? [securedAddress] : nodes.map(\.address)
  }

  deinit { stop() }

  private func path(_ name: String) -> String { "\(folder ?? "")/\(name)" }

  // MARK: Start

  /// Starts all and waits until every node is ready; `isInterrupted` is asked meanwhile.
  func start(isInterrupted: () -> Bool) throws(SoakFailure) {
    guard isOurs else { return }
    try startRedis()
    try redis?.waitUntilUp(as: "Redis", within: .seconds(20), isInterrupted) { answersRedis }
    if scenario.tlsPercent > 0 { try RunCertificates.make(in: path(".")) }
    try Files.write(configuration, to: path("roost.json"))
    try startProxies()
    for place in nodes.indices { try startNode(place) }
    for place in nodes.indices {
      let admin = nodes[place].admin
      try nodes[place].process?.waitUntilUp(within: .seconds(60), isInterrupted) {
        Probe.isReady(admin)
      }
    }
    guard scenario.balancer else { return }
    try Files.write(balancerConfiguration, to: path("haproxy.cfg"))
    try startBalancer()
    let address = balancerAddress
    try balancer?.waitUntilUp(within: .seconds(20), isInterrupted) {
      Probe.get(address, "/readyz", within: .milliseconds(500))?.status == 200
    }
  }

  private func startBalancer(_ more: [String] = []) throws(SoakFailure) {
    guard let haproxy = Program.find("haproxy") else {
      throw SoakFailure("haproxy is missing; install it, or set balancer to false")
    }
    balancer = try ChildProcess(
      "haproxy", haproxy, ["-db", "-f", path("haproxy.cfg")] + more, log: path("haproxy.log"))
  }

  /// Has a new balancer take the port; the old one ends with its last connection.
  func reloadBalancer() throws(SoakFailure) {
    guard let old = balancer else { return }
    earlierBalancers = earlierBalancers.filter { !$0.hasEnded() } + [old]
    try startBalancer(["-sf", "\(old.id)"])
  }

  private func startProxies() throws(SoakFailure) {
    do throws(Errno) {
      if scenario.breaksLinks {
        links = try LinkProxy(to: nodes.map { _ in redisAddress })
      }
      if scenario.breaksPaths {
        let made = try LinkProxy(to: nodes.map(\.address))
        paths = made
        if !scenario.balancer {
          targets = made.addresses
          securedTargets = made.addresses
        }
      }
    } catch {
      throw SoakFailure("no proxy to break links in: \(error)")
    }
  }

  /// Starts Redis where it was; `keepingData` false takes its file away first.
  func startRedis(keepingData: Bool = true) throws(SoakFailure) {
    guard let server = Program.find("redis-server") else {
      throw SoakFailure("redis-server is missing; install it")
    }
    if !keepingData { Files.remove(path("appendonlydir")) }
    // A write goes to the kernel before its answer goes out; a postponed one would be lost by
    // SIGKILL.
    redis = try ChildProcess(
      "redis", server,
      [
        "--bind", "127.0.0.1", "--port", "\(redisAddress.port)", "--dir", path("."), "--save", "",
        "--appendonly", scenario.persistence ? "yes" : "no", "--appendfsync", "no",
        "--maxmemory-policy", "noeviction", "--maxclients", "1000",
      ], log: path("redis.log"))
  }

  /// Whether Redis answers.
  var answersRedis: Bool { Probe.redis(redisAddress, "PING")?.hasPrefix("+PONG") == true }

  /// A command to Redis.
  func command(_ text: String) { _ = Probe.redis(redisAddress, text) }

  /// Starts a node where it was.
  func startNode(_ place: Int) throws(SoakFailure) {
    nodes[place].starts += 1
    nodes[place].isFrozen = false
    nodes[place].process = try ChildProcess(
      nodes[place].name, program,
      [
        "serve", "--dev", "--config", path("roost.json"), "--node-id", nodes[place].name,
        "--redis", "redis://\(links?.addresses[place] ?? redisAddress)", "--shards",
        "\(scenario.shards)",
        "--listen", "\(nodes[place].address)", "--admin", "\(nodes[place].admin)",
        "--log-format", "json", "--dev-clock", path("\(nodes[place].name).clock"),
      ], log: path("\(nodes[place].name).log"))
  }

  /// Breaks a node's links to Redis, or mends them.
  func setLinks(_ place: Int, _ mode: LinkMode) { links?.set(mode, ofNode: place) }

  /// Breaks what is between clients and a node, or mends it.
  func setPaths(_ place: Int, _ mode: LinkMode) { paths?.set(mode, ofNode: place) }

  /// Stops or resumes a node.
  func setFrozen(_ place: Int, _ isFrozen: Bool) {
    nodes[place].process?.signal(isFrozen ? SIGSTOP : SIGCONT)
    nodes[place].isFrozen = isFrozen
  }

  /// Makes a node's wall clock wrong by so much; it notices within a quarter of a second.
  func stepClock(_ place: Int, milliseconds: Int) {
    try? Files.write("\(milliseconds)\n", to: path("\(nodes[place].name).clock"))
  }

  /// Takes all descriptors from a node but those that it has and a few, or gives them back.
  func setDescriptorShortage(_ place: Int, _ isShort: Bool) {
    setShortage("nofile", place, isShort) { id in
      DescriptorUse(of: id).map { ($0.highest + 3, "\($0.limit)") }
    }
  }

  /// Gives a node no more memory than 256 KiB beyond what it has, or as much as before.
  ///
  /// What it has may hold room for a while: whether it ends because of it depends on its traffic.
  func setMemoryShortage(_ place: Int, _ isShort: Bool) {
    setShortage("data", place, isShort) { id in
      DataUse(of: id).map { ($0.bytes + 262_144, $0.limit) }
    }
  }

  /// Sets a limit of a node's process close to what it uses, or back.
  private func setShortage(
    _ name: String, _ place: Int, _ isShort: Bool,
    _ look: (pid_t) -> (scarce: Int, usual: String)?
  ) {
    let before = nodes[place].limits.removeValue(forKey: name)
    guard let process = nodes[place].process, !process.hasEnded() else { return }
    if isShort {
      guard let (scarce, usual) = look(process.id) else { return }
      nodes[place].limits[name] = usual
      setLimit(name, of: process.id, to: "\(scarce)")
    } else if let before {
      setLimit(name, of: process.id, to: before)
    }
  }

  /// The C library hides prlimit(2) from Swift; the program of that name is from the package that
  /// `setpriv` is from.
  private func setLimit(_ name: String, of id: pid_t, to limit: String) {
    guard let program = Program.find("prlimit") else { return }
    let arguments = ["--pid", "\(id)", "--\(name)=\(limit):"]
    let process = try? ChildProcess("prlimit", program, arguments, log: path("prlimit.log"))
    _ = process?.wait(within: .seconds(2))
  }

  /// Whether all nodes run and take traffic.
  var isReady: Bool {
    nodes.allSatisfy { !$0.isFrozen && $0.process?.hasEnded() != true && Probe.isReady($0.admin) }
  }

  // MARK: Stop

  /// Ends everything in order, what does not end in time by force; says what was not as it should
  /// be.
  @discardableResult
  func stop() -> [Finding] {
    guard let folder,
      redis != nil || balancer != nil || nodes.contains(where: { $0.process != nil })
    else {
      if let folder { Files.remove(folder) }
      return []
    }
    var findings: [Finding] = []
    for place in nodes.indices {
      nodes[place].process?.signal(SIGCONT)
      nodes[place].process?.signal(SIGTERM)
    }
    let limit = Duration.seconds(scenario.drainWindow + scenario.drainGrace + 20)
    for place in nodes.indices {
      guard let process = nodes[place].process else { continue }
      if !process.wait(within: limit) {
        findings.append(
          Finding(.ended, "\(process.name) did not end within \(limit) of its last SIGTERM"))
        process.signal(SIGKILL)
        _ = process.wait(within: .seconds(5))
      } else if process.end != .exited(0) {
        let how = process.end.map { "\($0)" } ?? ""
        findings.append(Finding(.ended, "\(process.name) ended with \(how): \(process.lastWords)"))
      }
      nodes[place].process = nil
    }
    for process in [balancer, redis] + earlierBalancers {
      process?.signal(SIGCONT)
      process?.signal(SIGTERM)
      if process?.wait(within: .seconds(5)) == false { process?.signal(SIGKILL) }
    }
    balancer = nil
    earlierBalancers = []
    redis = nil
    links?.stop()
    links = nil
    paths?.stop()
    paths = nil
    Files.remove(folder)
    return findings
  }

  /// Keeps the logs of all processes in another folder.
  func keepLogs(in other: String) {
    guard isOurs else { return }
    for name in nodes.map(\.name) + ["redis", "haproxy"] {
      Files.copy(path("\(name).log"), to: "\(other)/\(name).log")
    }
  }

  // MARK: Configurations

  private var configuration: String {
    let window = scenario.drainWindow
    let certificate =
      caFile == nil
      ? "" : "{ \"certificate\": \"\(path("node.crt"))\", \"key\": \"\(path("node.key"))\" }"
    let history =
      "{ \"messages\": \(scenario.historyMessages), \"seconds\": \(scenario.historySeconds) }"
    return """
      {
        "namespaces": {
          "": {},
          "log": { "history": \(history) },
          "seen": { "presence": true, "presence_events": true },
          "seenlog": { "presence": true, "presence_events": true, "history": \(history) }
        },
        "limits": {
          "connections_per_address": 0, "connections_per_user": 0,
          "handshakes_per_second": \(scenario.handshakesPerSecond),
          "handshakes_per_second_per_address": 0,
          "ping_interval": \(scenario.pingSeconds), "pong_timeout": \(scenario.pongSeconds),
          "messages_per_second_per_user": 0, "bytes_per_second_per_user": 0,
          "messages_per_second_per_address": 0, "bytes_per_second_per_address": 0
        },
        "tls": { "certificates": [\(certificate)] },
        "drain": { "lb_grace": \(scenario.drainGrace), "window": \(window),
                   "hard_stop": \(window + scenario.drainGrace + 10) }
      }
      """
  }

  private var balancerConfiguration: String {
    let addresses = paths?.addresses ?? nodes.map(\.address)
    let servers = zip(nodes, addresses).map { "  server \($0.name) \($1)" }
      .joined(separator: "\n")
    let secured = caFile.map { "ssl verify required ca-file \($0) " } ?? ""
    // As deploy/haproxy/haproxy.cfg has it, with shorter checks: a run has no time to waste.
    return """
      global
        log stdout format raw local0 notice
      defaults
        mode http
        log global
        timeout connect 5s
        timeout client 60s
        timeout server 60s
        timeout tunnel 1h
        timeout client-fin 30s
        timeout check 2s
      frontend public
        bind \(balancerAddress)
        default_backend nodes
      backend nodes
        balance leastconn
        option http-server-close
        option redispatch 1
        retries 2
        retry-on conn-failure empty-response 503
        http-request disable-l7-retry unless METH_GET
        option httpchk
        http-check send meth GET uri /readyz ver HTTP/1.1 hdr Host roost
        http-check expect status 200
        default-server \(secured)check inter 500ms fall 2 rise 1
      \(servers)
      \(securedProxy(servers))
      """
  }

  /// The way of those who speak TLS with the nodes themselves: bytes pass as they are.
  private func securedProxy(_ servers: String) -> String {
    guard let caFile else { return "" }
    return """
      frontend secured
        mode tcp
        bind \(securedAddress)
        default_backend secured_nodes
      backend secured_nodes
        mode tcp
        balance leastconn
        option redispatch 1
        retries 2
        option httpchk
        http-check send meth GET uri /readyz ver HTTP/1.1 hdr Host roost
        http-check expect status 200
        default-server check check-ssl verify required ca-file \(caFile) inter 500ms fall 2 rise 1
      \(servers)

      """
  }
}
