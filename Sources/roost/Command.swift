// The table of commands and flags. Parser, help and the documentation's tests read it; there is no
// other list.

import Gateway

/// One flag of a command.
struct Flag: Equatable, Sendable {
  /// With its dashes.
  let name: String
  /// What stands for its value in help; nil for a flag without one.
  let value: String?
  /// The setting that it sets, if it sets one; the summary is that setting's then.
  let setting: String?
  /// One sentence.
  let summary: String

  /// A flag that sets a setting, and is documented by it.
  static func setting(_ name: String, _ value: String, _ path: String) -> Flag {
    Flag(name: name, value: value, setting: path, summary: Setting.at(path)?.summary ?? "")
  }

  static let config = Flag(
    name: "--config", value: "FILE", setting: nil,
    summary: "The configuration file; without it, the one that ROOST_CONFIG names, if any.")
  static let dev = Flag(
    name: "--dev", value: nil, setting: nil,
    summary: "For your own machine: anyone may connect from any page, as ?user=NAME says; console "
      + "at /, open server API, echo at /echo.")
  static let devClock = Flag(
    name: "--dev-clock", value: "FILE", setting: nil,
    summary: "For trials, with --dev only: a file with the milliseconds by which the wall clock is "
      + "wrong, which may change.")
}

/// One command.
struct Command: Equatable, Sendable {
  /// What a person types.
  enum Name: String, CaseIterable, Sendable {
    case serve
    case checkConfig = "check-config"
    case health
    case doctor
    case connect
    case publish
    case tokenMake = "token make"
    case tokenInspect = "token inspect"
    case top
    case soak
    case bench
  }

  let name: Name
  /// The names of its arguments in help, in brackets those that may be missing, with dots those that
  /// may be repeated; nil: it takes none.
  let argument: String?
  /// One sentence, for the overview.
  let summary: String
  /// What else a person should know, a paragraph each.
  let details: [String]
  let flags: [Flag]

  static func named(_ name: Name) -> Command {
    switch name {
    case .serve: serve
    case .checkConfig: checkConfig
    case .health: health
    case .doctor: doctor
    case .connect: connect
    case .publish: publish
    case .tokenMake: tokenMake
    case .tokenInspect: tokenInspect
    case .top: top
    case .soak: soak
    case .bench: bench
    }
  }

  /// How many arguments it takes at most.
  var argumentsMax: Int {
    guard let argument else { return 0 }
    return argument.hasSuffix("...]") ? 16 : argument.split(separator: " ").count
  }

  static let all = Name.allCases.map(named)

  /// Words that are understood besides the commands.
  static let words = Name.allCases.map(\.rawValue) + ["help", "version"]

  /// First words of commands that have two.
  static let groups = ["token"]

  /// Second words of the commands that begin with a word.
  static func words(ofGroup group: String) -> [String] {
    Name.allCases.map(\.rawValue).filter { $0.hasPrefix(group + " ") }
      .map { String($0.dropFirst(group.count + 1)) }
  }

  private static let serve = Command(
    name: .serve, argument: nil,
    summary: "Runs a node.",
    details: [
      "Settings come from the defaults, the configuration file, the environment and the flags; each "
        + "later one wins. A setting's variable is ROOST_ and its path in upper case with two "
        + "underscores for a level: ROOST_LIMITS__MESSAGE_BYTES. roost check-config --help lists "
        + "all settings.",
      "A node without authentication starts under --dev or with auth.anonymous set to true only.",
      "SIGTERM and SIGINT drain the node; a second one ends it at once.",
    ],
    flags: [
      .setting("--listen", "HOST:PORT", "listen"), .setting("--admin", "HOST:PORT", "admin"),
      .setting("--redis", "URL", "redis.urls"), .setting("--shards", "N", "shards"),
      .setting("--node-id", "ID", "node_id"), .config,
      .setting("--log-format", "text|json", "log.format"),
      .setting("--log-level", "LEVEL", "log.level"), .dev, .devClock,
    ])

  private static let checkConfig = Command(
    name: .checkConfig, argument: "[FILE]",
    summary: "Says what is wrong with a configuration, or what it sets.",
    details: [
      "Reads the file, or the one that ROOST_CONFIG names, and the environment, as serve does. "
        + "Prints ok and the settings that differ from the defaults, or all problems with their "
        + "places and exits 1."
    ],
    flags: [
      Flag(
        name: "--defaults", value: nil, setting: nil,
        summary: "Print the defaults as a complete configuration file instead.")
    ])

  private static let health = Command(
    name: .health, argument: nil,
    summary: "Asks a node on this machine whether it works, for container checks.",
    details: [
      "Asks /healthz of the admin port, whose address it finds as serve does. Exits 0 when the "
        + "answer is yes, 1 when it is no or does not come within 5 seconds."
    ],
    flags: [
      .setting("--admin", "HOST:PORT", "admin"), .config,
      Flag(
        name: "--ready", value: nil, setting: nil,
        summary: "Ask /readyz: whether the node takes connections."),
    ])

  private static let top = Command(
    name: .top, argument: nil,
    summary: "Shows what the cluster is doing, as it does it.",
    details: [
      "Asks one node's admin port for the figures of every node: connections, rates, queues, links to "
        + "Redis, drains, and for the rooms and connections with the most of something. On a terminal "
        + "it draws a screen, and q ends it; elsewhere it writes lines. NO_COLOR switches colours off.",
      "Without --admin it finds the admin port, and the first of auth.api_keys, in the configuration, "
        + "as serve does. Exits 1 when there is nothing to watch: a key that is not known, or with "
        + "--once no answer.",
    ],
    flags: [
      Flag(
        name: "--admin", value: "URL", setting: nil,
        summary: "The admin port of any node, as http://HOST:PORT or https://HOST:PORT."),
      .config,
      Flag(
        name: "--key-file", value: "FILE", setting: nil,
        summary: "A file that holds an API key and nothing else."),
      Flag(
        name: "--ca-file", value: "FILE", setting: nil,
        summary: "The authorities, as PEM, that the admin port's certificate is judged by; without "
          + "it those of the system."),
      Flag(
        name: "--interval", value: "S", setting: nil,
        summary: "Seconds between two looks, 0.5 to 3600; 2 without it."),
      Flag(
        name: "--once", value: nil, setting: nil,
        summary: "Write the figures once, as lines, and end."),
      Flag(
        name: "--json", value: nil, setting: nil,
        summary: "Write each look as a line of JSON: the time, and what the node answered."),
    ])
}
