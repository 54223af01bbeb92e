// One connection of a client of the harness: TCP, TLS for some, the upgrade, frames. Slimmer than the
// client library's own, because there are tens of thousands: one address, no proxy, and it never
// decides anything.

import RoostCrypto
import RoostDeflate
import RoostEventLoop
import RoostHTTP
import RoostWebSocket

/// What a connection came to in one read.
enum ConnectionEnd: Equatable {
  /// It goes on.
  case none
  /// The upgrade was answered with another status.
  case refused(status: Int, retryAfter: Duration?)
  /// It has ended, with the close code that came or 1006.
  case closed(code: UInt16, reason: String)
}

/// A connection.
///
/// Owner: the engine's thread.
final class SoakConnection {
  enum Stage {
    case connecting, securing, upgrading, open, closing
  }

  static let headBytesMax = 16_384
  static let messageBytesMax = 1 << 20

  /// Names the connection at the poller: the client and a number that no earlier one of it had.
  let token: UInt64
  private let socket: Descriptor
  private(set) var stage = Stage.connecting
  /// Who may vouch for the node; nil for a plain connection.
  private let trust: TLSContext?
  /// What its certificate must be for.
  private let serverName: String
  private var session: TLSSession?
  /// Why the node's certificate was not taken.
  private(set) var distrust: String?
  private var output = ByteQueue()
  private(set) var isWatchedForWriting = true
  /// Whether the poller tells when there is something to read.
  private(set) var isReading = true

  private var head: [UInt8] = []
  private var scanner = HeadScanner(
    requestLineBytesMax: headBytesMax / 2, headBytesMax: headBytesMax, fieldsMax: 100)
  private var handshake: ClientHandshake
  private var reader = MessageReader(role: .client, messageBytesMax: 0, deflate: nil)
  private var closing = CloseHandshake(role: .client)

  /// Begins to connect; throws what the system says.
  ///
  /// - Parameter trust: who may vouch for the node, whose certificate must have its address.
  init(
    to address: SocketAddress, path: String, ticket: String?, token: UInt64, _ poller: Poller,
    smallBuffer: Bool, offersCompression: Bool, trust: TLSContext? = nil
  ) throws(Errno) {
    self.token = token
    self.trust = trust
    serverName = address.hostText
    var key = [UInt8](repeating: 0, count: 16)
    RandomBytes.fill(&key)
    do throws(HandshakeViolation) {
      handshake = try ClientHandshake(
        host: "\(address)", path: path, key: key,
        subprotocols: ["roost.v1.json"] + (ticket.map { ["roost.ticket.\($0)"] } ?? []),
        deflate: offersCompression ? .eachMessageByItself : .disabled, extraFields: [])
    } catch {
      preconditionFailure("the upgrade cannot be written: \(error)")
    }
    socket = try Socket.beginConnecting(
      to: address, keepAlive: KeepAlive(idleSeconds: 30, intervalSeconds: 10, probes: 3))
    if smallBuffer { SocketOption.setReceiveBuffer(socket.number, bytes: 4096) }
    try poller.add(socket.number, .writable, token: token)
  }

  var isOpen: Bool { stage == .open }
  var isSecured: Bool { trust != nil }

  // MARK: Out

  /// Queues a message.
  func send(_ opcode: Opcode, _ payload: borrowing Span<UInt8>, mask: UInt32) {
    guard stage == .open, closing.maySend else { return }
    sendRaw(FrameEncoder.frame(opcode: opcode, payload: payload, maskingKey: mask))
  }

  /// Queues bytes as they are.
  func sendRaw(_ bytes: [UInt8]) {
    // A node that does not read for so long is cut by the flush below, sooner or later.
    guard output.count < 64 << 20 else { return }
    bytes.withUnsafeBytes { output.append($0) }
  }

  /// Begins to close in order.
  func close(code: UInt16, mask: UInt32) {
    guard stage == .open, case .sendClose(let sent) = closing.close(code: code) else { return }
    sendClose(sent, mask)
    stage = .closing
  }

  private func sendClose(_ code: UInt16?, _ mask: UInt32) {
    let payload: [UInt8] = code.map { FrameEncoder.closePayload(code: $0, reason: "") } ?? []
    sendRaw(FrameEncoder.frame(opcode: .close, payload: payload.span, maskingKey: mask))
  }

