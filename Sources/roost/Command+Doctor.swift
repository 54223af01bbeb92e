// `roost doctor`, as the table of commands has it.

extension Command {
  static let doctor = Command(
    name: .doctor, argument: nil,
    summary: "Looks at the machine, Redis and the balancer, and says what is wrong.",
    details: [
      "Checks what a node of this configuration needs: descriptors, settings of the kernel, memory, "
        + "free ports, names, certificates; of its Redis the version, role, rights, memory, eviction, "
        + "persistence, replicas and clock. Each finding is ok, a warning or a problem, with what to "
        + "do about it.",
      "With --through it opens WebSockets through the balancer, says nothing, and finds out how long "
        + "silence lasts: a balancer that ends connections before the node's next ping is a problem. "
        + "It takes as long as --idle-max, or until the node's first ping; for the balancer's own "
        + "number let a node with limits.ping_interval 0 stand behind it.",
      "Exits 0 without a problem, 1 with one (or, with --strict, with a warning), 2 when the command "
        + "line is wrong.",
    ],
    flags: [
      .config, .setting("--redis", "URL", "redis.urls"),
      Flag(
        name: "--through", value: "URL", setting: nil,
        summary: "The way that clients take, such as wss://chat.example.com/ws."),
      Flag(
        name: "--idle-max", value: "SPAN", setting: nil,
        summary: "The longest silence that is tried through it; 2m without this."),
      Flag(
        name: "--token-file", value: "FILE", setting: nil,
        summary: "A token to connect with through it, where the node wants one."),
      Flag(
        name: "--ca-file", value: "FILE", setting: nil,
        summary: "Who may have signed the balancer's certificate (PEM)."),
      Flag(name: "--json", value: nil, setting: nil, summary: "Write one JSON document."),
      Flag(
        name: "--strict", value: nil, setting: nil, summary: "Exit 1 for a warning, too."),
    ])
}
