// Where the process begins: one command, one exit status. 0: done. 1: refused or failed, the reason is
// on the standard error output. 2: the command line is wrong.

import Glibc

@main
struct Program {
  static func main() {
    let arguments = Array(CommandLine.arguments.dropFirst())
    exit(run(arguments, environment: ProcessEnvironment.variables()))
  }

  /// Runs the command that the arguments name and returns the process's exit status.
  static func run(_ arguments: [String], environment: [String: String]) -> Int32 {
    switch Invocation.parse(arguments) {
    case .help(let command):
      Output.write(command.map(HelpText.text) ?? HelpText.overview())
      return 0
    case .helpOfGroup(let word):
      Output.write(HelpText.text(ofGroup: word))
      return 0
    case .version:
      Output.write(BuildInformation.line + "\n")
      return 0
    case .mistake(let sentence):
      Output.writeError("roost: \(sentence)\n")
      return 2
    case .run(let invocation):
      return invocation.run(environment: environment)
    }
  }
}

extension Invocation {
  fileprivate func run(environment: [String: String]) -> Int32 {
    switch command.name {
    case .serve: ServeCommand.start(self, environment: environment)
    case .checkConfig: CheckConfigCommand.run(self, environment: environment)
    case .health: HealthCommand.run(self, environment: environment)
    case .connect: ConnectCommand.run(self)
    case .publish: PublishCommand.run(self, environment: environment)
    case .doctor: DoctorCommand.run(self, environment: environment)
    case .tokenMake: TokenMakeCommand.run(self, environment: environment)
    case .tokenInspect: TokenInspectCommand.run(self, environment: environment)
    case .top: TopCommand.run(self, environment: environment)
    case .soak: SoakCommand.run(self)
    case .bench: BenchCommand.run(self)
    }
  }
}
