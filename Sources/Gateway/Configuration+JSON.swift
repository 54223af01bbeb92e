// A configuration as people read it: the whole of it as a configuration file, or what differs from
// the defaults.

import RoostRooms

extension Configuration {
  /// The configuration as a JSON file that would set every setting of it, two spaces a level.
  ///
  /// What this version has not built is left out, as it would be refused.
  public func json() -> String {
    var entries: [(keys: [String], json: String)] = []
    for setting in Setting.all {
      guard case .node(let access) = setting.access else { continue }
      entries.append((setting.path.split(separator: ".").map(String.init), access.read(self).json))
    }
    for (name, policy) in namespaces.sorted(by: { $0.key < $1.key }) {
      for setting in Setting.namespace where Self.applies(setting, to: name) {
        guard case .namespace(let access) = setting.access else { continue }
        let keys = setting.path.split(separator: ".").dropFirst(2).map(String.init)
        entries.append((["namespaces", name] + keys, access.read(policy).json))
      }
    }
    return Self.object(entries[...], level: 0) + "\n"
  }

  /// The settings whose values differ from the defaults, in the order of the table: path and JSON.
  ///
  /// A namespace that is configured and has no rule of its own stands there with `{}`.
  public func changes() -> [(path: String, json: String)] {
    let defaults = Configuration()
    var changes: [(path: String, json: String)] = []
    for setting in Setting.all {
      guard case .node(let access) = setting.access else { continue }
      let value = access.read(self)
      if value != access.read(defaults) { changes.append((setting.path, value.json)) }
    }
    for (name, policy) in namespaces.sorted(by: { $0.key < $1.key }) {
      let before = defaults.namespaces[name]
      let count = changes.count
      for setting in Setting.namespace where Self.applies(setting, to: name) {
        guard case .namespace(let access) = setting.access else { continue }
        let value = access.read(policy)
        guard value != access.read(before ?? RoomPolicy()) else { continue }
        let key = String(setting.path.dropFirst("namespaces.*.".count))
        changes.append((Self.path(key, in: name), value.json))
      }
      if before == nil, changes.count == count { changes.append((Self.path("", in: name), "{}")) }
    }
    return changes
  }

  private static func applies(_ setting: Setting, to namespace: String) -> Bool {
    namespace == "user" || setting.path != "namespaces.*.send"
  }

  /// Entries that share their first `level` keys, as an object; those of one key stand together.
  private static func object(
    _ entries: ArraySlice<(keys: [String], json: String)>, level: Int
  ) -> String {
    let indent = String(repeating: "  ", count: level + 1)
    var members: [String] = []
    var rest = entries
    while let first = rest.first {
      let key = first.keys[level]
      let group = rest.prefix { $0.keys[level] == key }
      let isValue = first.keys.count == level + 1
      let value = isValue ? first.json : object(group, level: level + 1)
      members.append(indent + SettingValue.quoted(key) + ": " + value)
      rest = isValue ? rest.dropFirst() : rest.dropFirst(group.count)
    }
    return "{\n" + members.joined(separator: ",\n") + "\n" + String(indent.dropLast(2)) + "}"
  }
}
