// The command that measures, as the table of commands has it.

import Soak

extension Command {
  static let bench = Command(
    name: .bench, argument: "[WORKLOAD ...]",
    summary: "Measures what a node costs on this machine, and compares that with a saved run.",
    details: [
      "Starts a node of this program for each workload, on 127.0.0.1 and with one shard, and "
        + "clients in this process; with two processors or more, the node has one for itself and "
        + "the clients another one. Messages have 128 bytes. Workloads, without a name all of "
        + "them: " + workloads + ". w5 has two nodes and needs redis-server.",
      "CPU is user and system time of the nodes, a delivery, handshake or echo. Latency counts "
        + "from when a message was due where there is a rate, from when it was sent where so many "
        + "are on their way, and for a handshake from its connect on. Memory is what each "
        + "joined connection adds to the node's private pages. Build Roost with -c release before "
        + "you measure. Nothing is drawn by chance.",
      "Exits 0 when every member was given every message once and in order, 1 when not, for then "
        + "the figures are void, 2 when it could not be run. Ctrl-C ends everything that it has "
        + "started.",
    ],
    flags: [
      Flag(
        name: "--seconds", value: "N", setting: nil,
        summary: "How long each workload is measured, 0.1 to 600; 5 without it."),
      Flag(
        name: "--connections", value: "N", setting: nil,
        summary: "Connections of each workload in place of its own, 2 to 100000; rooms and rates "
          + "go with it."),
      Flag(
        name: "--save", value: "FILE", setting: nil,
        summary: "Write the figures there, as JSON, unless they are void."),
      Flag(
        name: "--against", value: "FILE", setting: nil,
        summary: "A saved run: tells the ratio of each figure, and what is other about the machine."
      ),
    ])

  private static let workloads = BenchWorkload.Name.allCases.map { name in
    "\(name.rawValue) (\(BenchWorkload(name).about))"
  }.joined(separator: "; ")
}
