// One connection of a client, from a name to frames: addresses tried in turn, a proxy's CONNECT, TLS, the
// upgrade, then messages both ways until one side closes. It never decides to come back.

import RoostCrypto
import RoostDeflate
import RoostEventLoop
import RoostHTTP
import RoostWebSocket
import RoostWire

/// A connection.
///
/// Owner: the loop's thread. It tells its driver once how it ended and is the loop's alone from then on,
/// until the other side has seen the end, too.
final class ClientTransport {
  /// How far it is.
  enum Stage {
    /// The host's name is looked up.
    case looking
    /// TCP.
    case connecting
    /// The proxy was asked for a way.
    case proxying
    /// TLS.
    case securing
    /// The upgrade was asked for.
    case upgrading
    /// Messages go both ways.
    case open
    /// One side has closed, the other follows.
    case closing
    case ended
  }

  /// How long one end waits for the other's close.
  static let closeTimeout = Duration.seconds(5)
  /// The time for all addresses together; the machine gives up soon after.
  static let connectTimeout = ClientMachine.connectTimeout
  /// Bytes of the head of an answer.
  static let headBytesMax = 16_384
  /// Bytes that may wait for the socket: more than all calls that may wait, and its own pongs.
  static let outputBytesMax = 32 << 20
  /// Reads in one go, before other connections have their turn.
  static let readsMax = 32

  let token: UInt64
  let gear: ClientGear
  let plan: DialPlan
  /// What the machine calls this connection.
  let link: ClientLink
  let bearer: String?
  /// With which it takes another connection's place; told to the server only.
  let ticket: String?
  /// Nil once it was told the end.
  weak var driver: ClientDriver?

  var stage = Stage.looking
  var socket: Descriptor?
  var session: TLSSession?
  var addresses: [SocketAddress] = []
  var deadline: MonotonicInstant
  var attemptDeadline = MonotonicInstant.distantFuture

  // Bytes to send, as plaintext.
  var output = ByteQueue()
  var isDirty = false
  var isWatchedForWriting = false

  // What comes in.
  var head: [UInt8] = []
  var scanner = ClientTransport.makeScanner()
  var handshake: ClientHandshake?
  var reader = MessageReader(role: .client, messageBytesMax: 0, deflate: nil)
  var agreement: DeflateAgreement?
  var closing = CloseHandshake(role: .client)

  init(
    _ plan: DialPlan, _ link: ClientLink, bearer: String?, ticket: String?,
    _ driver: ClientDriver, _ gear: ClientGear, now: MonotonicInstant
  ) {
    token = gear.makeToken()
    self.plan = plan
    self.link = link
    self.bearer = bearer
    self.ticket = ticket
    self.driver = driver
    self.gear = gear
    deadline = now.advanced(by: Self.connectTimeout)
  }

  static func makeScanner() -> HeadScanner {
    HeadScanner(
      requestLineBytesMax: headBytesMax / 2, headBytesMax: headBytesMax, fieldsMax: 100)
  }

  // MARK: Beginning

  /// Begins to connect.
  func begin(_ now: MonotonicInstant) {
    let host = plan.proxy?.host ?? plan.url.host
    let port = plan.proxy?.port ?? plan.url.port
    let text = host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    if let address = SocketAddress(text: text) {
      addresses = [address]
      return connectNext(now)
    }
    do throws(Errno) {
      try gear.look(up: host, port: port, for: token)
    } catch {
      fail("no thread to look \(host) up: \(error)", now)
    }
  }

  /// The host's name was looked up.
  func looked(up answer: HostAnswer, _ now: MonotonicInstant) {
    guard case .looking = stage else { return }
    switch answer {
    case .addresses(let found):
      addresses = found
      connectNext(now)
    case .failed(let reason): fail(reason, now)
    }
  }

  private func connectNext(_ now: MonotonicInstant, after reason: String = "no address") {
    socket = nil
    isWatchedForWriting = false
    var reason = reason
    while !addresses.isEmpty {
      let share = deadline.since(now) / addresses.count
      let address = addresses.removeFirst()
      do throws(Errno) {
        let descriptor = try Socket.beginConnecting(
          to: address, keepAlive: KeepAlive(idleSeconds: 30, intervalSeconds: 10, probes: 3))
        try gear.poller.add(descriptor.number, .writable, token: token)
        socket = consume descriptor
        stage = .connecting
        attemptDeadline = addresses.isEmpty ? .distantFuture : now.advanced(by: share)
        if !addresses.isEmpty { gear.schedule(token, at: attemptDeadline) }
        return
      } catch {
        reason = "\(address): \(error)"
      }
    }
    fail(reason, now)
  }

  private func finishConnecting(_ now: MonotonicInstant) {
    let outcome =
      switch socket {
      case .some(let descriptor): Socket.connectOutcome(of: descriptor)
      case .none: ConnectOutcome.pending
      }
    switch outcome {
    case .pending: return
    case .failed(let error): connectNext(now, after: "\(error)")
    case .connected:
      attemptDeadline = .distantFuture
      addresses = []
      watch(forWriting: false)
      guard let proxy = plan.proxy else { return secure(now) }
      stage = .proxying
      send(proxy.request(for: plan.url))
    }
  }

