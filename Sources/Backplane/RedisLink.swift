// One connection to one Redis: looked up, connected, encrypted, logged in, read and written without
// ever waiting, on its owner's loop. What is said over it, and when to try again, is the owner's.

public import RoostCrypto
public import RoostEventLoop

/// A connection to a Redis.
///
/// Owner: one loop, on its thread. The owner passes every event of the poller's with the link's
/// token to `ready`, calls `expire` in each tick (deadlines, and the answer of a lookup, for which
/// the wakeup is woken) and `flush` at its end. Commands are appended to `output` while `isOpen`;
/// replies are taken with `nextReply` after each `ready` until it says false.
public struct RedisLink: ~Copyable {
  /// Why a link ended.
  public typealias Loss = RedisLinkLoss

  /// What happened to a link.
  public enum Event: Sendable, Equatable {
    /// It is logged in: commands may be sent.
    case opened
    /// It ended and is closed; `open` may be called again. Replies that had come were there first.
    case lost(Loss)
  }

  enum State: Equatable {
    case closed
    case resolving
    case connecting
    case securing
    case entering
    case open
  }

  /// Where it leads.
  public let endpoint: RedisEndpoint
  let security: TLSContext?
  let clientName: String
  let limits: RedisLinkLimits

  // The owner's loop.
  let poller: Poller
  let token: UInt64
  let wakeup: Wakeup

  // How far it is, until when that may last, and what was wrong before anybody could be told.
  var state = State.closed
  var deadline = MonotonicInstant.distantFuture
  var attemptDeadline = MonotonicInstant.distantFuture
  var untold: Loss?
  var hasWaitedForOwner = false
  var login = RedisLogin()

  // The way there: a question that may outlive an attempt, and the addresses not tried yet.
  var lookup: HostLookup?
  var addresses: [SocketAddress] = []

  // The connection.
  var socket: Descriptor?
  var session: TLSSession?
  var interest: Interest = []
  var isBlocked = false

  /// Commands for the Redis; appended by the owner, sent by `flush`.
  public var output: [UInt8] = []
  var sentBytes = 0
  var ciphertext: [UInt8] = []
  var sentCiphertext = 0
  var received: [UInt8] = []
  var reader: RedisReplyReader

  /// Bytes that came over the network since the link was made, TLS's own included.
  public internal(set) var bytesReceived: UInt64 = 0
  /// Bytes that the kernel took for the network since the link was made, TLS's own included.
  public internal(set) var bytesSent: UInt64 = 0
  /// Why the link ended last; nil before it did for the first time.
  public internal(set) var loss: Loss?

  /// A closed link.
  ///
  /// - Parameter security: for an encrypted endpoint, and only for one, a client's context.
  /// - Parameter clientName: shown by CLIENT LIST; printable ASCII without spaces, may be empty.
  /// - Parameter token: with which the poller reports the link's socket.
  /// - Parameter wakeup: woken from another thread when a lookup has its answer.
  public init(
    endpoint: RedisEndpoint, security: TLSContext?, clientName: String, limits: RedisLinkLimits,
    poller: Poller, token: UInt64, wakeup: Wakeup
  ) {
    precondition((security != nil) == endpoint.isEncrypted, "TLS for \(endpoint)?")
    self.endpoint = endpoint
    self.security = security
    self.clientName = clientName
    self.limits = limits
    self.poller = poller
    self.token = token
    self.wakeup = wakeup
    reader = Self.reader(limits)
  }

  static func reader(_ limits: RedisLinkLimits) -> RedisReplyReader {
    RedisReplyReader(replyBytesMax: limits.replyBytesMax, tokensMax: limits.replyTokensMax)
  }

  /// Whether it is logged in.
  public var isOpen: Bool { state == .open }

  /// Whether there is nothing to close: `open` may be called.
  public var isClosed: Bool { state == .closed && untold == nil }

  /// Bytes that wait for the socket.
  public var unsentBytes: Int { output.count - sentBytes + ciphertext.count - sentCiphertext }

