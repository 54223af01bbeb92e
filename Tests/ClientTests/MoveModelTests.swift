// Moves at random moments, against a model of a cluster: whatever order things happen in, a room with
// history is read once and in order, each publish is done once, and what may be missing is told.

import RoostClient
import RoostEventLoop
import RoostJSON
import RoostRooms
import TestRandom
import Testing

/// A cluster of one log and one room without, as its clients see it.
private struct ModelCluster {
  /// One connection to it.
  struct Wire {
    let link: ClientLink
    let ticket: String?
    var isWelcome = false
    var isTold = false
    var isResumed = false
    /// The server closes it when everything has left.
    var isClosing = false
    var rooms: Set<String> = []
    /// What Redis has for this connection's node that the node has not seen yet.
    var pending: [(room: String, text: String, offset: Int)] = []
    var toClient: [String] = []
    var toServer: [PlainJSON] = []
  }

  static let rooms = ["log", "plain"].compactMap { RoomName(text: $0) }

  /// Nothing is lost without a close, and every ticket is taken.
  let isGentle: Bool
  var random: SeededGenerator
  var machine: ClientMachine
  var now = MonotonicInstant(nanoseconds: 1_000_000_000)
  var wires: [Wire] = []

  // The cluster's memory.
  var log: [String] = []
  var keys: [String: Int] = [:]
  var tickets: Set<String> = []
  var nextNumber = 1

  /// Time since everything on its way has arrived.
  var unflushed = 0

  // What the application saw.
  var offsets: [Int] = []
  var plain: [Int] = []
  var published: [Int] = []
  var events: [String] = []
  var outcomes: [CallTicket: Bool] = [:]
  var calls: CallTicket = 0

  /// What happened that a room without history cannot hide.
  var isRough = false
  var isPlainMissingTold = false
  var moves = 0

  init(_ random: SeededGenerator, isGentle: Bool) {
    self.random = random
    self.isGentle = isGentle
    let keys = Lock(0)
    machine = ClientMachine(
      ClientMachineOptions(hasTokenProvider: false, callTimeout: .seconds(10_000)),
      ClientRandomness(
        fraction: { 0.5 },
        key: {
          keys.withLock {
            $0 += 1
            return "key-\($0)"
          }
        }))
    machine.connect(now: now)
    for room in Self.rooms { machine.join(room, ticket: nil, now: now) }
    settle()
  }

  // MARK: The server

  private func place(_ link: ClientLink) -> Int? { wires.firstIndex { $0.link == link } }

  mutating func publish(_ room: String, _ number: Int) -> Int {
    let offset = room == "log" ? log.count + 1 : 0
    let mid = "m\(nextNumber)"
    nextNumber += 1
    let place = offset > 0 ? ",\"offset\":\(offset)" : ""
    let text =
      "{\"type\":\"message\",\"room\":\"\(room)\",\"data\":\(number)\(place),\"mid\":\"\(mid)\"}"
    if offset > 0 { log.append(text) } else { published.append(number) }
    for index in wires.indices where wires[index].rooms.contains(room) {
      wires[index].pending.append((room, text, offset))
    }
    return offset
  }

  /// A node takes in what Redis has for a connection.
  mutating func takeIn(_ index: Int) {
    for (_, text, _) in wires[index].pending {
      let isMarked = wires[index].isTold || wires[index].isResumed
      let parts = text.split(separator: ",\"mid\"")
      wires[index].toClient.append(isMarked ? text : "\(parts[0])}")
    }
    wires[index].pending = []
  }

