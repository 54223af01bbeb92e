// `roost serve` up to the point where the configuration stands.

import Gateway

extension ServeCommand {
  /// Reads the configuration, refuses what must not be served, and runs the node.
  static func start(_ invocation: Invocation, environment: [String: String]) -> Int32 {
    guard let reading = ConfigurationReading.read(invocation, environment: environment) else {
      return 1
    }
    if let refusal = reading.configuration.refusalToServe {
      Output.writeError("roost serve: \(refusal)\n")
      return 1
    }
    let clockFile = invocation.value(of: Flag.devClock.name)
    guard clockFile == nil || reading.configuration.dev else {
      Output.writeError("roost serve: \(Flag.devClock.name) is for trials, and needs --dev\n")
      return 1
    }
    return run(
      configuration: reading.configuration, environment: environment, clockFile: clockFile
    ) {
      // The flags and the environment are those of the start, the files are read anew.
      ConfigurationReading.load(invocation, environment: environment)
    }
  }
}
