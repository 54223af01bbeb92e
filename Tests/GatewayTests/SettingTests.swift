// The table of settings as a whole: nothing may be missing, twice or without documentation.

import Gateway
import RoostRooms
import Testing

struct SettingTests {
  @Test func `every path and every variable occurs once`() {
    let paths = Setting.all.map(\.path)
    #expect(Set(paths).count == paths.count)
    #expect(Set(Setting.all.map(\.environmentName)).count == paths.count)
  }

  @Test(arguments: Setting.all.map(\.path))
  func `a setting has a sentence of documentation and a path in snake case`(path: String) throws {
    let setting = try #require(Setting.at(path))
    #expect(setting.summary.hasSuffix("."))
    #expect(!setting.summary.contains("\n"))
    #expect((10...110).contains(setting.summary.count))
    #expect(!setting.kind.allowed.isEmpty)
    let letters = path.utf8.allSatisfy { (97...122).contains($0) || "_.*".utf8.contains($0) }
    #expect(letters)
  }

  @Test(arguments: Setting.all.filter(\.isBuilt).map(\.path))
  func `a default is accepted by its own setting`(path: String) throws {
    let setting = try #require(Setting.at(path))
    let value = try #require(setting.defaultText)
    var json = value
    for key in path.split(separator: ".").reversed() {
      json = "{\"\(key == "*" ? "user" : key)\": \(json)}"
    }
    // A user room's rules differ from the table's defaults in this one, which they refuse.
    if path == "namespaces.*.join" { return }
    var sources = ConfigurationSources()
    sources.file = Array(json.utf8)
    guard case .loaded = ConfigurationLoader.load(sources) else {
      Issue.record("\(json): \(ConfigurationLoader.load(sources))")
      return
    }
  }

  @Test(arguments: Setting.all.filter { !$0.isBuilt }.map(\.path))
  func `a setting that is not built refuses every value`(path: String) {
    for value in ["null", "[]", "{}", "false", "0", "\"\""] {
      var json = value
      for key in path.split(separator: ".").reversed() { json = "{\"\(key)\": \(json)}" }
      var sources = ConfigurationSources()
      sources.file = Array(json.utf8)
      guard case .refused(let problems) = ConfigurationLoader.load(sources) else {
        Issue.record("\(json) was accepted")
        continue
      }
      #expect(problems.map(\.path) == [path])
    }
  }

  @Test func `a variable is named after the path`() {
    #expect(Setting.at("listen")?.environmentName == "ROOST_LISTEN")
    #expect(
      Setting.at("limits.message_bytes")?.environmentName == "ROOST_LIMITS__MESSAGE_BYTES")
    #expect(
      Setting.at("namespaces.*.history.bytes")?.environmentName
        == "ROOST_NAMESPACES__*__HISTORY__BYTES")
  }

  @Test func `every number of the limits has a setting`() {
    let count = Mirror(reflecting: Limits()).children.count
    #expect(Setting.all.count { $0.path.hasPrefix("limits.") } == count)
  }

  @Test func `every rule of a namespace has a setting`() {
    // History counts three times.
    let count = Mirror(reflecting: RoomPolicy()).children.count + 2
    #expect(Setting.all.count { $0.path.hasPrefix("namespaces.") } == count)
  }
}
