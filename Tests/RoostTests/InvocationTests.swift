// The command line: both forms of a flag's value, and every mistake with its sentence.

import Testing

@testable import roost

struct InvocationTests {
  private func serve(_ arguments: String...) throws -> Invocation {
    let outcome = Invocation.parse(["serve"] + arguments)
    guard case .run(let invocation) = outcome else {
      Issue.record("\(outcome)")
      throw CancellationError()
    }
    return invocation
  }

  @Test func `a value follows its flag or an equals sign`() throws {
    #expect(try serve("--shards", "2").value(of: "--shards") == "2")
    #expect(try serve("--shards=2").value(of: "--shards") == "2")
    #expect(try serve("--shards=").value(of: "--shards") == "")
    #expect(try serve("--node-id=a=b").value(of: "--node-id") == "a=b")
    #expect(try serve("--shards", "-1").value(of: "--shards") == "-1")
  }

  @Test func `the last of several values counts, and all are kept in order`() throws {
    let invocation = try serve("--redis", "a", "--dev", "--redis=b")
    #expect(invocation.value(of: "--redis") == "b")
    #expect(invocation.flags.map(\.text) == ["a", "", "b"])
    #expect(invocation.has("--dev"))
    #expect(!invocation.has("--config"))
  }

  @Test(arguments: [
    (["serve"], Command.Name.serve), (["check-config"], .checkConfig), (["health"], .health),
    (["token", "make"], .tokenMake), (["token", "inspect"], .tokenInspect),
  ])
  func `a command needs nothing else`(arguments: [String], name: Command.Name) {
    let invocation = Invocation(command: .named(name), flags: [], argument: nil)
    #expect(Invocation.parse(arguments) == .run(invocation))
  }

  @Test func `check-config takes a file`() {
    let invocation = Invocation(
      command: .named(.checkConfig), flags: [], argument: "config.json")
    #expect(Invocation.parse(["check-config", "config.json"]) == .run(invocation))
  }

  @Test(arguments: [["help"], ["--help"], ["-h"], ["help", "help"], ["version", "--help"]])
  func `help alone is the overview`(arguments: [String]) {
    #expect(Invocation.parse(arguments) == .help(nil))
  }

  @Test(arguments: Command.Name.allCases)
  func `every command explains itself in three ways`(name: Command.Name) {
    let words = name.rawValue.split(separator: " ").map(String.init)
    #expect(Invocation.parse(["help"] + words) == .help(.named(name)))
    #expect(Invocation.parse(words + ["--help"]) == .help(.named(name)))
    #expect(Invocation.parse(words + ["-h"]) == .help(.named(name)))
  }

  @Test(arguments: [["help", "token"], ["token", "--help"], ["token", "-h"]])
  func `the first word of two explains all that begin with it`(arguments: [String]) {
    #expect(Invocation.parse(arguments) == .helpOfGroup("token"))
  }

  @Test func `a flag may be given several times`() {
    guard
      case .run(let invocation) = Invocation.parse(
        ["token", "make", "--room", "a=join", "--sub", "x", "--room=b=join"])
    else {
      Issue.record("not understood")
      return
    }
    #expect(invocation.values(of: "--room") == ["a=join", "b=join"])
    #expect(invocation.values(of: "--aud") == [])
  }

  @Test func `a dash alone is an argument`() {
    let invocation = Invocation(command: .named(.tokenInspect), flags: [], argument: "-")
    #expect(Invocation.parse(["token", "inspect", "-"]) == .run(invocation))
  }

  @Test(arguments: [["version"], ["--version"]])
  func `the version is asked for in two ways`(arguments: [String]) {
    #expect(Invocation.parse(arguments) == .version)
  }

  @Test(arguments: [
    ([], "a command is missing; roost help lists them"),
    (["sevre"], "unknown command sevre; did you mean serve?; roost help lists the commands"),
    (["unicorn"], "unknown command unicorn; roost help lists the commands"),
    (
      ["help", "sevre"], "unknown command sevre; did you mean serve?; roost help lists the commands"
    ),
    (["help", "serve", "health"], "help takes one command at most"),
    (["help", "token", "make", "x"], "help takes one command at most"),
    (["token"], "token is followed by make or inspect"),
    (
      ["token", "mkae"], "token has no command mkae; did you mean make?; it has make and inspect"
    ),
    (["help", "token", "x"], "token has no command x; it has make and inspect"),
    (["tokn"], "unknown command tokn; did you mean token?; roost help lists the commands"),
    (
      ["token", "make", "--secret", "x"],
      "token make has no flag --secret; did you mean --secret-file?"
    ),
    (["token", "make", "eyJ"], "token make does not take the argument eyJ"),
    (["--dev"], "a command comes before --dev; roost help lists them"),
    (["serve", "--lsten", "x"], "serve has no flag --lsten; did you mean --listen?"),
    (["serve", "--banana=1"], "serve has no flag --banana"),
    (["serve", "-dev"], "serve has no flag -dev; did you mean --dev?"),
    (["serve", "--listen"], "--listen needs a value: --listen HOST:PORT"),
    (["serve", "--listen", "--dev"], "--listen needs a value: --listen HOST:PORT"),
    (["serve", "--dev=yes"], "--dev takes no value"),
    (["serve", "config.json"], "serve does not take the argument config.json"),
    (["check-config", "a", "b"], "check-config does not take the argument b"),
    (["version", "x"], "version does not take the argument x"),
    (["se\u{1B}[2Jrve"], "unknown command se?[2Jrve; roost help lists the commands"),
  ])
  func `a mistake is told in one sentence`(arguments: [String], sentence: String) {
    #expect(Invocation.parse(arguments) == .mistake(sentence))
  }
}