  /// Sends what is queued, as far as the socket takes it; false when the connection has failed.
  func flush(_ poller: Poller) -> Bool {
    guard stage != .connecting else { return true }
    switch trust == nil ? sendPlain() : sendSecured() {
    case .bytes: watch(poller, forWriting: false)
    case .wouldBlock: watch(poller, forWriting: true)
    case .endOfStream, .failed: return false
    }
    return true
  }

  private func sendPlain() -> IOOutcome {
    while !output.isEmpty {
      switch output.withBytes({ Syscalls.send(socket.number, $0) }) {
      case .bytes(let count): output.removeFirst(count)
      case let outcome: return outcome
      }
    }
    return .bytes(0)
  }

  private func sendSecured() -> IOOutcome {
    while true {
      while (session?.outgoingBytes ?? 0) > 0 {
        let outcome = session?.send { bytes in
          let outcome = Syscalls.send(socket.number, bytes)
          guard case .bytes(let count) = outcome else { return (outcome, 0) }
          return (outcome, count)
        }
        guard case .bytes? = outcome else { return outcome ?? .bytes(0) }
      }
      guard !output.isEmpty, session?.isReady == true else { return .bytes(0) }
      let outcome = output.withBytes { session?.write(Span(_unsafeBytes: $0)) ?? .ended }
      guard case .done(let count) = outcome else { return .bytes(0) }
      output.removeFirst(count)
    }
  }

  private func watch(_ poller: Poller, forWriting: Bool) {
    guard forWriting != isWatchedForWriting else { return }
    isWatchedForWriting = forWriting
    modify(poller)
  }

  /// Stops or begins to read.
  func setReading(_ isReading: Bool, _ poller: Poller) {
    guard isReading != self.isReading else { return }
    self.isReading = isReading
    if stage != .connecting { modify(poller) }
  }

  private func modify(_ poller: Poller) {
    var interest: Interest = isReading ? .readable : []
    if isWatchedForWriting { interest.insert(.writable) }
    poller.modify(socket.number, interest, token: token)
  }

  // MARK: In

  /// TCP may be there: asks for the upgrade.
  func finishConnecting(_ poller: Poller) -> ConnectionEnd {
    switch Socket.connectOutcome(of: socket) {
    case .pending: return .none
    case .failed(let error): return .closed(code: 1006, reason: "\(error)")
    case .connected:
      if let trust {
        stage = .securing
        do throws(TLSFailure) {
          session = try TLSSession(trust, serverName: serverName)
        } catch {
          return .closed(code: 1006, reason: error.description)
        }
        if let end = secure() { return end }
      } else {
        upgrade()
      }
      // Both are asked for until the request has left.
      modify(poller)
      return flush(poller) ? .none : .closed(code: 1006, reason: "the connection was reset")
    }
  }

  private func upgrade() {
    stage = .upgrading
    sendRaw(handshake.requestBytes)
  }

  /// Goes on with the handshake of TLS; gives the end where it comes to one.
  private func secure() -> ConnectionEnd? {
    switch session?.handshake() ?? .ended {
    case .done: upgrade()
    case .needsInput, .needsDrain: break
    case .ended: return .closed(code: 1006, reason: "the node ended in the handshake of TLS")
    case .failed(let failure):
      if case .certificate(let reason) = failure { distrust = reason }
      return .closed(code: 1006, reason: failure.description)
    }
    return nil
  }

  /// Reads once into a buffer that all connections share; `take` gets each message.
  ///
  /// - Parameter mask: makes the mask of an answer.
  func read(
    into buffer: UnsafeMutableRawBufferPointer, _ inflater: inout Inflater, mask: () -> UInt32,
    take: (MessageKind, borrowing Span<UInt8>) -> Void
  ) -> ConnectionEnd {
    // What TLS takes is at least a record, which is more than it leaves behind.
    let room = trust == nil ? buffer.count : min(session?.inputRoom ?? 0, buffer.count)
    let part = UnsafeMutableRawBufferPointer(rebasing: buffer[..<room])
    switch Syscalls.receive(socket.number, into: part) {
    case .wouldBlock: return .none
    case .endOfStream: return .closed(code: 1006, reason: "the node ended the connection")
    case .failed(let error): return .closed(code: 1006, reason: "\(error)")
    case .bytes(let count):
      let bytes = UnsafeMutableRawBufferPointer(rebasing: buffer[..<count])
      guard trust != nil else { return receive(bytes, &inflater, mask, take) }
      let taken = session?.feed(Span(_unsafeBytes: UnsafeRawBufferPointer(bytes))) ?? 0
      precondition(taken == count, "TLS took \(taken) of \(count) bytes")
      return receiveSecured(buffer, &inflater, mask, take)
    }
  }

