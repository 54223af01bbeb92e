// Collects the sources of a configuration from a command line, the environment and the disk.

import Gateway
import Glibc
import RoostEventLoop

/// A configuration as a command finds it.
struct ConfigurationReading {
  let configuration: Configuration
  /// Where each setting that was set has its value from.
  let places: [String: ConfigurationProblem.Place]

  /// Reads all sources; nil when they do not make a configuration, with every problem written to the
  /// standard error output, one a line.
  static func read(_ invocation: Invocation, environment: [String: String]) -> Self? {
    switch load(invocation, environment: environment) {
    case .loaded(let configuration, let places):
      return Self(configuration: configuration, places: places)
    case .refused(let problems):
      Output.writeError(problems.map { $0.description + "\n" }.joined())
      return nil
    }
  }

  static func load(
    _ invocation: Invocation, environment: [String: String]
  ) -> ConfigurationOutcome {
    var sources = ConfigurationSources()
    sources.dev = invocation.has(Flag.dev.name)
    sources.standardErrorIsTerminal = isatty(2) == 1
    sources.environment = environment
    sources.flags = invocation.flags.compactMap { given in
      given.flag.setting.map {
        ConfigurationSources.Flag(name: given.flag.name, path: $0, text: given.text)
      }
    }
    // The argument of other commands is something else.
    let argument = invocation.command.name == .checkConfig ? invocation.argument : nil
    let name = argument ?? invocation.value(of: Flag.config.name) ?? environment["ROOST_CONFIG"]
    guard let name, !name.isEmpty else { return ConfigurationLoader.load(sources) }

    sources.fileName = name
    switch ProcessEnvironment.contents(of: name) {
    case .success(let content):
      sources.file = content
      return ConfigurationLoader.load(sources)
    case .failure(let failure):
      // The other sources are looked at all the same, so that this is not only the first problem.
      let unreadable = ConfigurationProblem("", "\(name) cannot be read: \(failure)")
      guard case .refused(let others) = ConfigurationLoader.load(sources) else {
        return .refused([unreadable])
      }
      return .refused([unreadable] + others)
    }
  }
}
