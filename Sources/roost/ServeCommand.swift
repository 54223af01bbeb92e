// `roost serve`: the node, from its signals to its exit status.

import Gateway

/// Runs a node.
enum ServeCommand {
  /// Runs until the node has stopped; the exit status.
  static func run(configuration: Configuration) -> Int32 {
    // wired by the node
    return 0
  }
}