  mutating func answer(_ index: Int) {
    guard !wires[index].toServer.isEmpty else { return }
    let request = wires[index].toServer.removeFirst()
    guard let id = request["id"]?.integer else {
      return wires[index].toClient.append("{\"type\":\"pong\"}")
    }
    let room = request["room"]?.string ?? ""
    switch request["type"]?.string {
    case "join" where room == "log":
      // Subscribed, then read: what is pending for this room is in what was read.
      wires[index].rooms.insert(room)
      let since = request["since"]?["offset"]?.integer
      let recovered = since == nil ? "" : ",\"recovered\":true"
      wires[index].toClient.append(
        "{\"type\":\"ok\",\"id\":\(id),\"room\":\"log\",\"members\":1,\"epoch\":\"e\",\"offset\":\(log.count)\(recovered)}"
      )
      for text in log.dropFirst(since ?? log.count) { wires[index].toClient.append(text) }
    case "join":
      wires[index].rooms.insert(room)
      wires[index].toClient.append(
        "{\"type\":\"ok\",\"id\":\(id),\"room\":\"plain\",\"members\":1}")
    case "publish":
      let key = request["key"]?.string ?? ""
      let offset = keys[key] ?? publish(room, request["data"]?.integer ?? 0)
      keys[key] = offset
      let place = offset > 0 ? ",\"epoch\":\"e\",\"offset\":\(offset)" : ""
      wires[index].toClient.append("{\"type\":\"ok\",\"id\":\(id)\(place)}")
    default: wires[index].toClient.append("{\"type\":\"ok\",\"id\":\(id)}")
    }
  }

  mutating func welcome(_ index: Int, resumes: Bool) {
    let isGood = wires[index].ticket.map { tickets.remove($0) != nil } ?? false
    if wires.count > 1, !(isGood && resumes) { isRough = true }
    wires[index].isWelcome = true
    wires[index].isResumed = isGood && resumes
    let ticket = "w\(wires[index].link)"
    tickets.insert(ticket)
    let resumed = wires[index].isResumed ? ",\"resumed\":true" : ""
    wires[index].toClient.append(
      "{\"type\":\"welcome\",\"connection\":\"c\",\"node\":\"n\",\"ping_ms\":25000,\"max_message_bytes\":65536,\"version\":\"0\",\"ticket\":\"\(ticket)\"\(resumed)}"
    )
  }

  mutating func drain(_ index: Int) {
    takeIn(index)
    wires[index].isTold = true
    let ticket = "d\(nextNumber)"
    nextNumber += 1
    tickets.insert(ticket)
    let delay = Int.random(in: 0...200, using: &random)
    wires[index].toClient.append(
      "{\"type\":\"draining\",\"reconnect_after_ms\":\(delay),\"ticket\":\"\(ticket)\"}")
  }

  // MARK: The way between

  mutating func deliver(_ index: Int) {
    let wire = wires[index]
    if !wire.toClient.isEmpty {
      let text = Array(wires[index].toClient.removeFirst().utf8)
      machine.received(wire.link, text: text.span, now: now)
    } else if wire.isClosing {
      wires.remove(at: index)
      machine.closed(wire.link, code: 1001, reason: "", now: now)
    }
    settle()
  }

  mutating func lose(_ index: Int) {
    isRough = true
    let link = wires.remove(at: index).link
    machine.closed(link, code: 1006, reason: "", now: now)
    settle()
  }

  /// Everything that is on its way arrives.
  mutating func flush() {
    unflushed = 0
    var rounds = 0
    while let index = wires.firstIndex(where: {
      !$0.toClient.isEmpty || !$0.pending.isEmpty || !$0.toServer.isEmpty && $0.isWelcome
        || $0.isClosing
    }) {
      takeIn(index)
      if wires[index].isWelcome, !wires[index].isClosing { answer(index) }
      deliver(index)
      rounds += 1
      precondition(rounds < 100_000, "it never comes to rest")
    }
  }

  mutating func advance(_ milliseconds: Int) {
    let end = now.advanced(by: .milliseconds(milliseconds))
    while let deadline = machine.nextDeadline, deadline <= end {
      now = max(now, deadline)
      machine.fire(now: now)
      settle()
    }
    now = end
  }

  private mutating func settle() {
    while true {
      let actions = machine.takeActions()
      if actions.isEmpty { return }
      for action in actions { take(action) }
    }
  }

  private mutating func take(_ action: ClientAction) {
    switch action {
    case .dial(let link, _, let ticket): wires.append(Wire(link: link, ticket: ticket))
    case .sendText(let text, let link):
      guard let index = place(link), let object = try? PlainJSON(text) else { return }
      if !wires[index].isClosing { wires[index].toServer.append(object) }
    case .hangUp(let link, _): wires.removeAll { $0.link == link }
    case .outcome(let ticket, let result):
      #expect(outcomes[ticket] == nil, "two outcomes")
      if case .success = result { outcomes[ticket] = true } else { outcomes[ticket] = false }
    case .event(.moved): moves += 1
    case .event(.waiting): isPlainMissingTold = true
    case .roomEvent(let room, .message(let message)):
      if room == Self.rooms[0] {
        offsets.append(Int(message.offset ?? 0))
      } else {
        plain.append(message.json?.integer ?? 0)
      }
    case .roomEvent(let room, let event):
      if room == Self.rooms[1], event == .gap {
        isPlainMissingTold = true
      } else {
        events.append("\(event)")
      }
    case .askToken, .sendBinary, .event: break
    }
  }

