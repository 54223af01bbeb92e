// Thousands of commands in an order that nobody would write down, with letters delivered late and
// between other things. What must hold whatever happens is told at the end of the file.

import Backplane
import RoostRooms
import TestRandom
import Testing

extension MessageBackplaneTests {
  @Test(arguments: BackplaneSetup.all)
  func `every member sees every accepted publish after its join once and in order`(
    setup: BackplaneSetup
  ) throws {
    var play = try RandomPlay(setup, SeededGenerator.make())
    try play.run(steps: 3_000)
    try play.finish()
  }
}

/// One random play and what is known of it.
private struct RandomPlay {
  struct Place {
    let name: RoomName
    let policy: Int32
    let witness: Listener
    /// Payloads in the order of their submission.
    var submitted = 0
    var recent: Position?
  }

  /// A publish that was submitted.
  struct Sent {
    let place: Int
    let number: Int
    let ticket: ReplyTicket
  }

  private let harness: BackplaneHarness
  private let audience: Audience
  private var generator: SeededGenerator
  private let seed: String
  private let holdsLogs: Bool
  private var places: [Place] = []
  private var sent: [Sent] = []
  private var members: UInt32 = 0

  static let policies: [RoomPolicy] = [
    .plain, .logged(1_000_000, for: .seconds(100_000), bytes: 1 << 24), .logged(6),
    .known.members(max: 4), .logged(1_000, for: .seconds(5), bytes: 200),
  ]

  init(_ setup: BackplaneSetup, _ generator: SeededGenerator) throws {
    harness = BackplaneHarness(setup, Self.policies, .generous)
    audience = Audience(harness)
    self.generator = generator
    seed = generator.description
    holdsLogs = setup.kind.holdsLogs
    for number in 0..<10 {
      let name = try room("room \(number)".split(separator: " ").joined())
      let policy = Int32(number % Self.policies.count)
      members += 1
      let witness = audience.join(
        member(members), name, policy: policy, pageBytesMax: 1000, on: number % setup.shardCount)
      places.append(Place(name: name, policy: policy, witness: witness))
    }
    audience.settle()
  }

  private mutating func random(_ count: Int) -> Int { Int.random(in: 0..<count, using: &generator) }

  mutating func run(steps: Int) throws {
    for _ in 0..<steps {
      switch random(20) {
      case 0..<6: publish()
      case 6..<8: join()
      case 8: leave()
      case 9..<11: for listener in audience.listeners { listener.readOn() }
      case 11: pass()
      default: deliver()
      }
      noteLife()
    }
  }

  private mutating func publish() {
    let place = random(places.count)
    let shard = random(harness.shardCount)
    let ticket = harness.ticket(shard)
    let number = places[place].submitted
    places[place].submitted += 1
    sent.append(Sent(place: place, number: number, ticket: ticket))
    let command = PublishCommand(
      room: places[place].name, policy: places[place].policy, payload: json("\(number)"),
      key: nil, sender: nil, ticket: ticket)
    harness.submit(.publish(command), on: shard)
    audience.hear()
  }

  private mutating func join() {
    let place = random(places.count)
    var since = random(2) == 0 ? places[place].recent : nil
    if let known = since, random(4) == 0 {
      since = Position(epoch: known.epoch, offset: UInt64(random(Int(known.offset) + 2)))
    }
    members += 1
    audience.join(
      member(members), places[place].name, policy: places[place].policy, since: since,
      pageBytesMax: random(40), on: random(harness.shardCount))
  }

  private mutating func leave() {
    let leaving = audience.listeners[random(audience.listeners.count)]
    guard leaving.stage != .gone, places.allSatisfy({ $0.witness !== leaving }) else { return }
    leaving.leave()
    audience.hear()
  }

  private mutating func pass() {
    harness.advance(.milliseconds(random(500)))
    if random(4) == 0 {
      harness.sweep()
      audience.hear()
    }
  }

  private mutating func deliver() {
    let waiting = harness.waiting
    guard !waiting.isEmpty else {
      harness.step()
      return audience.hear()
    }
    for _ in 0..<(1 + random(3)) {
      let pair = waiting[random(waiting.count)]
      if harness.waiting.contains(pair) { harness.deliver(pair: pair) }
      audience.hear()
    }
  }

  private mutating func noteLife() {
    for listener in audience.listeners
    where listener.isLive && listener.submittedBefore == nil {
      guard let place = places.firstIndex(where: { $0.name == listener.room }) else { continue }
      listener.submittedBefore = places[place].submitted
      if let position = listener.receipt?.position { places[place].recent = position }
    }
  }

  // MARK: What must hold

