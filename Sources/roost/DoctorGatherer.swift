// Gathers what `roost doctor` judges: from /proc, from files, from sockets that are opened for a moment.

import Gateway
import Glibc
import RoostCrypto
import RoostEventLoop

/// Gathers facts about this machine.
enum DoctorGatherer {
  static func machine() -> MachineFacts {
    var facts = MachineFacts()
    var limit = rlimit()
    if getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 {
      facts.softDescriptors = Int(min(limit.rlim_cur, 1 << 30))
      facts.hardDescriptors = Int(min(limit.rlim_max, 1 << 30))
    }
    facts.systemFiles = numbers("/proc/sys/fs/file-max").first
    facts.acceptQueue = numbers("/proc/sys/net/core/somaxconn").first
    facts.synQueue = numbers("/proc/sys/net/ipv4/tcp_max_syn_backlog").first
    facts.packetQueue = numbers("/proc/sys/net/core/netdev_max_backlog").first
    let ports = numbers("/proc/sys/net/ipv4/ip_local_port_range")
    if ports.count == 2, ports[0] <= ports[1] { facts.localPorts = ports[0]...ports[1] }
    let pages = numbers("/proc/sys/net/ipv4/tcp_mem")
    if pages.count == 3 {
      let (bytes, isOver) = pages[2].multipliedReportingOverflow(by: sysconf(Int32(_SC_PAGESIZE)))
      facts.socketMemoryBytes = isOver ? .max : bytes
    }
    facts.memoryBytes = Machine.usableMemoryBytes()
    facts.cores = Machine.usableCores()
    return facts
  }

  /// The numbers in a file of /proc; those that do not fit are as large as can be.
  static func numbers(_ path: String) -> [Int] {
    (Machine.contents(of: path) ?? "").split { " \t\n".contains($0) }.map { word in
      Int(word) ?? (word.allSatisfy(\.isNumber) ? .max : 0)
    }
  }

  static func ports(_ configuration: Configuration) -> [PortFacts] {
    var nodeRuns: Bool?
    return [("listen", configuration.listen), ("admin", configuration.admin)].map { entry in
      let (setting, address) = entry
      func facts(_ state: PortFacts.State) -> PortFacts {
        PortFacts(setting: setting, address: "\(address)", state: state)
      }
      guard address.port != 0 else { return facts(.free) }
      do throws(Errno) {
        _ = try Socket.listen(on: address, sharesPort: false, backlog: 1)
        return facts(.free)
      } catch {
        guard error == Errno(code: EADDRINUSE) else { return facts(.refused(error)) }
        let runs = nodeRuns ?? Self.nodeRuns(configuration)
        nodeRuns = runs
        return facts(runs ? .ours : .refused(error))
      }
    }
  }

  /// Whether something answers on the admin port as a node does.
  private static func nodeRuns(_ configuration: Configuration) -> Bool {
    let address = configuration.admin
    let deadline = MonotonicInstant.now().advanced(by: .seconds(3))
    guard address.port != 0, !configuration.tls.admin else { return false }
    let host = ["0.0.0.0", "::"].contains(address.hostText) ? "127.0.0.1" : address.hostText
    do throws(StreamFailure) {
      let stream = try BlockingStream(
        host: host, port: address.port, context: nil, deadline: deadline)
      let request = "GET /openapi.json HTTP/1.1\r\nHost: \(address)\r\nConnection: close\r\n\r\n"
      try stream.send(Array(request.utf8), deadline: deadline)
      var answer: [UInt8] = []
      while answer.count < 16_384, case .bytes(let bytes) = stream.receive(deadline: deadline) {
        answer += bytes
      }
      return HealthCommand.status(in: answer) == 200
        && String(decoding: answer, as: UTF8.self).contains("Roost")
    } catch {
      return false
    }
  }

  /// Looks up the hosts that the settings name.
  static func names(_ hosts: [(setting: String, host: String)]) -> [NameFacts] {
    hosts.map { setting, host in
      let start = MonotonicInstant.now()
      let answer: NameFacts.Answer
      do throws(StreamFailure) {
        let addresses = try BlockingStream.lookUp(
          host, port: 1, deadline: start.advanced(by: .seconds(10)))
        answer = .addresses(addresses.count)
      } catch {
        // The sentence begins with the name, which the finding has already.
        let prefix = host + ": "
        let text = error.description
        answer = .failed(text.hasPrefix(prefix) ? String(text.dropFirst(prefix.count)) : text)
      }
      return NameFacts(
        setting: setting, host: host, answer: answer,
        milliseconds: Int(MonotonicInstant.now().since(start).milliseconds))
    }
  }

  /// The host of a URL whose scheme has two slashes; nil when it has none or is a socket's path.
  static func host(ofURL text: String) -> String? {
    guard let slashes = text.firstRange(of: "://") else { return nil }
    var authority = text[slashes.upperBound...].prefix { !"/?#".contains($0) }
    if let at = authority.lastIndex(of: "@") {
      authority = authority[authority.index(after: at)...]
    }
    if authority.hasPrefix("[") { return String(authority.dropFirst().prefix { $0 != "]" }) }
    let host = authority.prefix { $0 != ":" }
    return host.isEmpty ? nil : String(host)
  }

  static func certificates(_ configuration: Configuration) -> CertificateFacts? {
    guard !configuration.tls.certificates.isEmpty else { return nil }
    var facts = CertificateFacts()
    do throws(ConfigurationProblem) {
      for certificate in try configuration.certificateReports() {
        var status = stat()
        let isOpen = stat(certificate.keyPath, &status) == 0 && status.st_mode & 0o004 != 0
        facts.certificates.append(
          CertificateFacts.One(
            path: certificate.path, names: certificate.names, startsAt: certificate.startsAt,
            endsAt: certificate.endsAt, keyPath: certificate.keyPath, isKeyOpen: isOpen))
      }
    } catch {
      facts.failure = error.reason
    }
    return facts
  }
}
