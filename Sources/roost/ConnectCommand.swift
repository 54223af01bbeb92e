// `roost connect`: a WebSocket for people and scripts. In a pipe it is the protocol itself, an object a
// line both ways; on a terminal it has an editor of lines and short commands.

import Gateway
import Glibc
import RoostEventLoop
import RoostJSON

enum ConnectCommand {
  static func run(_ invocation: Invocation) -> Int32 {
    let plan: Plan
    do throws(CommandMistake) {
      plan = try Plan(invocation)
    } catch {
      Output.writeError("roost connect: \(error.sentence)\n")
      return 2
    }
    do throws(StreamFailure) {
      var options = PeerOptions()
      options.token = try plan.token()
      options.caFile = plan.caFile
      let peer = try WebSocketPeer(plan.url, options)
      var conversation = Conversation(peer: peer, plan: plan)
      return try conversation.run()
    } catch {
      Output.writeError("roost connect: \(error)\n")
      return 1
    }
  }

  /// What the command line asks for.
  struct Plan: Equatable {
    let url: WebSocketURL
    let rooms: [String]
    let tokenFile: String?
    let caFile: String?
    /// How long to stay behind the end of the input.
    let stay: Duration?

    init(_ invocation: Invocation) throws(CommandMistake) {
      guard let text = invocation.argument else {
        throw CommandMistake("a URL is missing: roost connect ws://127.0.0.1:8080/ws")
      }
      url = try Self.url(text, user: invocation.value(of: "--user"))
      rooms = invocation.values(of: "--room")
      tokenFile = invocation.value(of: "--token-file")
      caFile = invocation.value(of: "--ca-file")
      guard let span = invocation.value(of: "--for") else {
        stay = nil
        return
      }
      guard let seconds = TimeText.seconds(of: span) else {
        throw CommandMistake("--for \(span) is no span of time such as 90s, 15m, 12h or 7d")
      }
      stay = .seconds(seconds)
    }

    /// A URL with the user that a node under --dev believes.
    static func url(_ text: String, user: String?) throws(CommandMistake) -> WebSocketURL {
      var text = text
      if let user {
        text += text.contains("?") ? "&" : text.contains("/ws") ? "?" : "/ws?"
        text += "user=" + user.utf8.map(Self.escaped).joined()
      }
      guard let url = WebSocketURL(text) else {
        throw CommandMistake("\(text) is no URL like ws://host:port/ws or wss://host/ws")
      }
      return url
    }

    private static func escaped(_ byte: UInt8) -> String {
      switch byte {
      case 48...57, 65...90, 97...122, UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
        UInt8(ascii: "~"):
        return String(UnicodeScalar(byte))
      default:
        let digits = String(byte, radix: 16, uppercase: true)
        return "%" + (digits.count == 1 ? "0" : "") + digits
      }
    }

    func token() throws(StreamFailure) -> String? {
      guard let tokenFile else { return nil }
      switch ProcessEnvironment.contents(of: tokenFile) {
      case .success(let bytes):
        return String(decoding: TokenInspectCommand.trimmed(bytes), as: UTF8.self)
      case .failure(let failure):
        throw StreamFailure("\(tokenFile) cannot be read: \(failure)")
      }
    }
  }
}

/// One run of `roost connect`, from the handshake on.
private struct Conversation {
  /// How long answers are waited for behind the end of the input.
  private static let patience = Duration.seconds(10)

  let peer: WebSocketPeer
  let plan: ConnectCommand.Plan
  private let screen: Screen?
  private var reader: ConnectReader
  private var editor = LineEditor()
  private var typed: [UInt8] = []
  private var unanswered: Set<String> = []
  private var inputEnd: MonotonicInstant?
  private var hasWelcome = false
  /// What is sent once `welcome` has come.
  private var waiting: [String] = []

  init(peer: WebSocketPeer, plan: ConnectCommand.Plan) {
    self.peer = peer
    self.plan = plan
    reader = ConnectReader(room: plan.rooms.last)
    screen = isatty(0) == 1 && isatty(1) == 1 ? Screen() : nil
    waiting = plan.rooms.enumerated().map { place, room in
      "{\"type\":\"join\",\"id\":\"room-\(place + 1)\",\"room\":\(ConnectReader.quoted(room))}"
    }
  }

  /// Until the user, the input or the node ends it; the exit status.
  mutating func run() throws(StreamFailure) -> Int32 {
    screen?.open()
    defer { screen?.close() }
    draw()
    while true {
      if let status = try takeEvents() { return status }
      if let status = endOfInput() { return status }
      let ready = peer.stream.wait(beside: inputEnd == nil ? 0 : nil, for: .milliseconds(500))
      if ready, inputEnd == nil, try !takeInput() {
        peer.close()
        return 0
      }
    }
  }

