// Makes a configuration out of its sources, each overriding the ones before: defaults, file,
// environment, flags. It reads nothing itself, so that all of it can be tested, and it goes on after
// a problem, so that a person sees all of them at once.

import RoostJSON
import RoostRooms
import Telemetry

/// The sources of a configuration besides the defaults.
public struct ConfigurationSources: Sendable {
  /// A flag of the command line that stands for a setting.
  public struct Flag: Sendable {
    let name: String
    let path: String
    let text: String

    /// A flag as it was given (`--listen`), its setting's path and the text of its value.
    public init(name: String, path: String, text: String) {
      self.name = name
      self.path = path
      self.text = text
    }
  }

  /// Whether `--dev` was given.
  public var dev = false
  /// Whether log lines go to a terminal.
  public var standardErrorIsTerminal = false
  /// The configuration file's name, as messages shall show it.
  public var fileName = "config.json"
  /// The configuration file's content; nil when there is no file.
  public var file: [UInt8]?
  /// All variables of the environment; those that do not begin with `ROOST_` are ignored.
  public var environment: [String: String] = [:]
  /// Flags in the order in which they were given.
  public var flags: [Flag] = []

  /// No source but the defaults.
  public init() {}
}

/// What came out of the sources.
public enum ConfigurationOutcome: Sendable {
  /// The configuration, and where each setting that was set has its value from.
  case loaded(Configuration, places: [String: ConfigurationProblem.Place])
  /// All problems, in the order of the sources; never empty.
  case refused([ConfigurationProblem])
}

/// Reads settings from their sources; one value a load.
public struct ConfigurationLoader {
  /// A configuration file is some hundred lines; this is room for thousands of namespaces' rules.
  private static let fileBytesMax = 1_048_576
  private static let fileDepthMax = 16
  /// Namespaces are labels of metrics, which have to stay few.
  private static let namespacesMax = 1000
  private static let namespaceBytesMax = 64

  private var configuration: Configuration
  private var problems: [ConfigurationProblem] = []
  private var places: [String: ConfigurationProblem.Place] = [:]
  private var mentionedNamespaces: Set<String> = []
  private var mentionedHistories: Set<String> = []

  /// Merges the sources and checks the result.
  public static func load(_ sources: ConfigurationSources) -> ConfigurationOutcome {
    var loader = ConfigurationLoader(configuration: Configuration(dev: sources.dev))
    if sources.dev, sources.standardErrorIsTerminal { loader.configuration.log.format = .text }
    if let file = sources.file { loader.readFile(file, name: sources.fileName) }
    loader.readEnvironment(sources.environment)
    loader.readFlags(sources.flags)
    return loader.finish()
  }

  private init(configuration: Configuration) {
    self.configuration = configuration
  }

  private consuming func finish() -> ConfigurationOutcome {
    if configuration.dev {
      // Whatever the sources say: that is what --dev means.
      let development = Configuration(dev: true)
      configuration.auth.anonymous = true
      configuration.limits.connectionsPerAddress = development.limits.connectionsPerAddress
      configuration.limits.handshakesPerSecondPerAddress =
        development.limits.handshakesPerSecondPerAddress
    }
    problems += configuration.relationProblems().map { problem in
      ConfigurationProblem(problem.path, problem.reason, at: places[problem.path])
    }
    return problems.isEmpty ? .loaded(configuration, places: places) : .refused(problems)
  }

  // MARK: File

  private mutating func readFile(_ text: [UInt8], name: String) {
    var location = FileLocation(text: text, name: name)
    do throws(JSONViolation) {
      let tree = try JSONTree(
        parsing: text, depthMax: Self.fileDepthMax, bytesMax: Self.fileBytesMax)
      guard let members = tree.members else {
        problems.append(
          ConfigurationProblem("", "the file must hold one JSON object", at: location.place(of: 0)))
        return
      }
      readObject(members, at: SettingPath(), in: &location)
    } catch {
      problems.append(
        ConfigurationProblem("", error.reason, at: location.place(of: error.offset)))
    }
  }

  private mutating func readObject(
    _ members: [(key: String, value: JSONTree)], at parent: SettingPath,
    in location: inout FileLocation
  ) {
    for (key, value) in members {
      let place = location.place(of: value.offset)
      guard let path = parent.child(key) else {
        problems.append(parent.unknownChild(key, at: place))
        continue
      }
      if let setting = Setting.at(path.pattern) {
        apply(value, to: setting, path, at: place)
      } else if let members = value.members {
        guard mention(path, at: place) else { continue }
        readObject(members, at: path, in: &location)
      } else {
        problems.append(
          ConfigurationProblem(
            path.shown, "\(SettingKind.shown(value)) is not an object of settings", at: place))
      }
    }
  }

  // MARK: Environment and flags

