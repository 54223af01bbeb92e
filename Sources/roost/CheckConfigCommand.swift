// `roost check-config`: everything that is wrong with a configuration, or what it changes.

import Gateway

enum CheckConfigCommand {
  static func run(_ invocation: Invocation, environment: [String: String]) -> Int32 {
    if invocation.has("--defaults") {
      guard invocation.argument == nil else {
        Output.writeError("roost: check-config --defaults takes no file\n")
        return 2
      }
      Output.write(Configuration().json())
      return 0
    }
    guard let reading = ConfigurationReading.read(invocation, environment: environment) else {
      return 1
    }
    // What stands in files of its own is looked at, too: a node would not start with it.
    do throws(ConfigurationProblem) {
      _ = try reading.configuration.tokenKeys()
    } catch {
      Output.writeError("\(error)\n")
      return 1
    }
    if let problem = reading.configuration.fileProblem {
      Output.writeError("\(problem)\n")
      return 1
    }
    Output.write(report(reading))
    return 0
  }

  /// `ok`, then a line for each setting that differs from its default, with the place it comes from.
  static func report(_ reading: ConfigurationReading) -> String {
    var text = "ok\n"
    for change in reading.configuration.changes() {
      let place = reading.places[change.path].map { "  (\($0))" } ?? ""
      text += "\(change.path): \(change.json)\(place)\n"
    }
    // Every value may be right and the node refuse to start all the same: say so now.
    if let refusal = reading.configuration.refusalToServe { text += "note: \(refusal)\n" }
    return text
  }
}