  // MARK: From the node

  private mutating func takeEvents() throws(StreamFailure) -> Int32? {
    while true {
      switch try peer.nextAnswering(deadline: .zero) {
      case .nothing: return nil
      case .ping, .pong: break
      case .text(let bytes): try take(bytes)
      case .binary(let bytes):
        var text = Array("{\"type\":\"binary\",\"base64\":".utf8)
        JSONWriter.appendBase64(bytes.span, to: &text)
        show(String(decoding: text, as: UTF8.self) + "}")
      case .closed(let code, let reason):
        note("closed \(code.map { "\($0)" } ?? "without a code") \(reason)")
        return code == 1000 ? 0 : 1
      case .lost(let reason):
        note(reason)
        return 1
      }
    }
  }

  private mutating func take(_ bytes: [UInt8]) throws(StreamFailure) {
    let text = String(decoding: bytes, as: UTF8.self)
    let tree = try? JSONTree(parsing: bytes, depthMax: 64, bytesMax: 64 << 20)
    if let id = tree?["id"] { unanswered.remove(Self.key(id)) }
    show(screen == nil ? text : Self.line(tree) ?? text)
    guard !hasWelcome, tree?["type"]?.string == "welcome" else { return }
    hasWelcome = true
    for text in waiting { try send(text) }
    waiting = []
  }

  /// A message as people read it; nil for everything else, which is shown as it is.
  private static func line(_ tree: JSONTree?) -> String? {
    guard let tree, tree["type"]?.string == "message", let room = tree["room"]?.string,
      let data = tree["data"]
    else { return nil }
    let from = tree["from"].flatMap { $0["user"]?.string ?? $0["connection"]?.string }
    let shown = data.string ?? PrettyJSON.line(data)
    return "[\(room)] " + (from.map { "\($0): " } ?? "") + shown
  }

  private static func key(_ id: JSONTree) -> String {
    switch id {
    case .string(let text, _): "s" + text
    case .number(let digits, _): "n" + digits
    default: ""
    }
  }

  // MARK: From the user

  /// False when the user has had enough.
  private mutating func takeInput() throws(StreamFailure) -> Bool {
    var buffer = [UInt8](repeating: 0, count: 65_536)
    let count = read(0, &buffer, buffer.count)
    if count < 0 { return errno == EINTR || errno == EAGAIN }
    guard count > 0 else {
      if !typed.isEmpty { try sendLine() }
      inputEnd = MonotonicInstant.now()
      return true
    }
    for byte in buffer.prefix(count) {
      guard screen == nil else {
        guard try takeKey(byte) else { return false }
        continue
      }
      if byte == UInt8(ascii: "\n") {
        try sendLine()
      } else {
        typed.append(byte)
      }
    }
    return true
  }

  private mutating func sendLine() throws(StreamFailure) {
    let line = String(decoding: typed, as: UTF8.self)
    typed = []
    guard !line.allSatisfy(\.isWhitespace) else { return }
    try send(line)
  }

  private mutating func takeKey(_ byte: UInt8) throws(StreamFailure) -> Bool {
    switch editor.take(byte) {
    case .nothing: break
    case .changed: draw()
    case .clear:
      screen?.clear()
      draw()
    case .quit: return false
    case .line(let line):
      screen?.show("> " + line)
      switch reader.read(line, suggest: Suggestion.sentence) {
      case .send(let text): try send(text)
      case .say(let text): if !text.isEmpty { screen?.show(text) }
      case .quit: return false
      }
      draw()
    }
    return true
  }

  private mutating func send(_ text: String) throws(StreamFailure) {
    guard hasWelcome else {
      waiting.append(text)
      return
    }
    let tree = try? JSONTree(parsing: Array(text.utf8), depthMax: 64, bytesMax: 64 << 20)
    if let id = tree?["id"] { unanswered.insert(Self.key(id)) }
    try peer.send(text: text)
  }

  /// Behind the end of the input: the exit status once everything was answered.
  private func endOfInput() -> Int32? {
    guard let inputEnd else { return nil }
    let since = MonotonicInstant.now().since(inputEnd)
    guard let stay = plan.stay else {
      guard !hasWelcome || !unanswered.isEmpty || !waiting.isEmpty else {
        peer.close()
        return 0
      }
      guard since >= Self.patience else { return nil }
      Output.writeError("roost connect: some requests were not answered\n")
      return 1
    }
    guard since >= stay else { return nil }
    peer.close()
    return 0
  }

  // MARK: Showing

  private func show(_ text: String) {
    guard let screen else { return Output.write(text + "\n") }
    screen.show(text)
    draw()
  }

  private func note(_ text: String) {
    screen?.close()
    Output.writeError("roost connect: \(text)\n")
  }

  private func draw() { screen?.draw(editor) }
}
