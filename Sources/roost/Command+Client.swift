// The commands that speak to a node, as the table of commands has them.

extension Command {
  static let connect = Command(
    name: .connect, argument: "URL",
    summary: "Speaks to a node over a WebSocket, by hand or in a pipe.",
    details: [
      "On a terminal: what is typed is published in the room that was joined last; /help lists the "
        + "commands; arrows move in the line and through earlier ones. A line that is an object with "
        + "a type is sent as it is.",
      "In a pipe: every line of the input is sent as it is, and every object that comes is a line of "
        + "the output. Behind the end of the input it waits for the answers to all requests that "
        + "have an id, or as long as --for says. Exits 0 when all went well, 1 when the node closed "
        + "or refused the connection, 2 when the command line is wrong.",
    ],
    flags: [
      Flag(
        name: "--room", value: "ROOM", setting: nil,
        summary: "Join it at once. May be repeated."),
      Flag(
        name: "--user", value: "NAME", setting: nil,
        summary: "Who to be, for nodes under --dev; the same as ?user=NAME in the URL."),
      tokenFile, caFile,
      Flag(
        name: "--for", value: "SPAN", setting: nil,
        summary: "Stay so long behind the end of the input, and read on."),
    ])

  static let publish = Command(
    name: .publish, argument: "ROOM [DATA]",
    summary: "Publishes one message.",
    details: [
      "Through the server API of a node: its admin port and API key are those of the configuration, "
        + "or of --admin and --key-file. With --url as a member: it connects, joins the room and "
        + "publishes.",
      "DATA is JSON, or else a string; without it, or with -, it is read from the standard input. "
        + "Prints the answer, which has the message's place where the room has history. Exits 0 when "
        + "the message was published, 1 when it was not, 2 when the command line is wrong.",
    ],
    flags: [
      Flag(
        name: "--url", value: "URL", setting: nil,
        summary: "Publish as a member, through ws:// or wss://."),
      Flag(
        name: "--user", value: "NAME", setting: nil,
        summary: "Who to be with --url, for nodes under --dev."),
      tokenFile, .setting("--admin", "HOST:PORT", "admin"), .config,
      Flag(
        name: "--key-file", value: "FILE", setting: nil,
        summary: "The API key for the server API."),
      Flag(
        name: "--idempotency-key", value: "KEY", setting: nil,
        summary: "What is repeated with the same key is published once."),
      caFile,
    ])

  private static let tokenFile = Flag(
    name: "--token-file", value: "FILE", setting: nil,
    summary: "A token to connect with.")
  private static let caFile = Flag(
    name: "--ca-file", value: "FILE", setting: nil,
    summary: "Who may have signed the server's certificate (PEM); without it, the system's.")
}
