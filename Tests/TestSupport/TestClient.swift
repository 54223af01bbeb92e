// A WebSocket client on a blocking socket, with the frames of RoostWebSocket in the client's role. It
// does what it is told, right or wrong: split frames, bytes that are no frames, silence, resets.

import RoostDeflate
public import RoostEventLoop
import RoostHTTP
public import RoostWebSocket

/// What came from the server.
public enum TestEvent: Equatable, Sendable {
  /// A text message.
  case text(String)
  /// A binary message.
  case binary([UInt8])
  /// A ping that was not answered.
  case ping([UInt8])
  /// A pong.
  case pong([UInt8])
  /// A close frame.
  case close(UInt16?, String)
  /// The connection ended without a reset.
  case end
  /// The connection was reset.
  case reset
}

/// A client.
///
/// One thread at a time.
public final class TestClient {
  /// The transport, for bytes that are no frames.
  public let socket: BlockingSocket
  /// What was agreed on; nil before the upgrade.
  public private(set) var agreement: DeflateAgreement?
  /// The subprotocol that the server chose.
  public private(set) var subprotocol: String?
  /// The connection's id, once `welcome` was read with `welcomed`.
  public private(set) var connection = ""
  /// Pings are answered and skipped by `next`.
  public var answersPings = true

  private var hasSentClose = false
  private var reader = MessageReader(role: .client, messageBytesMax: 0, deflate: nil)
  private var inflater = Inflater(windowBits: 15)
  private var deflater: Deflater?
  private var input: [UInt8] = []
  private var offset = 0

  /// Wraps a connected socket.
  public init(_ socket: BlockingSocket) {
    self.socket = socket
  }

  /// Connects, upgrades and reads `welcome`.
  public static func open(
    _ address: SocketAddress, user: String? = nil, deflate: DeflateConfiguration = .disabled,
    receiveBytes: Int? = nil
  ) throws -> TestClient {
    let client = TestClient(try BlockingSocket(to: address, receiveBytes: receiveBytes))
    let path = user.map { "/ws?user=\($0)" } ?? "/ws"
    try client.upgrade(path: path, deflate: deflate)
    try client.welcomed()
    return client
  }

  /// Connects under TLS, upgrades and reads `welcome`.
  public static func open(
    _ address: SocketAddress, _ authority: TestCertificates, name: String = "localhost",
    receiveBytes: Int? = nil
  ) throws -> TestClient {
    let client = TestClient(
      try BlockingSocket(to: address, authority, name: name, receiveBytes: receiveBytes))
    try client.upgrade()
    try client.welcomed()
    return client
  }

  /// Sends the upgrade request and verifies the answer.
  ///
  /// - Parameters:
  ///   - fields: further fields of the request.
  ///   - split: where the request is cut in two pieces.
  ///   - behind: bytes that leave in one piece with the end of the request.
  public func upgrade(
    path: String = "/ws", subprotocols: [String] = ["roost.v1.json"],
    deflate: DeflateConfiguration = .disabled, fields: [(String, String)] = [],
    split: Int? = nil, behind: [UInt8] = []
  ) throws {
    let key = (0..<16).map { _ in UInt8.random(in: 0...255) }
    let handshake = try ClientHandshake(
      host: socket.address.description, path: path, key: key, subprotocols: subprotocols,
      deflate: deflate, extraFields: fields)
    let request = handshake.requestBytes
    if let split {
      try socket.write(Array(request[..<split]))
      try socket.write(request[split...] + behind)
    } else {
      try socket.write(request + behind)
    }
    let responses = ResponseReader(socket)
    let head = try responses.head()
    let result = try handshake.verify(head)
    subprotocol = result.subprotocol
    agreement = result.deflate
    input = responses.rest
    reader = MessageReader(role: .client, messageBytesMax: 64 << 20, deflate: agreement)
    if let windowBits = agreement?.deflaterWindowBits(for: .client) {
      deflater = try Deflater(windowBits: windowBits, level: 6, memoryLevel: 8)
    }
  }

  /// Reads `welcome` and keeps the connection's id; returns the text.
  @discardableResult
  public func welcomed() throws -> String {
    let text = try text()
    guard let id = JSONText.value("connection", of: text), text.contains("\"welcome\"") else {
      throw TestFailure("instead of welcome came \(text)")
    }
    connection = id
    return text
  }

  // MARK: Sending

  /// Sends a text message, compressed when that was agreed on.
  public func send(_ text: String) throws {
    try send(.text, Array(text.utf8))
  }

  /// Sends a message of either kind in one frame.
  public func send(_ kind: MessageKind, _ payload: [UInt8]) throws {
    try socket.write(frames(kind, payload))
  }

