// What `roost doctor` has found, and how it is written.

import RoostJSON

/// One thing that was looked at.
struct DoctorFinding: Equatable, Sendable {
  /// How bad it is.
  enum Level: String, CaseIterable, Comparable, Sendable {
    case ok
    case warning
    case problem

    static func < (left: Level, right: Level) -> Bool { left.rank < right.rank }

    private var rank: Int {
      switch self {
      case .ok: 0
      case .warning: 1
      case .problem: 2
      }
    }
  }

  let level: Level
  /// What was looked at, a word of the table in the documents.
  let check: String
  /// What is, a sentence without its full stop.
  let what: String
  /// What to do about it; nil when nothing has to be done.
  let remedy: String?

  static func ok(_ check: DoctorCheck, _ what: String) -> DoctorFinding {
    DoctorFinding(level: .ok, check: check.rawValue, what: what, remedy: nil)
  }

  static func warning(_ check: DoctorCheck, _ what: String, _ remedy: String) -> DoctorFinding {
    DoctorFinding(level: .warning, check: check.rawValue, what: what, remedy: remedy)
  }

  static func problem(_ check: DoctorCheck, _ what: String, _ remedy: String) -> DoctorFinding {
    DoctorFinding(level: .problem, check: check.rawValue, what: what, remedy: remedy)
  }
}

/// Everything that is looked at; the words stand in reports.
enum DoctorCheck: String, CaseIterable, Sendable {
  case configuration
  case descriptors
  case systemFiles = "system_files"
  case acceptQueue = "accept_queue"
  case synQueue = "syn_queue"
  case packetQueue = "packet_queue"
  case localPorts = "local_ports"
  case socketMemory = "socket_memory"
  case memory
  case names
  case ports
  case certificates
  case redis
  case redisVersion = "redis_version"
  case redisRole = "redis_role"
  case redisRights = "redis_rights"
  case redisMemory = "redis_memory"
  case redisEviction = "redis_eviction"
  case redisOutput = "redis_output"
  case redisPersistence = "redis_persistence"
  case redisReplicas = "redis_replicas"
  case clock
  case path
}

/// All findings of a run.
struct DoctorReport: Equatable {
  let findings: [DoctorFinding]

  /// The worst of them.
  var level: DoctorFinding.Level { findings.map(\.level).max() ?? .ok }

  private func count(_ level: DoctorFinding.Level) -> Int { findings.count { $0.level == level } }

  /// For people: a line for each finding, and one for what to do about it.
  var text: String {
    let width = DoctorCheck.allCases.map(\.rawValue.count).max() ?? 0
    var text = ""
    for finding in findings {
      text += finding.level.rawValue.padded(to: 9) + finding.check.padded(to: width + 2)
      text += Self.harmless(finding.what) + "\n"
      if let remedy = finding.remedy { text += "".padded(to: 9) + "-> \(Self.harmless(remedy))\n" }
    }
    return text + "\n\(count(.ok)) ok, \(Self.counted(count(.warning), "warning")), "
      + Self.counted(count(.problem), "problem") + "\n"
  }

  /// For programs.
  var json: String {
    let list = findings.map { finding in
      PrettyJSON.object(
        [
          ("level", PrettyJSON.string(finding.level.rawValue)),
          ("check", PrettyJSON.string(finding.check)), ("what", PrettyJSON.string(finding.what)),
        ] + (finding.remedy.map { [("remedy", PrettyJSON.string($0))] } ?? []))
    }
    return PrettyJSON.text(
      PrettyJSON.object([
        ("findings", .array(list, offset: 0)), ("ok", PrettyJSON.number(count(.ok))),
        ("warnings", PrettyJSON.number(count(.warning))),
        ("problems", PrettyJSON.number(count(.problem))),
      ]))
  }

  private static func counted(_ number: Int, _ noun: String) -> String {
    "\(number) \(noun)\(number == 1 ? "" : "s")"
  }

  /// Texts of Redis, certificates and name servers are in it: nothing that a terminal obeys.
  private static func harmless(_ text: String) -> String {
    String(
      String.UnicodeScalarView(
        text.unicodeScalars.map { scalar in
          switch scalar.properties.generalCategory {
          case .control, .format, .lineSeparator, .paragraphSeparator: "?"
          default: scalar
          }
        }))
  }
}

extension String {
  fileprivate func padded(to width: Int) -> String {
    self + String(repeating: " ", count: max(0, width - count))
  }
}
