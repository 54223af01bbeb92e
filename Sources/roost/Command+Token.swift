// The commands about tokens, as the table of commands has them.

extension Command {
  static let tokenMake = Command(
    name: .tokenMake, argument: nil,
    summary: "Makes a token for a user.",
    details: [
      "Signs with a key of your own (--key: PEM, JWK or JWK set), a secret in a file, or a secret of "
        + "the configuration (--config), whose issuer and audience are filled in then. Of several "
        + "keys the first one signs that --kid and --alg fit. Secrets are never arguments, because "
        + "others on the machine see those.",
      "Prints the token alone, so that it can be piped: roost token make --config roost.json --sub "
        + "ann | roost token inspect --config roost.json. Spans of time are written 90s, 15m, 12h or "
        + "7d.",
    ],
    flags: [
      Flag(name: "--sub", value: "USER", setting: nil, summary: "The user; required."), key,
      secretFile, configuredKeys, algorithm,
      Flag(
        name: "--kid", value: "NAME", setting: nil,
        summary: "The key to choose by its name, and the name for a key that has none."),
      Flag(
        name: "--expires", value: "SPAN", setting: nil,
        summary: "How long it is good; 15m without this."),
      Flag(
        name: "--not-before", value: "SPAN", setting: nil, summary: "After how long it is good."),
      Flag(
        name: "--room", value: "PATTERN=ACTIONS", setting: nil,
        summary: "What it allows in rooms whose policy asks the token, such as "
          + "'chat:*=join,publish'; of join, publish, history, presence. May be repeated."),
      Flag(
        name: "--info", value: "JSON", setting: nil,
        summary: "What others see of the user in presence."),
      Flag(name: "--iss", value: "TEXT", setting: nil, summary: "Who issues it."),
      Flag(
        name: "--aud", value: "TEXT", setting: nil, summary: "For whom it is. May be repeated."),
      Flag(
        name: "--jti", value: "ID", setting: nil,
        summary: "Its own name, by which it can be taken back."),
    ])

  static let tokenInspect = Command(
    name: .tokenInspect, argument: "[FILE]",
    summary: "Says what a token says, and whether a node takes it.",
    details: [
      "Reads the token from the file or the standard input; white space around it and the word "
        + "Bearer do not disturb. Prints header, claims and times as JSON. With --config, --key or "
        + "--secret-file it says whether a node with these keys accepts the token and, if not, the "
        + "true reason, which the token's bearer never learns.",
      "Exits 0 when the token can be read and, where there are keys, is accepted; 1 otherwise. What "
        + "was taken back through the server API is not known here.",
    ],
    flags: [
      configuredKeys, key, secretFile, algorithm,
      Flag(
        name: "--iss", value: "TEXT", setting: nil,
        summary: "Judge as a node whose auth.tokens.issuer is this."),
      Flag(
        name: "--aud", value: "TEXT", setting: nil,
        summary: "Judge as a node whose auth.tokens.audience has this. May be repeated."),
    ])

  private static let key = Flag(
    name: "--key", value: "FILE", setting: nil, summary: "A key: PEM, JWK or JWK set.")
  private static let secretFile = Flag(
    name: "--secret-file", value: "FILE", setting: nil,
    summary: "A file that holds the secret of HS256, HS384 or HS512 and nothing else.")
  private static let configuredKeys = Flag(
    name: "--config", value: "FILE", setting: nil,
    summary: "A node's configuration file: its keys, issuer and audience.")
  private static let algorithm = Flag(
    name: "--alg", value: "NAME", setting: nil,
    summary: "The algorithm of a key that does not say its own; by itself RS256, ES256, ES384, "
      + "EdDSA or HS256, as its kind is.")
}
