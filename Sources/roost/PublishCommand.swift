// `roost publish`: one message into a room, as a member or through the server API.

import Gateway
import Glibc
import RoostCrypto
import RoostEventLoop
import RoostJSON

enum PublishCommand {
  private static let patience = Duration.seconds(10)

  static func run(_ invocation: Invocation, environment: [String: String]) -> Int32 {
    guard let room = invocation.argument else {
      Output.writeError("roost publish: a room is missing: roost publish ROOM DATA\n")
      return 2
    }
    if invocation.has("--url"), let flag = ["--admin", "--key-file"].first(where: invocation.has) {
      Output.writeError("roost publish: \(flag) is for the server API, --url for a member\n")
      return 2
    }
    do throws(StreamFailure) {
      let data = try data(invocation.second)
      if let text = invocation.value(of: "--url") {
        let url: WebSocketURL
        do throws(CommandMistake) {
          url = try ConnectCommand.Plan.url(text, user: invocation.value(of: "--user"))
        } catch {
          Output.writeError("roost publish: \(error.sentence)\n")
          return 2
        }
        return try publish(data, in: room, through: url, invocation)
      }
      guard let reading = ConfigurationReading.read(invocation, environment: environment) else {
        return 1
      }
      return try publish(data, in: room, by: reading.configuration, invocation)
    } catch {
      Output.writeError("roost publish: \(error)\n")
      return 1
    }
  }

  /// The argument or the standard input; what is no JSON becomes a string.
  private static func data(_ argument: String?) throws(StreamFailure) -> String {
    if let argument, argument != "-" { return ConnectReader.value(argument) }
    switch ProcessEnvironment.standardInput() {
    case .failure(let failure): throw StreamFailure("the standard input cannot be read: \(failure)")
    case .success(var bytes):
      if bytes.last == UInt8(ascii: "\n") { bytes.removeLast() }
      guard let text = String(validating: bytes, as: UTF8.self) else {
        throw StreamFailure("the standard input is no UTF-8")
      }
      return ConnectReader.value(text)
    }
  }

  // MARK: As a member

  private static func publish(
    _ data: String, in room: String, through url: WebSocketURL, _ invocation: Invocation
  ) throws(StreamFailure) -> Int32 {
    var options = PeerOptions()
    if let path = invocation.value(of: "--token-file") { options.token = try secret(path) }
    options.caFile = invocation.value(of: "--ca-file")
    let peer = try WebSocketPeer(url, options)
    let name = ConnectReader.quoted(room)
    let key =
      invocation.value(of: "--idempotency-key")
      .map { ",\"key\":\(ConnectReader.quoted($0))" } ?? ""
    // Policies let members publish, unless they say something else.
    try peer.send(text: "{\"type\":\"join\",\"id\":\"join\",\"room\":\(name)}")
    guard try answer(to: "join", peer) else { return 1 }
    try peer.send(
      text: "{\"type\":\"publish\",\"id\":\"publish\",\"room\":\(name),\"data\":\(data)\(key)}")
    let isDone = try answer(to: "publish", peer)
    peer.close()
    return isDone ? 0 : 1
  }

  /// Waits for an answer; an error is shown, and so is the answer to the publish itself.
  private static func answer(to id: String, _ peer: WebSocketPeer) throws(StreamFailure) -> Bool {
    let deadline = MonotonicInstant.now().advanced(by: patience)
    while true {
      switch try peer.nextAnswering(deadline: deadline) {
      case .text(let bytes):
        let tree = try? JSONTree(parsing: bytes, depthMax: 64, bytesMax: 64 << 20)
        guard tree?["id"]?.string == id else { continue }
        let isError = tree?["type"]?.string == "error"
        if isError {
          Output.writeError(String(decoding: bytes, as: UTF8.self) + "\n")
        } else if id == "publish" {
          Output.write(String(decoding: bytes, as: UTF8.self) + "\n")
        }
        return !isError
      case .closed(let code, let reason):
        throw StreamFailure("closed \(code.map { "\($0)" } ?? "without a code") \(reason)")
      case .lost(let reason): throw StreamFailure(reason)
      case .nothing: throw StreamFailure("no answer within \(patience.components.seconds) s")
      case .binary, .ping, .pong: break
      }
    }
  }

  // MARK: Through the server API

  private static func publish(
    _ data: String, in room: String, by configuration: Configuration, _ invocation: Invocation
  ) throws(StreamFailure) -> Int32 {
    let address = configuration.admin
    guard address.port != 0 else {
      throw StreamFailure(
        "the admin port is 0: give the port that the node has chosen with --admin")
    }
    var key = configuration.auth.apiKeys.first
    if let path = invocation.value(of: "--key-file") { key = try secret(path) }
    let host = ["0.0.0.0", "::"].contains(address.hostText) ? "127.0.0.1" : address.hostText
    let deadline = MonotonicInstant.now().advanced(by: patience)
    let caFile = invocation.value(of: "--ca-file")
    var context: TLSContext?
    if configuration.tls.admin || caFile != nil {
      do throws(TLSFailure) {
        context = try TLSContext.client(caFile: caFile, certificateFile: nil, keyFile: nil)
      } catch {
        throw StreamFailure("\(error)")
      }
    }
    let stream = try BlockingStream(
      host: host, port: address.port, context: context, deadline: deadline)
    var head = "POST /v1/rooms/\(room.utf8.map(segment).joined())/messages HTTP/1.1\r\n"
    head += "Host: \(address)\r\nConnection: close\r\nContent-Type: application/json\r\n"
    head += "Content-Length: \(data.utf8.count)\r\n"
    if let key { head += "Authorization: Bearer \(try field(key))\r\n" }
    if let key = invocation.value(of: "--idempotency-key") {
      head += "Idempotency-Key: \(try field(key))\r\n"
    }
    try stream.send(Array((head + "\r\n" + data).utf8), deadline: deadline)
    var answer: [UInt8] = []
    while answer.count < 1 << 20, case .bytes(let bytes) = stream.receive(deadline: deadline) {
      answer += bytes
    }
    let status = HealthCommand.status(in: answer)
    guard status != 0, let end = answer.firstRange(of: Array("\r\n\r\n".utf8)) else {
      throw StreamFailure("\(address) has not answered as a node does")
    }
    let body = String(decoding: answer[end.upperBound...], as: UTF8.self)
    guard (200..<300).contains(status) else {
      Output.writeError("roost publish: \(address) answered \(status): \(body)\n")
      return 1
    }
    Output.write(body + (body.hasSuffix("\n") ? "" : "\n"))
    return 0
  }

  /// A file's only line.
  private static func secret(_ path: String) throws(StreamFailure) -> String {
    switch ProcessEnvironment.contents(of: path) {
    case .success(let bytes):
      return String(decoding: TokenInspectCommand.trimmed(bytes), as: UTF8.self)
    case .failure(let failure): throw StreamFailure("\(path) cannot be read: \(failure)")
    }
  }

  /// The value of a field of HTTP: visible ASCII, so that it adds no line.
  private static func field(_ text: String) throws(StreamFailure) -> String {
    guard !text.isEmpty, text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
      throw StreamFailure("a key has characters that a field of HTTP cannot have")
    }
    return text
  }

  private static func segment(_ byte: UInt8) -> String {
    switch byte {
    case 48...57, 65...90, 97...122, UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
      UInt8(ascii: "~"):
      return String(UnicodeScalar(byte))
    default:
      let digits = String(byte, radix: 16, uppercase: true)
      return "%" + (digits.count == 1 ? "0" : "") + digits
    }
  }
}