  private mutating func readEnvironment(_ environment: [String: String]) {
    // Sorted, so that problems come in the same order each time.
    for (name, value) in environment.sorted(by: { $0.key < $1.key })
    where name.hasPrefix("ROOST_") && !EnvironmentNames.isForeign(name, value: value) {
      let place = ConfigurationProblem.Place.environment(name)
      guard let path = EnvironmentNames.path(of: name), let setting = Setting.at(path.pattern)
      else {
        let names = Setting.all.filter(\.isBuilt).map(\.environmentName)
        problems.append(
          ConfigurationProblem(
            "", "unknown variable\(Suggestion.sentence(for: name, among: names))", at: place))
        continue
      }
      apply(setting.kind.tree(ofText: value), to: setting, path, at: place)
    }
  }

  private mutating func readFlags(_ flags: [ConfigurationSources.Flag]) {
    for flag in flags {
      guard let setting = Setting.at(flag.path) else {
        preconditionFailure("flag \(flag.name) stands for no setting: \(flag.path)")
      }
      apply(
        setting.kind.tree(ofText: flag.text), to: setting,
        SettingPath(pattern: flag.path, shown: flag.path), at: .flag(flag.name))
    }
  }

  // MARK: Values

  private mutating func apply(
    _ value: JSONTree, to setting: Setting, _ path: SettingPath,
    at place: ConfigurationProblem.Place
  ) {
    switch setting.kind.read(value) {
    case .rejected(let reason):
      var reason = reason
      if !setting.isBuilt { reason += "; remove the \(place.noun)" }
      problems.append(ConfigurationProblem(path.shown, reason, at: place))
    case .accepted(let accepted):
      switch setting.access {
      case .node(let access):
        access.write(&configuration, accepted)
      case .namespace(let access):
        guard let namespace = path.namespace, mention(path, at: place) else { return }
        if path.pattern == "namespaces.*.send", namespace != "user" {
          problems.append(
            ConfigurationProblem(
              path.shown, "this stands in the namespace user only, for the whole node", at: place))
          return
        }
        configuration.namespaces[namespace].map { policy in
          var policy = policy
          access.write(&policy, accepted)
          configuration.namespaces[namespace] = policy
        }
      case .nowhere:
        preconditionFailure("\(setting.path) was accepted and has no place")
      }
      places[path.shown] = place
    }
  }

  /// Notes that a path was configured: a namespace that is mentioned exists, and starts from the
  /// rules of `{}`; a history that is mentioned is on.
  ///
  /// Returns false, with the problem noted, when the path's namespace cannot be.
  private mutating func mention(_ path: SettingPath, at place: ConfigurationProblem.Place) -> Bool {
    guard let namespace = path.namespace else { return true }
    if !mentionedNamespaces.contains(namespace) {
      if let reason = namespaceProblem(namespace) {
        problems.append(ConfigurationProblem(path.shown, reason, at: place))
        return false
      }
      mentionedNamespaces.insert(namespace)
      // The built-in rules of `user` stay where they are not replaced; --dev's of "" do not.
      if namespace != "user" { configuration.namespaces[namespace] = RoomPolicy() }
      places[Configuration.path("", in: namespace)] = place
    }
    if path.pattern.hasPrefix("namespaces.*.history"), mentionedHistories.insert(namespace).inserted
    {
      configuration.namespaces[namespace]?.history.messages = 100
      configuration.namespaces[namespace]?.history.lifetime = .seconds(300)
    }
    return true
  }

  private func namespaceProblem(_ name: String) -> String? {
    if mentionedNamespaces.count >= Self.namespacesMax {
      return "more than \(Self.namespacesMax) namespaces"
    }
    let isPlain = name.unicodeScalars.allSatisfy { scalar in
      scalar.value > 0x20 && scalar != ":" && !(0x7F...0x9F).contains(scalar.value)
        && !scalar.properties.isWhitespace
    }
    guard isPlain, name.utf8.count <= Self.namespaceBytesMax else {
      return "a namespace's name has at most \(Self.namespaceBytesMax) bytes, and no ':', "
        + "white space or control characters"
    }
    return nil
  }
}

/// The file's text, to find lines in.
private struct FileLocation {
  let text: [UInt8]
  let name: String
  // The last place that was asked for: values are visited in the order of the text, so that all
  // places together cost one pass.
  private var known = (offset: 0, line: 1, column: 1)

  init(text: [UInt8], name: String) {
    self.text = text
    self.name = name
  }

  mutating func place(of offset: Int) -> ConfigurationProblem.Place {
    let offset = min(offset, text.count)
    if offset < known.offset { known = (0, 1, 1) }
    let between = text[known.offset..<offset]
    let (line, column) = JSONTree.location(of: between.count, in: between.span)
    known =
      line == 1
      ? (offset, known.line, known.column + column - 1) : (offset, known.line + line - 1, column)
    return .file(name, line: known.line, column: known.column)
  }
}

extension ConfigurationProblem.Place {
  /// What a person removes to get rid of a value.
  fileprivate var noun: String {
    switch self {
    case .file: "key"
    case .environment: "variable"
    case .flag: "flag"
    }
  }
}