  /// When `expire` has something to do at the latest; nil while nothing is due.
  public func nextDeadline() -> MonotonicInstant? {
    if untold != nil { return .zero }
    switch state {
    case .closed, .open: return nil
    case .resolving, .securing, .entering: return deadline
    case .connecting: return min(attemptDeadline, deadline)
    }
  }

  /// Begins to open a closed link; what comes of it is told by `ready` or `expire`.
  public mutating func open(at now: MonotonicInstant) {
    precondition(isClosed, "a link that is \(state) cannot be opened")
    reader = Self.reader(limits)
    output.removeAll()
    sentBytes = 0
    deadline = now.advanced(by: limits.connectTimeout)
    switch endpoint.place {
    case .unix(let path):
      state = .connecting
      attemptDeadline = deadline
      do {
        try watch(try Socket.beginConnecting(toPath: path))
      } catch {
        untold = .connect(error)
      }
    case .tcp(let host, let port, _):
      let text = host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]:\(port)" : "\(host):\(port)"
      if let address = SocketAddress(text: text), host != "localhost" {
        addresses = [address]
        untold = connectNext(now)
        return
      }
      state = .resolving
      // One that nobody waited for any longer may still be on its way: never more than one thread.
      // An answer that came meanwhile is old, and nobody will be woken for it again.
      if lookup != nil, lookup?.answer() == nil { return }
      do {
        lookup = try HostLookup(host: host, port: port, wakeup: wakeup)
      } catch {
        untold = .resolve("\(error)")
      }
    }
  }

  /// Closes the link without an event; a closed one stays closed.
  ///
  /// What was not sent is dropped. `reason` is kept in `loss`.
  public mutating func close(_ reason: String) {
    guard !isClosed else { return }
    if state == .open, session != nil {
      session?.end()
      session?.drain(into: &ciphertext, most: TLSSession.outputBytesMax)
      _ = sendCiphertext()
    }
    tearDown(.closed(reason))
  }

  /// Deals with deadlines and with the answer of a lookup.
  public mutating func expire(now: MonotonicInstant) -> Event? {
    if let untold {
      // Once, the owner gets a tick to take what came before the end.
      guard reader.waitingBytes == 0 || hasWaitedForOwner else {
        hasWaitedForOwner = true
        return nil
      }
      return lose(untold)
    }
    switch state {
    case .closed, .open: return nil
    case .resolving:
      if let answer = lookup?.answer() {
        lookup = nil
        switch answer {
        case .failed(let reason): return lose(.resolve(reason))
        case .addresses(let found):
          addresses = found
          return connectNext(now).map { lose($0) }
        }
      }
      return now < deadline ? nil : lose(.timeout(.resolving))
    case .connecting:
      guard now >= min(attemptDeadline, deadline) else { return nil }
      guard !addresses.isEmpty, now < deadline else { return lose(.timeout(.connecting)) }
      return connectNext(now).map { lose($0) }
    case .securing: return now < deadline ? nil : lose(.timeout(.securing))
    case .entering: return now < deadline ? nil : lose(.timeout(.entering))
    }
  }

  /// Takes the next reply; false when there is none yet.
  ///
  /// A violation leaves the link open: close it. A closed link has no replies.
  public mutating func nextReply(
    into reply: inout RedisReply
  ) throws(RedisProtocolViolation) -> Bool {
    guard state == .open else { return false }
    return try reader.next(into: &reply)
  }

  // MARK: Ending

  /// Ends the link now, or after the owner has taken the replies that came before the end.
  mutating func end(_ loss: Loss) -> Event? {
    guard state == .open, reader.waitingBytes > 0 else { return lose(loss) }
    untold = loss
    return nil
  }

  mutating func lose(_ loss: Loss) -> Event {
    tearDown(loss)
    return .lost(loss)
  }

  private mutating func tearDown(_ loss: Loss) {
    self.loss = loss
    untold = nil
    hasWaitedForOwner = false
    state = .closed
    addresses = []
    // What Redis would still read of it could undo what comes over the next link.
    if let number = socket?.number { Socket.resetsOnClose(number) }
    socket = nil
    session = nil
    interest = []
    isBlocked = false
    output = []
    sentBytes = 0
    ciphertext = []
    sentCiphertext = 0
    received = []
  }
}
