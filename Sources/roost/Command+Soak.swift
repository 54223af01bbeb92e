// The command that breaks a cluster, as the table of commands has it.

import Soak

extension Command {
  static let soak = Command(
    name: .soak, argument: "SCENARIO",
    summary: "Breaks a real cluster on this machine and counts what its clients were given.",
    details: [
      "SCENARIO is a file; ops/soak has smoke, steady, churn, storm, rollout, herd, chaos, "
        + "overload, large and overnight. Starts Redis, nodes and HAProxy on 127.0.0.1 in a folder "
        + "of their own, connects clients, publishes at a steady rate, breaks things after a plan "
        + "that follows from the seed, and holds what every member was given against what was "
        + "promised: each acknowledged publish once, in order, intact; nothing that was refused; "
        + "every hole announced, and none without a cause. "
        + "Nodes must be back where they began when the clients have left.",
      "Exits 0 when every promise was kept, 1 when one was broken, 2 when it could not be run. "
        + "Ctrl-C ends everything that it has started.",
      "Keys of a scenario: " + keys + ".",
      "Kinds of faults: "
        + FaultKind.allCases.map { "\($0.rawValue): \($0.meaning)" }.joined(separator: " "),
    ],
    flags: [
      Flag(
        name: "--nodes", value: "N", setting: nil, summary: "Nodes of the cluster, 1 to 6."),
      Flag(
        name: "--clients", value: "N", setting: nil,
        summary: "All clients together; kinds keep their shares."),
      Flag(name: "--rooms", value: "N", setting: nil, summary: "Rooms that keep a history."),
      Flag(
        name: "--rate", value: "N", setting: nil, summary: "Publishes a second, over all rooms."),
      Flag(name: "--payload", value: "BYTES", setting: nil, summary: "Bytes of each publish."),
      Flag(
        name: "--duration", value: "SPAN", setting: nil,
        summary: "How long, as 90, 90s, 15m or 1h30m; faults behind it are left out."),
      Flag(
        name: "--seed", value: "N", setting: nil,
        summary: "Where chance comes from; without it a new one, which the report names."),
      Flag(
        name: "--faults", value: "LIST", setting: nil,
        summary: "Kinds to draw from the seed in place of the scenario's, with commas, or none."),
      Flag(
        name: "--report", value: "DIR", setting: nil,
        summary: "Write verdict.json, report.html and, when a promise was broken, all logs there."),
      Flag(
        name: "--target", value: "HOST:PORT", setting: nil,
        summary: "Load a cluster that runs already instead; breaks no process. May be repeated."),
      Flag(
        name: "--admin", value: "HOST:PORT", setting: nil,
        summary: "An admin port of that cluster, for its figures. May be repeated."),
      Flag(
        name: "--beside", value: "FILE", setting: nil,
        summary:
          "The verdict.json of an earlier run, whose reconnections are drawn beside this one's."),
      Flag(
        name: "--plant", value: "BUG", setting: nil,
        summary: "A proxy between clients and nodes makes this bug, to see that it is found: "
          + Plant.allCases.map(\.rawValue).joined(separator: ", ") + "."),
    ])

  private static let keys = ScenarioKey.all.map { key in
    "\(key.path) (\(key.allowed)): \(key.meaning.prefix { $0 != "." })"
  }.joined(separator: "; ")
}
