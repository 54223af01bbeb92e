// Help must name everything that the tables have, on lines that fit a terminal.

import Gateway
import Testing

@testable import roost

struct HelpTextTests {
  @Test func `the overview names every command`() {
    let text = HelpText.overview()
    for word in Command.words { #expect(text.contains("\n  \(word) "), "\(word)") }
  }

  @Test(arguments: Command.Name.allCases)
  func `a command's help names its flags, their defaults and variables`(name: Command.Name) {
    let command = Command.named(name)
    let text = HelpText.text(of: command)
    let flat = text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    #expect(text.contains("Usage: roost \(name.rawValue)"))
    for flag in command.flags {
      #expect(flat.contains(flag.name + (flag.value.map { " \($0)" } ?? "")), "\(flag.name)")
      #expect(flat.contains(flag.summary), "\(flag.name)")
      #expect(flag.summary.hasSuffix("."), "\(flag.name)")
      guard let path = flag.setting, let setting = Setting.at(path), setting.isBuilt else {
        continue
      }
      #expect(flat.contains(setting.environmentName), "\(flag.name)")
    }
  }

  @Test(arguments: Command.Name.allCases)
  func `a flag that sets something sets something that exists`(name: Command.Name) {
    for flag in Command.named(name).flags {
      guard let path = flag.setting else { continue }
      #expect(Setting.at(path) != nil, "\(flag.name)")
    }
  }

  @Test func `help of check-config names every setting`() {
    let text = HelpText.text(of: .named(.checkConfig))
    for setting in Setting.all { #expect(text.contains("\n  \(setting.path)"), "\(setting.path)") }
  }

  @Test func `no line is wider than a terminal`() {
    let texts = Command.all.map(HelpText.text) + [HelpText.overview()]
    for line in texts.flatMap({ $0.split(separator: "\n") }) {
      #expect(line.count <= 100, "\(line)")
      #expect(line.last != " ", "\(line)")
    }
  }

  @Test func `the version line names version, compiler and machine`() {
    #expect(BuildInformation.line.hasPrefix("roost 0.1.0 (swift 6."))
    #expect(BuildInformation.line.contains(", linux "))
    #expect(BuildInformation.line.hasSuffix(")"))
  }
}