  /// All plaintext that there is: nothing tells of what TLS holds back.
  private func receiveSecured(
    _ buffer: UnsafeMutableRawBufferPointer, _ inflater: inout Inflater, _ mask: () -> UInt32,
    _ take: (MessageKind, borrowing Span<UInt8>) -> Void
  ) -> ConnectionEnd {
    if stage == .securing {
      if let end = secure() { return end }
      guard stage != .securing else { return .none }
    }
    while true {
      switch session?.read(into: buffer) ?? .ended {
      case .done(let count):
        let bytes = UnsafeMutableRawBufferPointer(rebasing: buffer[..<count])
        let end = receive(bytes, &inflater, mask, take)
        guard end == .none else { return end }
      case .needsInput, .needsDrain: return .none
      case .ended: return .closed(code: 1006, reason: "the node ended TLS")
      case .failed(let failure): return .closed(code: 1006, reason: failure.description)
      }
    }
  }

  private func receive(
    _ bytes: UnsafeMutableRawBufferPointer, _ inflater: inout Inflater, _ mask: () -> UInt32,
    _ take: (MessageKind, borrowing Span<UInt8>) -> Void
  ) -> ConnectionEnd {
    if stage == .upgrading { return receiveHead(Array(bytes), &inflater, mask, take) }
    var span = MutableSpan(_unsafeElements: bytes.assumingMemoryBound(to: UInt8.self))
    return receiveFrames(&span, &inflater, mask, take)
  }

  private func receiveHead(
    _ bytes: [UInt8], _ inflater: inout Inflater, _ mask: () -> UInt32,
    _ take: (MessageKind, borrowing Span<UInt8>) -> Void
  ) -> ConnectionEnd {
    head += bytes
    let whole = head
    do {
      guard case .complete(let count) = try scanner.scan(whole.span) else { return .none }
      let answer = try ResponseHead(
        parsing: whole.span.extracting(0..<count), requestLineBytesMax: Self.headBytesMax / 2,
        headBytesMax: Self.headBytesMax, fieldsMax: 100)
      guard answer.status == 101 else {
        let seconds = answer.fields.value(of: "Retry-After").flatMap { Int64($0) }
        return .refused(
          status: answer.status,
          retryAfter: seconds.map { Duration.seconds(min(max($0, 0), 3600)) })
      }
      let result = try handshake.verify(answer)
      reader = MessageReader(
        role: .client, messageBytesMax: Self.messageBytesMax, deflate: result.deflate)
      stage = .open
      var rest = Array(whole[count...])
      head = []
      guard !rest.isEmpty else { return .none }
      var span = rest.mutableSpan
      return receiveFrames(&span, &inflater, mask, take)
    } catch {
      return .closed(code: 1006, reason: "the answer to the upgrade is wrong: \(error)")
    }
  }

  private func receiveFrames(
    _ input: inout MutableSpan<UInt8>, _ inflater: inout Inflater, _ mask: () -> UInt32,
    _ take: (MessageKind, borrowing Span<UInt8>) -> Void
  ) -> ConnectionEnd {
    var offset = 0
    while true {
      let step: ReadStep
      do throws(WebSocketViolation) {
        step = try reader.next(&input, at: &offset, inflater: &inflater)
      } catch {
        return .closed(code: 1006, reason: "a frame is wrong: \(error.reason)")
      }
      switch step {
      case .needMore: return .none
      case .message(let kind, .inInput(let range)): take(kind, input.span.extracting(range))
      case .message(let kind, .assembled):
        let bytes = reader.takeAssembled()
        take(kind, bytes.span)
      case .ping(let payload):
        let answer = content(of: payload, input.span)
        send(.pong, answer.span, mask: mask())
      case .pong: break
      case .close(let code, let reason):
        let text = String(decoding: content(of: reason, input.span), as: UTF8.self)
        if case .sendClose(let answer) = closing.received(code: code) {
          sendClose(answer, mask())
        }
        return .closed(code: code ?? CloseCode.noCode, reason: text)
      }
    }
  }

  private func content(of payload: Payload, _ input: borrowing Span<UInt8>) -> [UInt8] {
    switch payload {
    case .assembled: reader.assembled
    case .inInput(let range): input.extracting(range).withUnsafeBufferPointer { Array($0) }
    }
  }
}
