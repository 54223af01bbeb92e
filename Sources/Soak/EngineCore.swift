// What the clients' thread owns: the clients, the judge, the timers, the pace of publishes.
// Concerns have files of their own: connections, what comes in, publishing, clients that make
// trouble.

import RoostClient
import RoostCrypto
import RoostDeflate
import RoostEventLoop
import RoostRooms

struct EngineCore: ~Copyable {
  static let readBytes = 65_536
  /// Connections of one client of the library at a time: the one that it leaves, the one that it
  /// goes to, and one that ends.
  static let linksMax = 3

  let poller: Poller
  let mailbox: Mailbox<EngineLetter>
  let shared: Lock<EngineFigures>
  let scenario: Scenario
  let buffer: UnsafeMutableRawBufferPointer
  var inflater = Inflater(windowBits: 15)
  var wheel: TimerWheel
  var numbers: SeededNumbers
  var masks: SeededNumbers

  var judge: Judge
  var clients: [SoakClient] = []
  /// Clients of each room that publish.
  var publishers: [[Int]]
  var dirty: [SoakClient] = []
  var targets: [SocketAddress] = []
  var securedTargets: [SocketAddress] = []
  var trust: TLSContext?

  // The pace.
  var figures = EngineFigures()
  let start: MonotonicInstant
  var second = EngineSecond()
  var nextCopy = MonotonicInstant.zero
  var nextConnect = 0
  var connectsFrom: MonotonicInstant?
  var isPublishing = false
  var publishesFrom = MonotonicInstant.zero
  var publishesMade = 0
  var isCalm = false
  /// A proxy that looks into frames sees no compressed ones.
  var offersCompression = true
  var isStopped = false

  init(
    poller: Poller, mailbox: Mailbox<EngineLetter>, shared: Lock<EngineFigures>,
    _ scenario: Scenario, seed: UInt64, now: MonotonicInstant
  ) {
    self.poller = poller
    self.mailbox = mailbox
    self.shared = shared
    self.scenario = scenario
    start = now
    buffer = .allocate(byteCount: Self.readBytes, alignment: 16)
    buffer.initializeMemory(as: UInt8.self, repeating: 0)
    wheel = TimerWheel(now: now)
    numbers = SeededNumbers(seed: seed, stream: 2)
    masks = SeededNumbers(seed: seed, stream: 3)
    let rooms = scenario.roomList
    judge = Judge(rooms: rooms, historyMessages: scenario.historyMessages, findingsMax: 20)
    publishers = rooms.map { _ in [] }
    makeClients(rooms, seed)
  }

  deinit { buffer.deallocate() }

  private mutating func makeClients(_ rooms: [SoakRoom], _ seed: UInt64) {
    var observers = rooms.map { _ in 0 }
    for kind in ClientKind.allCases {
      for _ in 0..<scenario.clients[kind, default: 0] {
        let index = clients.count
        let room = index % rooms.count
        guard let name = RoomName(text: rooms[room].name) else { continue }
        let client = SoakClient(index: index, kind: kind, room: room, roomName: name, seed: seed)
        client.isSecured =
          (index + 1) * scenario.tlsPercent / 100 > index * scenario.tlsPercent / 100
        if kind.isJudged {
          // Who goes and comes or reads late sees too little of a room to be asked about it.
          let observes = client.publishes && observers[room] < PresenceBook.observersMax
          if observes { observers[room] += 1 }
          for _ in 0..<(kind == .ours ? Self.linksMax : 1) {
            client.members.append(
              judge.addMember(client: index, room: room, observes: observes))
          }
        }
        if client.publishes { publishers[room].append(index) }
        clients.append(client)
      }
    }
    figures.judged = clients.count { $0.kind.isJudged }
  }

  /// Whether one of a client's connections is in its room.
  func isIn(_ client: SoakClient) -> Bool { client.members.contains(where: judge.isIn) }

  func makeMask() -> UInt32 { UInt32(truncatingIfNeeded: RandomBytes.uint64()) }

  /// Has a client looked at, at or soon behind a time.
  mutating func schedule(_ client: SoakClient, at time: MonotonicInstant) {
    guard time < client.scheduled else { return }
    client.scheduled = time
    wheel.schedule(UInt64(client.index), at: time)
  }

  mutating func markDirty(_ client: SoakClient) {
    guard !client.isDirty else { return }
    client.isDirty = true
    dirty.append(client)
  }

  // MARK: Letters

