// What names, ports, certificates, clocks and the way through a balancer mean.

import Gateway
import Glibc
import RoostEventLoop

extension DoctorChecks {
  static func names(_ facts: [NameFacts]) -> [DoctorFinding] {
    facts.map { name in
      let subject = "\(name.setting): \(name.host)"
      switch name.answer {
      case .failed(let reason):
        return .problem(
          .names, "\(subject) has no address: \(reason)", "see the name, and /etc/resolv.conf")
      case .addresses(let count):
        let text =
          "\(subject) has \(count) address\(count == 1 ? "" : "es"), told within "
          + "\(name.milliseconds) ms"
        return name.milliseconds < 1000
          ? .ok(.names, text)
          : .warning(
            .names, text, "see why the name server takes so long, in /etc/resolv.conf first")
      }
    }
  }

  static func ports(_ facts: [PortFacts]) -> [DoctorFinding] {
    facts.map { port in
      let subject = "\(port.setting) (\(port.address))"
      switch port.state {
      case .free: return .ok(.ports, "\(subject) is free")
      case .ours: return .ok(.ports, "\(subject) is taken: a node runs here already")
      case .refused(Errno(code: EADDRINUSE)):
        return .problem(
          .ports, "\(subject) is taken by another program", "see with ss -ltnp who has it")
      case .refused(Errno(code: EACCES)):
        return .problem(
          .ports, "\(subject) may not be opened by this user",
          "take a port from 1024 on, or give the unit AmbientCapabilities=CAP_NET_BIND_SERVICE")
      case .refused(let failure):
        return .problem(
          .ports, "\(subject) cannot be opened: \(failure)",
          "see that the address is one of this machine")
      }
    }
  }

  /// - Parameter now: in seconds since 1970.
  static func certificates(_ facts: CertificateFacts, now: Int) -> [DoctorFinding] {
    if let failure = facts.failure {
      return [.problem(.certificates, failure, "name files in tls that fit together")]
    }
    return facts.certificates.flatMap { certificate in
      var findings = [lifetime(certificate, now: now)]
      if certificate.isKeyOpen {
        findings.append(
          .warning(
            .certificates, "\(certificate.keyPath) may be read by everybody on this machine",
            "chmod 600, and give it to the node's user"))
      }
      return findings
    }
  }

  private static func lifetime(_ certificate: CertificateFacts.One, now: Int) -> DoctorFinding {
    let names = certificate.names.isEmpty ? "no name" : certificate.names.joined(separator: ", ")
    let end =
      "\(TimeText.utc(Int64(certificate.endsAt))), "
      + TimeText.relative(Int64(certificate.endsAt - now))
    let subject = "\(certificate.path) is for \(names)"
    guard certificate.endsAt > now else {
      return .problem(.certificates, "\(subject), and ended \(end)", "renew it")
    }
    guard certificate.startsAt <= now else {
      let start = TimeText.relative(Int64(certificate.startsAt - now))
      return .problem(
        .certificates, "\(subject), and begins only \(start)", "see the clock of this machine")
    }
    guard !certificate.names.isEmpty else {
      return .problem(
        .certificates, "\(subject): clients look for a subjectAltName, and for nothing else",
        "have it issued with a subjectAltName (DNS)")
    }
    guard certificate.endsAt - now > 21 * 86_400 else {
      return .warning(.certificates, "\(subject), and ends \(end)", "renew it")
    }
    return .ok(.certificates, "\(subject), until \(end)")
  }

  /// - Parameter leeway: `auth.tokens.leeway`, in seconds.
  static func clock(_ facts: RedisFacts, leeway: Int64) -> DoctorFinding? {
    guard let skew = facts.skewMilliseconds else { return nil }
    let size = abs(skew)
    let words = skew >= 0 ? "behind" : "ahead of"
    let text =
      size < 5 ? "this clock and Redis's agree" : "this clock is \(size) ms \(words) Redis's"
    if size > 1000 * Int(max(leeway, 1)) {
      return .problem(
        .clock,
        "\(text), more than auth.tokens.leeway: fresh tokens are refused, or old ones taken",
        "let chrony or systemd-timesyncd keep the time on all machines")
    }
    return size <= 1000
      ? .ok(.clock, text)
      : .warning(
        .clock, "\(text): history ages by these clocks, and tokens expire by them",
        "let chrony or systemd-timesyncd keep the time on all machines")
  }

  static func path(_ facts: PathFacts) -> [DoctorFinding] {
    if let failure = facts.failure {
      return [
        .problem(
          .path, "no WebSocket through \(facts.url): \(failure)",
          "see that the balancer passes Upgrade on, and that the node is reached by it")
      ]
    }
    let survived = secondsText(facts.survivedMilliseconds)
    let ping = facts.pingMilliseconds
    let pings = ping > 0 ? "the node pings every \(secondsText(ping))" : "the node sends no pings"
    guard let ended = facts.endedMilliseconds else {
      let text =
        facts.isInterrupted
        ? "\(pings), and connections survive the \(survived) between; a longer silence does not occur"
        : "\(survived) of silence are survived, the longest that was tried; \(pings)"
      return [.ok(.path, text)]
    }
    let how = facts.isEndSilent ? "without a word, so that clients wait for nothing" : "by a close"
    let text = "silence of \(secondsText(ended)) ends a connection \(how); \(pings)"
    let remedy =
      "raise the balancer's idle timeout (tunnel timeout, proxy_read_timeout), or lower "
      + "limits.ping_interval to a third of it"
    if ping == 0 { return [.problem(.path, text, remedy)] }
    // Pings come with some jitter, and one of them may be lost.
    if ended * 10 < ping * 13 { return [.problem(.path, text, remedy)] }
    if ended < 2 * ping {
      return [.warning(.path, "\(text): one late ping is enough to lose it", remedy)]
    }
    return [.ok(.path, text)]
  }

  private static func secondsText(_ milliseconds: Int) -> String {
    let tenths = (milliseconds + 50) / 100
    return tenths % 10 == 0 ? "\(tenths / 10) s" : "\(tenths / 10).\(tenths % 10) s"
  }
}