  // MARK: The application

  mutating func call() {
    let room = Self.rooms[Int.random(in: 0...1, using: &random)]
    calls += 1
    machine.call(
      .publish(room: room, data: JSONValue(nextNumber), key: nil), ticket: calls, timeout: nil,
      now: now)
    nextNumber += 1
    settle()
  }

  /// One random thing.
  mutating func step() {
    let index = wires.isEmpty ? nil : Int.random(in: wires.indices, using: &random)
    switch (Int.random(in: 0..<100, using: &random), index) {
    case (0..<10, _): call()
    case (10..<20, _):
      _ = publish(["log", "plain"][Int.random(in: 0...1, using: &random)], nextNumber)
      nextNumber += 1
    case (20..<28, _):
      let time = Int.random(in: 0...20, using: &random)
      // Nothing is on its way for longer than that.
      unflushed += time
      if unflushed > 100 { flush() }
      advance(time)
    case (28..<30, _):
      flush()
      advance(Int.random(in: 0...400, using: &random))
    case (30..<45, let index?) where wires[index].isWelcome && !wires[index].isClosing:
      answer(index)
    case (30..<42, let index?) where !wires[index].isWelcome:
      welcome(index, resumes: isGentle || Int.random(in: 0..<20, using: &random) > 0)
    case (42, let index?) where !wires[index].isWelcome && !isGentle: lose(index)
    case (45..<60, let index?): takeIn(index)
    case (60..<94, let index?): deliver(index)
    case (94..<97, let index?) where wires[index].isWelcome: drain(index)
    case (97, let index?) where wires[index].isTold:
      takeIn(index)
      wires[index].isClosing = true
      // What is published between this and a join elsewhere is on neither way.
      isRough = true
    case (98, let index?) where !isGentle && Int.random(in: 0..<10, using: &random) == 0:
      lose(index)
    default: break
    }
  }

  mutating func finish() {
    for _ in 0..<400 {
      for index in wires.indices where !wires[index].isWelcome { welcome(index, resumes: true) }
      flush()
      advance(200)
    }
  }
}

@Test func `at whatever moments a client moves, it reads each message once and in order`() {
  var seeds = SeededGenerator.make()
  let seed = "\(seeds)"
  var moves = 0
  var quiet = 0
  for run in 0..<100 {
    let random = SeededGenerator(seed: seeds.next())
    var cluster = ModelCluster(random, isGentle: run.isMultiple(of: 2))
    for _ in 0..<400 { cluster.step() }
    cluster.finish()
    let note = "\(seed), run \(run)"
    // The first join says where reading begins.
    let first = cluster.offsets.first ?? 1
    #expect(cluster.offsets == Array(first..<first + cluster.offsets.count), "\(note)")
    #expect(cluster.offsets.isEmpty || cluster.offsets.last == cluster.log.count, "\(note)")
    #expect(cluster.events.allSatisfy { $0.hasPrefix("entered") }, "\(note) \(cluster.events)")
    #expect(cluster.outcomes.count == Int(cluster.calls), "\(note)")
    #expect(!cluster.outcomes.values.contains(false), "\(note)")
    #expect(cluster.keys.count == Int(cluster.calls), "\(note)")
    if !cluster.isRough {
      #expect(Set(cluster.plain).count == cluster.plain.count, "\(note): doubles")
      if !cluster.isPlainMissingTold {
        let first = cluster.published.firstIndex { cluster.plain.contains($0) } ?? 0
        let missing = cluster.published.dropFirst(first).filter { !cluster.plain.contains($0) }
        #expect(missing.isEmpty, "\(note): \(missing)")
        quiet += 1
      }
    }
    moves += cluster.moves
  }
  #expect(moves > 50, "\(seed): \(moves) moves, \(quiet) quiet runs")
}