  private func secure(_ now: MonotonicInstant) {
    guard let trust = plan.trust else { return upgrade(now) }
    do throws(TLSFailure) {
      session = try TLSSession(try gear.context(trust), serverName: plan.url.host)
    } catch {
      return fail(error.description, now)
    }
    stage = .securing
    continueHandshake(now)
  }

  /// Goes on with the handshake of TLS.
  func continueHandshake(_ now: MonotonicInstant) {
    let outcome = session?.handshake() ?? .ended
    // Whatever it came to, the peer is told.
    markDirty()
    switch outcome {
    case .done: upgrade(now)
    case .needsInput, .needsDrain: break
    case .ended: fail("the server has ended in the handshake of TLS", now)
    case .failed(let failure):
      flush(now)
      fail(failure.description, now)
    }
  }

  private func upgrade(_ now: MonotonicInstant) {
    var key = [UInt8](repeating: 0, count: 16)
    RandomBytes.fill(&key)
    var fields = plan.fields.map { ($0.name, $0.value) }
    if let bearer { fields.append(("Authorization", "Bearer \(bearer)")) }
    do throws(HandshakeViolation) {
      let made = try ClientHandshake(
        host: plan.url.hostField, path: plan.url.path, key: key,
        subprotocols: ["roost.v1.json", BinaryMessage.midOffer]
          + (ticket.map { ["roost.ticket.\($0)"] } ?? []),
        deflate: plan.offersCompression ? .eachMessageByItself : .disabled, extraFields: fields)
      handshake = made
      stage = .upgrading
      send(made.requestBytes)
    } catch {
      fail("the request cannot be written: \(error)", now)
    }
  }

  // MARK: Events of the loop

  /// The socket can be read or written.
  func ready(_ readiness: Readiness, _ now: MonotonicInstant) {
    if case .connecting = stage { return finishConnecting(now) }
    if readiness.isReadable { read(now) }
    if readiness.isWritable { markDirty() }
  }

  /// A timer of this connection is due, or was once.
  func expire(_ now: MonotonicInstant) {
    switch stage {
    case .connecting where now >= attemptDeadline && !addresses.isEmpty:
      connectNext(now, after: "no answer in time")
    case .closing where now >= deadline: end()
    // The machine gives a connection up that does not come about.
    default: break
    }
  }

  /// It ended without having come about, or in the middle: the driver is told, once.
  func fail(_ reason: String, _ now: MonotonicInstant) {
    let driver = driver
    self.driver = nil
    end()
    driver?.ended(link, code: 1006, reason: reason, now)
  }

  /// Closes the socket.
  func end() {
    guard socket != nil || gear.transports[token] != nil else { return }
    stage = .ended
    driver = nil
    session = nil
    // Tokens are never used twice, so a report that is on its way meets nobody.
    socket = nil
    output.removeAll()
    gear.transports[token] = nil
  }

  // MARK: Heads

  /// A piece of a proxy's or the server's answer.
  func receiveHead(_ bytes: borrowing Span<UInt8>, _ now: MonotonicInstant) {
    bytes.withUnsafeBufferPointer { head.append(contentsOf: $0) }
    do {
      guard case .complete(let count) = try scanner.scan(head.span) else { return }
      let answer = try ResponseHead(
        parsing: head.span.extracting(0..<count), requestLineBytesMax: Self.headBytesMax / 2,
        headBytesMax: Self.headBytesMax, fieldsMax: 100)
      let rest = Array(head[count...])
      head = []
      scanner = Self.makeScanner()
      // § RFC 9110 15.2: an interim answer is followed by another one.
      if answer.status < 200, answer.status != 101 { return receiveRest(rest, now) }
      if case .proxying = stage { return proxied(answer, rest, now) }
      upgraded(answer, rest, now)
    } catch {
      fail("the answer is not HTTP: \(error)", now)
    }
  }

  private func receiveRest(_ rest: [UInt8], _ now: MonotonicInstant) {
    if !rest.isEmpty { receiveHead(rest.span, now) }
  }

  private func proxied(_ answer: ResponseHead, _ rest: [UInt8], _ now: MonotonicInstant) {
    guard (200...299).contains(answer.status) else {
      return fail("the proxy answered \(answer.status)", now)
    }
    // A server that speaks before it is spoken to is none of HTTP or TLS.
    guard rest.isEmpty else { return fail("bytes came behind the proxy's answer", now) }
    secure(now)
  }

  private func upgraded(_ answer: ResponseHead, _ rest: [UInt8], _ now: MonotonicInstant) {
    guard let handshake else { return fail("an answer to nothing", now) }
    do throws(HandshakeViolation) {
      let result = try handshake.verify(answer)
      agreement = result.deflate
      reader = MessageReader(
        role: .client, messageBytesMax: plan.messageBytesMax, deflate: agreement)
      self.handshake = nil
      stage = .open
    } catch .statusUnexpected(let status) {
      let driver = driver
      self.driver = nil
      let seconds = answer.fields.value(of: "Retry-After").flatMap { Int64($0) }
      let retryAfter = seconds.flatMap { (0...86_400).contains($0) ? Duration.seconds($0) : nil }
      end()
      driver?.refused(link, status: status, retryAfter: retryAfter, now)
      return
    } catch {
      return fail("the server's handshake is wrong: \(error)", now)
    }
    guard !rest.isEmpty else { return }
    var bytes = rest
    var span = bytes.mutableSpan
    receiveFrames(&span, now)
  }
}
