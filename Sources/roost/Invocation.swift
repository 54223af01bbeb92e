// Reads a command line against the table of commands.

import Gateway

/// A command with its flags and argument, as they were typed.
struct Invocation: Equatable {
  /// A flag with its value; the value is empty for a flag that takes none.
  struct GivenFlag: Equatable {
    let flag: Flag
    let text: String
  }

  let command: Command
  let flags: [GivenFlag]
  let argument: String?
  /// The argument behind it.
  var second: String?
  /// Those behind the second one.
  var others: [String] = []

  /// All arguments.
  var arguments: [String] { [argument, second].compactMap(\.self) + others }

  /// What a command line asks for.
  enum Outcome: Equatable {
    case run(Invocation)
    /// Help about a command, or the overview.
    case help(Command?)
    /// Help about all commands that begin with a word.
    case helpOfGroup(String)
    case version
    /// A sentence about what is wrong.
    case mistake(String)
  }

  /// Whether a flag was given.
  func has(_ name: String) -> Bool { flags.contains { $0.flag.name == name } }

  /// The value of a flag, the last one when it was given several times.
  func value(of name: String) -> String? { flags.last { $0.flag.name == name }?.text }

  /// All values of a flag, in the order in which they were given.
  func values(of name: String) -> [String] { flags.filter { $0.flag.name == name }.map(\.text) }

  /// Reads the arguments behind the program's name.
  static func parse(_ arguments: [String]) -> Outcome {
    guard let word = arguments.first else {
      return .mistake("a command is missing; roost help lists them")
    }
    let rest = arguments.dropFirst()
    switch word {
    case "help": return help(rest)
    case "--help", "-h": return .help(nil)
    case "version", "--version": return version(rest)
    default: break
    }
    if Command.groups.contains(word) { return parse(rest, ofGroup: word) }
    guard let name = Command.Name(rawValue: word) else {
      if word.hasPrefix("-") {
        return .mistake("a command comes before \(shown(word)); roost help lists them")
      }
      return .mistake(unknownCommand(word))
    }
    return parse(rest, of: Command.named(name))
  }

  /// A command of two words, of which the first was read.
  private static func parse(_ arguments: ArraySlice<String>, ofGroup group: String) -> Outcome {
    let second = Command.words(ofGroup: group)
    guard let word = arguments.first else {
      return .mistake("\(group) is followed by \(second.joined(separator: " or "))")
    }
    if word == "--help" || word == "-h" { return .helpOfGroup(group) }
    guard let name = Command.Name(rawValue: "\(group) \(word)") else {
      return .mistake(
        "\(group) has no command \(shown(word))" + Suggestion.sentence(for: word, among: second)
          + "; it has \(second.joined(separator: " and "))")
    }
    return parse(arguments.dropFirst(), of: Command.named(name))
  }

  private static func parse(_ arguments: ArraySlice<String>, of command: Command) -> Outcome {
    var flags: [GivenFlag] = []
    var given: [String] = []
    var rest = arguments
    while let word = rest.popFirst() {
      if word == "--help" || word == "-h" { return .help(command) }
      // A dash alone stands for the standard input.
      guard word.hasPrefix("-"), word != "-" else {
        guard given.count < command.argumentsMax else {
          return .mistake("\(command.name.rawValue) does not take the argument \(shown(word))")
        }
        given.append(word)
        continue
      }
      let name = String(word.prefix { $0 != "=" })
      guard let flag = command.flags.first(where: { $0.name == name }) else {
        let names = command.flags.map(\.name) + ["--help"]
        return .mistake(
          "\(command.name.rawValue) has no flag \(shown(name))"
            + Suggestion.sentence(for: name, among: names))
      }
      var text: String?
      if name.utf8.count < word.utf8.count { text = String(word.dropFirst(name.count + 1)) }
      if let value = flag.value {
        if text == nil, let next = rest.first, !next.hasPrefix("--") { text = rest.popFirst() }
        guard text != nil else { return .mistake("\(name) needs a value: \(name) \(value)") }
      } else if text != nil {
        return .mistake("\(name) takes no value")
      }
      flags.append(GivenFlag(flag: flag, text: text ?? ""))
    }
    return .run(
      Invocation(
        command: command, flags: flags, argument: given.first, second: given.dropFirst().first,
        others: Array(given.dropFirst(2))))
  }

  private static func help(_ arguments: ArraySlice<String>) -> Outcome {
    guard let word = arguments.first else { return .help(nil) }
    if Command.groups.contains(word) {
      guard let next = arguments.dropFirst().first else { return .helpOfGroup(word) }
      guard let name = Command.Name(rawValue: "\(word) \(next)") else {
        return parse(arguments.dropFirst(), ofGroup: word)
      }
      guard arguments.count == 2 else { return .mistake("help takes one command at most") }
      return .help(Command.named(name))
    }
    guard arguments.count == 1 else { return .mistake("help takes one command at most") }
    if let name = Command.Name(rawValue: word) { return .help(Command.named(name)) }
    if ["help", "version", "--help", "-h"].contains(word) { return .help(nil) }
    return .mistake(unknownCommand(word))
  }

  private static func version(_ arguments: ArraySlice<String>) -> Outcome {
    guard let word = arguments.first else { return .version }
    if word == "--help" || word == "-h" { return .help(nil) }
    return .mistake("version does not take the argument \(shown(word))")
  }

  private static func unknownCommand(_ word: String) -> String {
    "unknown command \(shown(word))"
      + Suggestion.sentence(for: word, among: Command.words + Command.groups)
      + "; roost help lists the commands"
  }

  /// What somebody typed, cut and without what could disturb a terminal.
  private static func shown(_ word: String) -> String {
    String(
      String.UnicodeScalarView(
        word.unicodeScalars.prefix(64).map { $0.properties.generalCategory == .control ? "?" : $0 })
    )
  }
}
