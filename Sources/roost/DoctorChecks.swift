// What the facts about the machine mean for a node with a configuration. Pure: the thresholds stand
// here, and nothing is read.

import Gateway

/// The judgements of `roost doctor`.
enum DoctorChecks {
  /// The backlog that a node asks for; the kernel cuts it to `net.core.somaxconn`.
  private static let backlog = 4096

  static func machine(_ facts: MachineFacts, _ configuration: Configuration) -> [DoctorFinding] {
    var findings = [
      descriptors(facts, configuration), memory(facts, configuration),
      acceptQueue(facts.acceptQueue),
    ]
    let connections = budget(facts, configuration).connections
    if let files = facts.systemFiles { findings.append(systemFiles(files, facts, connections)) }
    if let queue = facts.synQueue {
      findings.append(
        queue >= 1024
          ? .ok(.synQueue, "net.ipv4.tcp_max_syn_backlog is \(queue)")
          : .warning(
            .synQueue,
            "net.ipv4.tcp_max_syn_backlog is \(queue): when many clients come at once, some wait a "
              + "second or more", "sysctl -w net.ipv4.tcp_max_syn_backlog=4096"))
    }
    if let queue = facts.packetQueue {
      findings.append(
        queue >= 1000
          ? .ok(.packetQueue, "net.core.netdev_max_backlog is \(queue)")
          : .warning(
            .packetQueue, "net.core.netdev_max_backlog is \(queue): bursts of packets are dropped",
            "sysctl -w net.core.netdev_max_backlog=4096"))
    }
    if let ports = facts.localPorts { findings.append(localPorts(ports, connections)) }
    if let bytes = facts.socketMemoryBytes {
      findings.append(socketMemory(bytes, connections))
    }
    return findings
  }

  static func budget(
    _ facts: MachineFacts, _ configuration: Configuration, descriptors: Int? = nil,
    memoryBytes: Int? = nil
  ) -> NodeBudget {
    NodeBudget(
      configured: configuration.limits.connections,
      handshakes: configuration.limits.handshakesAtOnce,
      outgoing: configuration.hooks.url.isEmpty ? 0 : configuration.hooks.concurrency,
      descriptors: descriptors ?? facts.hardDescriptors,
      memoryBytes: memoryBytes ?? facts.memoryBytes,
      shards: configuration.shards > 0 ? configuration.shards : facts.cores,
      isSecured: !configuration.tls.certificates.isEmpty)
  }

  private static let unbounded = 1 << 50

  private static func descriptors(
    _ facts: MachineFacts, _ configuration: Configuration
  ) -> DoctorFinding {
    let limits =
      "descriptors: soft limit \(facts.softDescriptors), hard limit \(facts.hardDescriptors)"
    let affordable = budget(facts, configuration, memoryBytes: unbounded).connections
    let configured = configuration.limits.connections
    let raise = "raise the hard limit: LimitNOFILE= of the unit, --ulimit nofile= of a container"
    guard configured > 0 else {
      let room = "\(limits), which a node raises to: room for \(affordable) connections"
      return affordable >= 10_000
        ? .ok(.descriptors, room) : .warning(.descriptors, room, "\(raise), to 1048576 for example")
    }
    // The smallest number with which all of them find room.
    var (low, high) = (0, 1 << 30)
    while low < high {
      let middle = (low + high) / 2
      let room = budget(facts, configuration, descriptors: middle, memoryBytes: unbounded)
      if room.connections >= configured { high = middle } else { low = middle + 1 }
    }
    let need = "limits.connections \(configured) needs \(low)"
    return affordable >= configured
      ? .ok(.descriptors, "\(limits); \(need)")
      : .problem(
        .descriptors, "\(limits); \(need): only \(affordable) connections have room", raise)
  }

