// What somebody types into `roost connect` on a terminal: commands with a slash, the protocol itself, or
// something to say in the room of the moment.

import RoostJSON

/// What a typed line is.
enum ConnectInput: Equatable {
  /// A request, as JSON.
  case send(String)
  /// Nothing is sent; a sentence for the user.
  case say(String)
  case quit

  static let help = """
    /join ROOM              join a room; what is typed without a slash is published there
    /leave ROOM             leave it
    /publish ROOM DATA      publish; what is no JSON is published as a string
    /presence [ROOM]        who is there
    /history [ROOM [N]]     what was said, the last N messages
    /send USER DATA         send to all connections of a user
    /help                   this
    /quit                   leave; so do Ctrl-C and Ctrl-D
    {"type":…}              the protocol itself
    """
}

/// Reads lines one after the other, and knows the room of the moment.
struct ConnectReader {
  /// Where what is typed without a slash goes to.
  private(set) var room: String?
  private var lastID = 0

  /// A reader that begins in a room.
  init(room: String?) { self.room = room }

  private static let words = [
    "join", "leave", "publish", "presence", "history", "send", "help", "quit",
  ]

  /// What a line is.
  mutating func read(_ line: String, suggest: (String, [String]) -> String) -> ConnectInput {
    let line = Self.trimmed(line)
    guard !line.isEmpty else { return .say("") }
    if line.hasPrefix("{"), Self.tree(line)?["type"]?.string != nil { return .send(line) }
    guard line.hasPrefix("/") else {
      guard let room else { return .say("no room was joined: /join ROOM, or /help") }
      return request("publish", [("room", Self.quoted(room)), ("data", Self.value(line))])
    }
    let (word, rest) = Self.split(String(line.dropFirst()))
    switch word {
    case "help": return .say(ConnectInput.help)
    case "quit", "exit": return .quit
    case "join":
      guard let name = Self.only(rest) else { return .say("/join ROOM") }
      room = name
      return request("join", [("room", Self.quoted(name))])
    case "leave":
      guard let name = Self.only(rest) ?? room, !rest.contains(" ") else {
        return .say("/leave ROOM")
      }
      if name == room { room = nil }
      return request("leave", [("room", Self.quoted(name))])
    case "presence":
      guard let name = Self.only(rest) ?? room else { return .say("/presence ROOM") }
      return request("presence", [("room", Self.quoted(name))])
    case "history": return history(rest)
    case "publish", "send":
      let (target, data) = Self.split(rest)
      guard !target.isEmpty, !data.isEmpty else {
        return .say(word == "send" ? "/send USER DATA" : "/publish ROOM DATA")
      }
      let to =
        word == "send"
        ? ("to", "{\"user\":\(Self.quoted(target))}") : ("room", Self.quoted(target))
      return request(word, [to, ("data", Self.value(data))])
    default:
      return .say("/\(word) is unknown\(suggest(word, Self.words)); /help lists what there is")
    }
  }

  private mutating func history(_ rest: String) -> ConnectInput {
    let (first, second) = Self.split(rest)
    let name = first.isEmpty ? room : first
    guard let name, second.isEmpty || Int(second).map({ $0 > 0 }) == true else {
      return .say("/history ROOM N")
    }
    let limit = second.isEmpty ? "20" : second
    return request(
      "history", [("room", Self.quoted(name)), ("limit", limit), ("reverse", "true")])
  }

  private mutating func request(
    _ type: String, _ members: [(name: String, json: String)]
  ) -> ConnectInput {
    lastID += 1
    let text = members.map { ",\"\($0.name)\":\($0.json)" }.joined()
    return .send("{\"type\":\"\(type)\",\"id\":\(lastID)\(text)}")
  }

  // MARK: Words

  /// JSON as it is, anything else as a string.
  static func value(_ text: String) -> String { tree(text) == nil ? quoted(text) : text }

  /// A string in quotes.
  static func quoted(_ text: String) -> String {
    var bytes: [UInt8] = []
    JSONWriter.appendString(text, to: &bytes)
    return String(decoding: bytes, as: UTF8.self)
  }

  private static func tree(_ text: String) -> JSONTree? {
    try? JSONTree(parsing: Array(text.utf8), depthMax: 64, bytesMax: 1 << 24)
  }

  private static func trimmed(_ text: String) -> String {
    var rest = text[...]
    while let last = rest.last, last.isWhitespace { rest.removeLast() }
    return String(rest.drop(while: \.isWhitespace))
  }

  /// The first word and the rest.
  private static func split(_ text: String) -> (String, String) {
    let word = text.prefix { !$0.isWhitespace }
    return (String(word), trimmed(String(text.dropFirst(word.count))))
  }

  private static func only(_ text: String) -> String? {
    text.isEmpty || text.contains(where: \.isWhitespace) ? nil : text
  }
}
