// The way to a setting, from the file's keys or from a variable's name.

/// A place among the settings: as the table names it, and as messages do.
struct SettingPath: Equatable {
  /// With `*` for the namespace's name; empty for the file's top.
  private(set) var pattern = ""
  /// With the namespace's name.
  private(set) var shown = ""
  /// The namespace, when the path leads into one.
  private(set) var namespace: String?

  /// The file's top.
  init() {}

  /// A path without a namespace.
  init(pattern: String, shown: String) {
    self.pattern = pattern
    self.shown = shown
  }

  /// One level down; nil when no setting begins so.
  func child(_ key: String) -> SettingPath? {
    var path = self
    if pattern == "namespaces" {
      path.pattern = "namespaces.*"
      path.namespace = key
      // The name is shown as a person wrote it only when nothing in it can disturb a terminal.
      let isPlain = key.utf8.allSatisfy { (0x21...0x7E).contains($0) }
      path.shown = Configuration.path("", in: isPlain ? key : SettingKind.shown(key))
      return path
    }
    // A dot in a key would make a path of it.
    guard !key.contains(".") else { return nil }
    path.pattern = pattern.isEmpty ? key : "\(pattern).\(key)"
    path.shown = shown.isEmpty ? key : "\(shown).\(key)"
    guard Self.known.contains(path.pattern) else { return nil }
    return path
  }

  /// What to say about a key that ``child(_:)`` does not know.
  func unknownChild(
    _ key: String, at place: ConfigurationProblem.Place
  ) -> ConfigurationProblem {
    let isPlain = key.utf8.count <= 64 && key.utf8.allSatisfy { (0x21...0x7E).contains($0) }
    let name = isPlain && !key.contains(".") ? key : SettingKind.shown(key)
    let path = shown.isEmpty ? name : "\(shown).\(name)"
    guard !key.contains(".") else {
      return ConfigurationProblem(
        path, "a key has no dots: write an object within an object", at: place)
    }
    return ConfigurationProblem(path, "unknown key\(suggestion(for: key))", at: place)
  }

  /// The nearest key of the same object, or the setting that has this name elsewhere.
  private func suggestion(for key: String) -> String {
    let prefix = pattern.isEmpty ? "" : pattern + "."
    var siblings: [String] = []
    for setting in Setting.all where setting.path.hasPrefix(prefix) {
      let name = String(setting.path.dropFirst(prefix.count).prefix { $0 != "." })
      if siblings.last != name { siblings.append(name) }
    }
    if let near = Suggestion.nearest(to: key, among: siblings) {
      return "; did you mean \(shown.isEmpty ? near : "\(shown).\(near)")?"
    }
    let elsewhere = Setting.all.first { $0.path.hasSuffix("." + key) }
    return elsewhere.map { "; did you mean \($0.path)?" } ?? ""
  }

  /// Every setting's path and every object on the way to one.
  private static let known: Set<String> = {
    var known: Set<String> = []
    for setting in Setting.all {
      var end = setting.path.endIndex
      while true {
        known.insert(String(setting.path[..<end]))
        guard let dot = setting.path[..<end].lastIndex(of: ".") else { break }
        end = dot
      }
    }
    return known
  }()
}

/// How variables of the environment are named: two underscores for a level, upper case.
enum EnvironmentNames {
  /// The setting's path that a variable names; nil when it names none.
  static func path(of name: String) -> SettingPath? {
    guard name == name.uppercased(), name.utf8.count <= 256 else { return nil }
    var path: SettingPath? = SettingPath()
    for level in levels(of: name.dropFirst("ROOST_".count)) {
      path = path?.child(level.lowercased())
    }
    return path
  }

  /// Variables that begin with `ROOST_` and set nothing.
  ///
  /// Kubernetes gives every pod a set of variables for each service: `ROOST_PORT`,
  /// `ROOST_SERVICE_HOST` … for one that is called `roost`. A node must start beside it.
  static func isForeign(_ name: String, value: String) -> Bool {
    if name == "ROOST_CONFIG" { return true }
    let ours = ["ROOST_TEST_", "ROOST_OUTPUT", "ROOST_SEED", "ROOST_FUZZ"]
    if ours.contains(where: name.hasPrefix) { return true }
    if name.hasSuffix("_SERVICE_HOST") { return true }
    let words = name.split(separator: "_")
    if let service = words.lastIndex(of: "SERVICE"), words[(service + 1)...].first == "PORT" {
      return true
    }
    let isLink = ["tcp://", "udp://", "sctp://"].contains(where: value.hasPrefix)
    if isLink, name.hasSuffix("_PORT") { return true }
    guard let port = words.lastIndex(of: "PORT"), words.count > port + 2 else {
      // ROOST_PORT_8080_TCP_PORT ends in a second PORT.
      guard name.hasSuffix("_PORT"), words.count > 4 else { return false }
      return isPortOfService(words.dropLast())
    }
    return isPortOfService(words)
  }

  /// `…_PORT_8080_TCP`, with `_ADDR` or `_PROTO` behind it.
  private static func isPortOfService(_ words: [Substring]) -> Bool {
    guard let port = words.lastIndex(of: "PORT"), words.count > port + 2 else { return false }
    return UInt16(words[port + 1]) != nil && ["TCP", "UDP", "SCTP"].contains(words[port + 2])
  }

  /// The parts between double underscores; `A____B` has an empty one between, the default
  /// namespace's name.
  private static func levels(of name: Substring) -> [String] {
    var levels: [String] = []
    var level = ""
    var rest = name
    while !rest.isEmpty {
      if rest.hasPrefix("__") {
        levels.append(level)
        level = ""
        rest = rest.dropFirst(2)
      } else {
        level.append(rest.removeFirst())
      }
    }
    return levels + [level]
  }
}