  private static func memory(
    _ facts: MachineFacts, _ configuration: Configuration
  ) -> DoctorFinding {
    let usable = bytesText(facts.memoryBytes)
    let affordable = budget(facts, configuration, descriptors: 1 << 30).connections
    let configured = configuration.limits.connections
    if configured > affordable {
      return .problem(
        .memory,
        "\(usable) of memory may be used: room for \(affordable) connections, and limits.connections "
          + "is \(configured)",
        "give the machine or its cgroup more memory, or lower limits.connections")
    }
    let history = configuration.redis.urls.isEmpty ? configuration.limits.historyBytes : 0
    let compression =
      configuration.compression.contextTakeover ? configuration.compression.memoryBytes : 0
    let fixed = history + compression
    if fixed > facts.memoryBytes / 2 {
      return .problem(
        .memory,
        "\(usable) of memory may be used, and limits.history_bytes and compression.memory_bytes "
          + "together may take \(bytesText(fixed)), over half of it",
        "lower limits.history_bytes or compression.memory_bytes, or give more memory")
    }
    let room = configured > 0 ? configured : affordable
    return .ok(.memory, "\(usable) of memory may be used: room for \(room) connections")
  }

  private static func acceptQueue(_ queue: Int?) -> DoctorFinding {
    guard let queue else {
      return .warning(
        .acceptQueue, "net.core.somaxconn cannot be read", "see that it is at least \(backlog)")
    }
    guard queue < backlog else { return .ok(.acceptQueue, "net.core.somaxconn is \(queue)") }
    return .warning(
      .acceptQueue,
      "net.core.somaxconn is \(queue), less than the \(backlog) that a node asks for: when many "
        + "clients come back at once, some wait a second or more",
      "sysctl -w net.core.somaxconn=\(backlog); in a container as its own setting")
  }

  private static func systemFiles(
    _ files: Int, _ facts: MachineFacts, _ connections: Int
  ) -> DoctorFinding {
    // All programs of the machine share them.
    guard files < connections * 2 else {
      return .ok(.systemFiles, "fs.file-max is \(files)")
    }
    return .problem(
      .systemFiles, "fs.file-max is \(files), too few for \(connections) connections beside others",
      "sysctl -w fs.file-max=\(max(connections * 4, 1_048_576))")
  }

  private static func localPorts(_ ports: ClosedRange<Int>, _ connections: Int) -> DoctorFinding {
    let count = ports.count
    let text = "net.ipv4.ip_local_port_range is \(ports.lowerBound) to \(ports.upperBound)"
    guard count < min(connections, 28_000) else {
      return .ok(.localPorts, "\(text): \(count) connections of a proxy to one address")
    }
    return .warning(
      .localPorts,
      "\(text): a proxy on this machine can open no more than \(count) connections to one address of a "
        + "node, and the node affords \(connections)",
      "sysctl -w net.ipv4.ip_local_port_range='1024 65535', or let the node listen on more addresses"
    )
  }

  private static func socketMemory(_ bytes: Int, _ connections: Int) -> DoctorFinding {
    // A socket with anything in its buffers holds two pages at least.
    let needed = connections * 8192
    guard bytes < needed else {
      return .ok(
        .socketMemory, "net.ipv4.tcp_mem allows \(bytesText(bytes)) for buffers of sockets")
    }
    return .warning(
      .socketMemory,
      "net.ipv4.tcp_mem allows \(bytesText(bytes)) for buffers of sockets; \(connections) connections "
        + "that all have something on its way want \(bytesText(needed))",
      "raise the third number of net.ipv4.tcp_mem, or set limits.connections lower")
  }

  /// `1.5 GiB`.
  static func bytesText(_ bytes: Int) -> String {
    let units: [(name: String, shift: Int)] = [("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10)]
    for unit in units where bytes >= 1 << unit.shift {
      let tenths = Int((Double(bytes) / Double(1 << unit.shift) * 10).rounded())
      return tenths % 10 == 0
        ? "\(tenths / 10) \(unit.name)" : "\(tenths / 10).\(tenths % 10) \(unit.name)"
    }
    return "\(bytes) bytes"
  }
}