  private mutating func take(_ letter: EngineLetter, _ now: MonotonicInstant) {
    switch letter {
    case .targets(let addresses): targets = addresses
    case .secured(let addresses, let caFile):
      securedTargets = addresses
      do throws(TLSFailure) {
        trust = try TLSContext.client(caFile: caFile, certificateFile: nil, keyFile: nil)
      } catch {
        judge.findings.add(.ended, "the run's own authority cannot be used: \(error)")
      }
    case .connect(let compressed):
      offersCompression = compressed
      connectsFrom = now
    case .publish(let isOn):
      isPublishing = isOn
      publishesFrom = now
      publishesMade = 0
    case .beginCause(let cause): judge.causes.begin(cause, at: now)
    case .endCause(let cause, let grace): judge.causes.end(cause, at: now, grace: grace)
    case .storm:
      for client in clients { cut(client, now) }
    case .sever(let node):
      for link in clients.flatMap(\.links) where link.node == node { link.isSevered = true }
    case .calm: calm(now)
    case .fence:
      judge.askPresenceAgain(at: now)
      askForPresence(now)
      for room in publishers.indices { publish(in: room, due: now, now) }
    case .conclude: conclude(now)
    case .stop: isStopped = true
    }
  }

  /// Everybody who is away comes back and stays, those who make trouble go.
  private mutating func calm(_ now: MonotonicInstant) {
    isCalm = true
    judge.everybodyReads(at: now)
    for client in clients {
      if !client.kind.isJudged {
        client.isFinished = true
        client.isWanted = false
        cut(client, now)
      } else {
        client.connection?.setReading(true, poller)
      }
    }
  }

  private mutating func conclude(_ now: MonotonicInstant) {
    judge.conclude()
    for client in clients {
      client.isFinished = true
      client.isWanted = false
      if client.logic == .ours {
        client.machine.close(now: now)
        settle(client, now)
      }
      for link in client.links { link.connection.close(code: 1000, mask: makeMask()) }
      markDirty(client)
    }
    copyFigures(now)
  }

  // MARK: Figures

  mutating func copyFigures(_ now: MonotonicInstant) {
    nextCopy = now.advanced(by: .milliseconds(200))
    askForPresence(now)
    figures.counts = judge.counts
    figures.findings = judge.findings
    figures.connected = clients.count { $0.kind.isJudged && $0.isWelcome }
    figures.joined = clients.count { isIn($0) }
    figures.severed = clients.reduce(0) { $0 + $1.links.count(where: \.isSevered) }
    figures.outstanding = clients.reduce(0) { $0 + $1.outstanding.count }
    figures.hasEnded = clients.allSatisfy(\.links.isEmpty)
    // Costly, and wanted at the end only.
    figures.isLevel =
      !isPublishing && figures.outstanding == 0
      && clients.allSatisfy { $0.members.isEmpty || $0.members.contains(where: judge.isLevel) }
      && judge.isPresenceLevel
    let elapsed = Int(now.since(start).millisecondsClamped / 1000)
    if second.second < elapsed {
      judge.lookAtPresence(at: now)
      leaveSilent(now)
    }
    while second.second < elapsed {
      second.connected = figures.connected
      second.joined = figures.joined
      figures.seconds.append(second)
      second = EngineSecond(second: second.second + 1)
    }
    let copy = figures
    shared.withLock { $0 = copy }
  }
}

extension EngineCore: LoopStages {
  var isDirty: Bool { !dirty.isEmpty }

  mutating func ready(_ readiness: Readiness, now: MonotonicInstant) {
    let index = Int(readiness.token & 0xFFFF_FFFF)
    guard index < clients.count else { return }
    let client = clients[index]
    guard let link = client.links.first(where: { $0.connection.token == readiness.token }) else {
      return
    }
    if link.connection.stage == .connecting {
      ended(client, link, link.connection.finishConnecting(poller), now)
      return
    }
    if readiness.isWritable { markDirty(client) }
    if readiness.isReadable { read(client, link, now) }
  }

  mutating func takeLetters(now: MonotonicInstant) {
    for letter in mailbox.takeAll() { take(letter, now) }
  }

  mutating func expireTimers(now: MonotonicInstant) {
    var tokens: [UInt64] = []
    wheel.expire(until: now, into: &tokens)
    for token in tokens where token < UInt64(clients.count) {
      let client = clients[Int(token)]
      guard now >= client.scheduled else { continue }
      client.scheduled = .distantFuture
      expire(client, now)
    }
    connectMore(now)
    publishMore(now)
    if now >= nextCopy { copyFigures(now) }
  }

  mutating func postLetters() {}

  mutating func flush(now: MonotonicInstant) {
    while !dirty.isEmpty {
      var batch: [SoakClient] = []
      swap(&batch, &dirty)
      for client in batch {
        client.isDirty = false
        for link in client.links where !link.connection.flush(poller) {
          ended(client, link, .closed(code: 1006, reason: "the connection was reset"), now)
        }
      }
    }
  }

  mutating func closeScheduled(now: MonotonicInstant) {}

  func nextDeadline() -> MonotonicInstant? {
    if isStopped { return .zero }
    var next = nextCopy
    if let deadline = wheel.nextDeadline() { next = min(next, deadline) }
    if isPublishing, scenario.publishesPerSecond > 0 { next = min(next, dueTime(publishesMade)) }
    if let connectsFrom, nextConnect < clients.count {
      next = min(next, connectTime(nextConnect, connectsFrom))
    }
    return next
  }
}
