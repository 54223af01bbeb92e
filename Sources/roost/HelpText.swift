// Help, made of the tables of commands and settings, so that it cannot be behind them.

import Gateway

/// The texts of `roost help` and `--help`.
enum HelpText {
  private static let width = 100

  /// What `roost help` prints.
  static func overview() -> String {
    var text = "Roost, a WebSocket gateway.\n\nUsage: roost COMMAND [FLAGS]\n\nCommands:\n"
    for command in Command.all {
      text += row(command.name.rawValue, command.summary, indent: 16)
    }
    text += row("help [COMMAND]", "Explains a command; so does COMMAND --help.", indent: 16)
    text += row("version", "Prints the version.", indent: 16)
    text += "\nTo try it: roost serve --dev, then open http://127.0.0.1:8080/ in a browser.\n"
    return text
  }

  /// What `roost help COMMAND` and `roost COMMAND --help` print.
  static func text(of command: Command) -> String {
    let name = command.name.rawValue
    let argument = command.argument.map { " \($0)" } ?? ""
    var text = "\(command.summary)\n\nUsage: roost \(name)\(argument) [FLAGS]\n"
    for paragraph in command.details {
      text += "\n" + lines(of: paragraph, width: width).joined(separator: "\n") + "\n"
    }
    text += "\nFlags:\n"
    for flag in command.flags {
      let usage = flag.name + (flag.value.map { " " + $0 } ?? "")
      text += row(usage, flag.summary + origin(of: flag), indent: 24)
    }
    text += row("--help", "Print this.", indent: 24)
    if command.name == .checkConfig { text += "\nSettings:\n" + settings() }
    return text
  }

  /// What `roost help token` prints: the commands that begin with a word.
  static func text(ofGroup word: String) -> String {
    Command.all.filter { $0.name.rawValue.hasPrefix(word + " ") }.map(text)
      .joined(separator: "\n" + String(repeating: "-", count: width) + "\n\n")
  }

  /// Default and variable of a flag's setting.
  private static func origin(of flag: Flag) -> String {
    guard let path = flag.setting, let setting = Setting.at(path) else { return "" }
    guard let value = setting.defaultText else { return " (\(setting.kind.allowed))" }
    return " [default \(value), \(setting.environmentName)]"
  }

  /// Every setting with its default, what it is for and what it accepts.
  private static func settings() -> String {
    var text = ""
    for setting in Setting.all {
      text += "  \(setting.path)" + (setting.defaultText.map { " = \($0)" } ?? "") + "\n"
      let allowed =
        setting.isBuilt ? " Allowed: \(setting.kind.allowed)." : " Why: \(setting.kind.allowed)."
      for line in lines(of: setting.summary + allowed, width: width - 6) {
        text += "      \(line)\n"
      }
    }
    return text
  }

  /// A name in the left column and text in the right one.
  private static func row(_ name: String, _ text: String, indent: Int) -> String {
    let lines = lines(of: text, width: width - indent - 4)
    var left = "  " + name
    var result = ""
    for line in lines {
      if left.count > indent + 2 {
        result += left + "\n"
        left = ""
      }
      result += left + String(repeating: " ", count: indent + 4 - left.count) + line + "\n"
      left = ""
    }
    return result
  }

  /// Breaks text at spaces.
  private static func lines(of text: String, width: Int) -> [String] {
    var lines: [String] = []
    var line = ""
    for word in text.split(separator: " ") {
      if !line.isEmpty, line.count + 1 + word.count > width {
        lines.append(line)
        line = ""
      }
      line += (line.isEmpty ? "" : " ") + word
    }
    return lines + [line]
  }
}