  mutating func finish() throws {
    for _ in 0..<10_000 where audience.listeners.contains(where: { !Self.isAtRest($0) }) {
      audience.settle()
      for listener in audience.listeners { listener.readOn() }
    }
    audience.settle()
    noteLife()
    #expect(audience.listeners.allSatisfy(Self.isAtRest), "\(seed)")

    for (number, place) in places.enumerated() {
      let order = place.witness.payloads
      let isLogged = place.witness.receipt?.position != nil
      // Every publish was accepted once and came to the one who was always there once.
      #expect(order.count == place.submitted, "\(seed) \(place.name)")
      #expect(Set(order).count == order.count, "\(seed) \(place.name)")
      if isLogged {
        #expect(place.witness.seen == (1...UInt64(order.count)).map { $0 }, "\(seed) \(place.name)")
      }
      for message in sent where message.place == number {
        let answers = audience.acknowledged[message.ticket.slot] ?? []
        try #require(answers.count == 1, "\(seed) \(message)")
        guard isLogged else { continue }
        // The offset that the publisher was told is where the message stands.
        let offset = try #require(answers[0]).offset
        #expect(order[Int(offset) - 1] == json("\(message.number)"), "\(seed) \(message)")
      }
      for listener in audience.listeners where listener.room == place.name {
        check(listener, against: order, isLogged)
      }
      try checkState(of: place, order, isLogged)
    }
    try checkEmptying()
  }

  private static func isAtRest(_ listener: Listener) -> Bool {
    switch listener.stage {
    case .joining, .replaying: false
    case .live, .refused, .gone: true
    }
  }

  private func check(_ listener: Listener, against order: [Payload], _ isLogged: Bool) {
    let comment: Comment = "\(seed) \(listener.member.connection) in \(listener.room)"
    // Without a hole and without a repetition: what it saw stands in one piece in the room's order,
    // and for who was told to load anew, in two.
    let offsets = isLogged ? listener.seen.map { Int($0) } : listener.payloads.map(place(in: order))
    #expect(offsets.map { order[$0 - 1] } == listener.payloads, comment)
    for (before, after) in zip(offsets, offsets.dropFirst()) where after != before + 1 {
      let reset = listener.resetTo.map { Int($0.offset) }
      #expect(reset == after - 1 && before < after, comment)
    }
    if let receipt = listener.receipt, let position = receipt.position, let first = offsets.first,
      listener.resetTo == nil
    {
      let start = receipt.recovered == true ? listener.since?.offset : position.offset
      #expect(start.map { Int($0) + 1 } == first, comment)
    }
    guard listener.isLive else { return }
    if let last = offsets.last {
      #expect(max(last, listener.resetTo.map { Int($0.offset) } ?? 0) == order.count, comment)
    }
    // Whatever was submitted after it was live must have come to it.
    let early = listener.submittedBefore ?? 0
    let late = order.filter { number(of: $0) >= early }
    #expect(Set(listener.payloads).isSuperset(of: late), comment)
  }

  private func checkState(of place: Place, _ order: [Payload], _ isLogged: Bool) throws {
    let policy = Self.policies[Int(place.policy)]
    let present = audience.listeners.filter {
      $0.room == place.name && $0.isLive
    }.map(\.member)
    if policy.presence {
      let listed = try harness.presence(place.name).members
      #expect(Set(listed) == Set(present), "\(seed) \(place.name)")
      #expect(listed.count == present.count, "\(seed) \(place.name)")
    }
    if policy.membersMax > 0 { #expect(present.count <= policy.membersMax, "\(seed)") }
    guard isLogged else { return }
    let history = try harness.history(place.name, policy: place.policy, limit: .max)
    #expect(history.position.offset == UInt64(order.count), "\(seed) \(place.name)")
    #expect(history.entries.map(\.payload) == order.suffix(history.entries.count), "\(seed)")
    #expect(history.entries.count <= policy.history.messages, "\(seed)")
  }

  private func checkEmptying() throws {
    for listener in audience.listeners where listener.isLive { listener.leave() }
    harness.settle()
    guard holdsLogs else { return }
    for _ in 0..<3 {
      harness.advance(.seconds(1_000_001))
      harness.sweep()
    }
    #expect(harness.figures == BackplaneFigures(), "\(seed)")
  }

  private func number(of payload: Payload) -> Int {
    Int(String(decoding: payload.bytes.dropFirst().dropLast(), as: UTF8.self)) ?? -1
  }

  private func place(in order: [Payload]) -> (Payload) -> Int {
    let places = Dictionary(uniqueKeysWithValues: order.enumerated().map { ($1, $0 + 1) })
    return { places[$0] ?? 0 }
  }
}