  /// One message as a frame.
  public func frames(_ kind: MessageKind, _ payload: [UInt8]) -> [UInt8] {
    guard let agreement, var own = deflater.take() else {
      return Self.frame(kind.opcode, payload)
    }
    var compressed: [UInt8] = []
    if !agreement.keepsContext(from: .client) { own.reset() }
    own.compress(payload.span, into: &compressed)
    deflater = consume own
    return Self.frame(kind.opcode, compressed, isCompressed: true)
  }

  /// One frame, masked with a random key.
  public static func frame(
    _ opcode: Opcode, _ payload: [UInt8], isFinal: Bool = true, isCompressed: Bool = false
  ) -> [UInt8] {
    FrameEncoder.frame(
      opcode: opcode, payload: payload.span, isFinal: isFinal, isCompressed: isCompressed,
      maskingKey: .random(in: 1 ... .max))
  }

  /// Sends a close frame.
  public func sendClose(_ code: UInt16?, _ reason: String = "") throws {
    hasSentClose = true
    let payload = code.map { FrameEncoder.closePayload(code: $0, reason: reason) } ?? []
    try socket.write(Self.frame(.close, payload))
  }

  /// Ends with a reset.
  public func abort() { socket.abort() }

  // MARK: Receiving

  /// Waits for what comes next.
  public func next() throws -> TestEvent {
    while true {
      if offset == input.count {
        switch try socket.read() {
        case .bytes(let bytes):
          input = bytes
          offset = 0
        case .end: return .end
        case .reset: return .reset
        }
      }
      guard let event = try readEvent() else { continue }
      if case .ping(let payload) = event, answersPings {
        try socket.write(Self.frame(.pong, payload))
        continue
      }
      return event
    }
  }

  /// What has come already; nil when nothing has.
  public func nextWithoutWaiting() throws -> TestEvent? {
    while true {
      if offset == input.count {
        switch try socket.readWithoutWaiting() {
        case nil: return nil
        case .bytes(let bytes):
          input = bytes
          offset = 0
        case .end: return .end
        case .reset: return .reset
        }
      }
      guard let event = try readEvent() else { continue }
      if case .ping(let payload) = event, answersPings {
        try socket.write(Self.frame(.pong, payload))
        continue
      }
      return event
    }
  }

  /// Waits for a text message.
  public func text() throws -> String {
    let event = try next()
    guard case .text(let text) = event else { throw TestFailure("instead of text came \(event)") }
    return text
  }

  /// Waits for so many text messages.
  public func texts(_ count: Int) throws -> [String] {
    try (0..<count).map { _ in try text() }
  }

  /// Sends requests and waits for as many messages; the last of them.
  @discardableResult
  public func ask(_ request: String) throws -> String {
    try send(request)
    return try text()
  }

  /// Reads everything up to the end of the connection; a close frame is answered, once.
  public func eventsToEnd() throws -> [TestEvent] {
    var events: [TestEvent] = []
    while true {
      let event = try next()
      events.append(event)
      if event == .end || event == .reset { return events }
      if case .close(let code, _) = event, !hasSentClose { try? sendClose(code) }
    }
  }

  /// Makes sure that nothing else is on its way: a ping's answer must be what comes next.
  public func nothingCame() throws -> Bool {
    try ask(#"{"type":"ping","id":"fence"}"#) == #"{"type":"pong","id":"fence"}"#
  }

  /// Closes with 1000 and waits for the answer and the end.
  public func close() throws {
    try sendClose(1000)
    while true {
      switch try next() {
      case .end, .reset: return socket.close()
      default: continue
      }
    }
  }

  private func readEvent() throws -> TestEvent? {
    var bytes: [UInt8] = []
    swap(&bytes, &input)
    defer { swap(&bytes, &input) }
    var place = offset
    defer { offset = place }
    var span = bytes.mutableSpan
    let step = try reader.next(&span, at: &place, inflater: &inflater)
    switch step {
    case .needMore: return nil
    case .message(.text, let payload):
      return .text(String(decoding: content(of: payload, in: span.span), as: UTF8.self))
    case .message(.binary, let payload): return .binary(content(of: payload, in: span.span))
    case .ping(let payload): return .ping(content(of: payload, in: span.span))
    case .pong(let payload): return .pong(content(of: payload, in: span.span))
    case .close(let code, let reason):
      return .close(
        code, String(decoding: content(of: reason, in: span.span), as: UTF8.self))
    }
  }

  private func content(of payload: Payload, in input: borrowing Span<UInt8>) -> [UInt8] {
    switch payload {
    case .assembled: return reader.assembled
    case .inInput(let range):
      return input.extracting(range).withUnsafeBufferPointer { Array($0) }
    }
  }
}
