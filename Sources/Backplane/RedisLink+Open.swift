// From an address to a link that is logged in: connecting to one address after the other, the TLS
// handshake, and AUTH, SELECT and CLIENT SETNAME in one go.

import RoostCrypto
import RoostEventLoop

extension RedisLink {
  /// Begins to connect to the first of the addresses that can be tried; why there is none.
  ///
  /// Each gets its share of the time that is left, so that one that never answers does not take it
  /// from the others.
  mutating func connectNext(_ now: MonotonicInstant) -> Loss? {
    var last = Loss.timeout(.connecting)
    socket = nil
    interest = []
    while !addresses.isEmpty {
      let share = deadline.since(now) / addresses.count
      let address = addresses.removeFirst()
      do {
        state = .connecting
        attemptDeadline = now.advanced(by: share)
        try watch(try Socket.beginConnecting(to: address, keepAlive: limits.keepAlive))
        return nil
      } catch {
        last = .connect(error)
      }
    }
    return last
  }

  /// Takes a socket over and waits for it to become writable.
  mutating func watch(_ descriptor: consuming Descriptor) throws(Errno) {
    try poller.add(descriptor.number, .writable, token: token)
    interest = .writable
    socket = consume descriptor
  }

  /// The socket of an attempt was reported.
  mutating func finishConnecting(_ now: MonotonicInstant) -> Event? {
    switch connectOutcome() {
    case .pending: return nil
    case .failed(let errno):
      if !addresses.isEmpty, now < deadline { return connectNext(now).map { lose($0) } }
      return lose(.connect(errno))
    case .connected:
      addresses = []
      deadline = now.advanced(by: limits.loginTimeout)
      guard let security, case .tcp(let host, _, _) = endpoint.place else {
        return enter()
      }
      do {
        session = try TLSSession(security, serverName: host)
      } catch {
        return lose(.tls(error.description))
      }
      state = .securing
      return secure()
    }
  }

  private func connectOutcome() -> ConnectOutcome {
    switch socket {
    case .some(let descriptor): Socket.connectOutcome(of: descriptor)
    case .none: .pending
    }
  }

  /// Goes on with the TLS handshake.
  mutating func secure() -> Event? {
    while true {
      let outcome = session?.handshake() ?? .ended
      // Whatever it came to, the peer is told: that is how it learns why we refuse.
      session?.drain(into: &ciphertext, most: TLSSession.outputBytesMax)
      let sent = sendCiphertext()
      switch outcome {
      case .done: return enter()
      case .failed(let failure): return lose(.tls(failure.description))
      case .ended: return lose(.closedByPeer)
      case .needsDrain, .needsInput: break
      }
      if let sent { return lose(sent) }
      switch receiveCiphertext() {
      case .bytes: continue
      case .nothing: return nil
      case .lost(let loss): return lose(loss)
      }
    }
  }

  /// Sends everything that logging in takes.
  private mutating func enter() -> Event? {
    state = .entering
    output.removeAll(keepingCapacity: true)
    sentBytes = 0
    login = RedisLogin(endpoint, clientName: clientName)
    login.write(to: &output)
    if let loss = send() {
      // A Redis that refuses us at once, as one with too many clients does, has said why.
      return takeLogin(after: loss)
    }
    return session == nil ? nil : takeLogin()
  }

  /// Reads what has come and looks for the answers; `loss` is what went wrong before.
  mutating func takeLogin(after loss: Loss? = nil) -> Event? {
    let end = receive() ?? loss
    while true {
      do {
        guard try reader.next(into: &login.reply) else { break }
      } catch {
        return lose(.protocolViolation(error.description))
      }
      switch login.judge() {
      case .goesOn: continue
      case .isDone:
        state = .open
        deadline = .distantFuture
        // One event at a time: an end that came with the last answer is told next.
        untold = end
        return .opened
      case .refused(let loss): return lose(loss)
      }
    }
    guard let end else { return nil }
    // A Redis with too many clients answers whatever comes first with its reason, then ends.
    if end == .closedByPeer, let words = login.tolerated { return lose(.refused(words)) }
    return lose(end)
  }
}

/// The commands that open a link, and what to make of their answers.
struct RedisLogin {
  /// What an answer means.
  enum Verdict: Equatable {
    case goesOn
    case isDone
    case refused(RedisLinkLoss)
  }

  private enum Command {
    case authenticate(user: String?, password: String)
    case select(Int)
    case setName(String)
    case ping
  }

  /// The reply to be judged.
  var reply = RedisReply()
  private var commands: [Command] = []
  private var answered = 0
  /// The last error that was no reason to give up.
  private(set) var tolerated: String?

  init() {}

  init(_ endpoint: RedisEndpoint, clientName: String) {
    if endpoint.user != nil || endpoint.password != nil {
      commands.append(.authenticate(user: endpoint.user, password: endpoint.password ?? ""))
    }
    if endpoint.database != 0 { commands.append(.select(endpoint.database)) }
    if !clientName.isEmpty { commands.append(.setName(clientName)) }
    // The last answer tells whether commands are taken at all: not while Redis loads its data.
    commands.append(.ping)
  }

  func write(to output: inout [UInt8]) {
    for command in commands {
      switch command {
      case .authenticate(let user, let password):
        RedisCommandWriter.begin(user == nil ? 2 : 3, to: &output)
        RedisCommandWriter.argument("AUTH", to: &output)
        if let user { RedisCommandWriter.argument(text: user, to: &output) }
        RedisCommandWriter.argument(text: password, to: &output)
      case .select(let database):
        RedisCommandWriter.begin(2, to: &output)
        RedisCommandWriter.argument("SELECT", to: &output)
        RedisCommandWriter.argument(database, to: &output)
      case .setName(let name):
        RedisCommandWriter.begin(3, to: &output)
        RedisCommandWriter.argument("CLIENT", to: &output)
        RedisCommandWriter.argument("SETNAME", to: &output)
        RedisCommandWriter.argument(text: name, to: &output)
      case .ping:
        RedisCommandWriter.begin(1, to: &output)
        RedisCommandWriter.argument("PING", to: &output)
      }
    }
  }

  /// Judges `reply` as the answer to the next command.
  mutating func judge() -> Verdict {
    let command = commands[answered]
    answered += 1
    switch reply.kind(0) {
    case .status: break
    case .error:
      let words = String(reply.string(0).prefix(200))
      switch (command, reply.errorCode) {
      // A name is only for people, and a ping only a question: a user who may neither is no harm.
      case (.setName, "NOPERM"), (.setName, "ERR"), (.ping, "NOPERM"): tolerated = words
      default: return .refused(.refused(words))
      }
    case .integer, .bulk, .null, .array:
      return .refused(
        .protocolViolation("an answer to logging in is neither a status nor an error"))
    }
    return answered == commands.count ? .isDone : .goesOn
  }
}
