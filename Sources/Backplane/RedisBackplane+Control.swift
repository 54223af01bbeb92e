// Questions between nodes: rules 25 and 26. Changes are entries of a stream, which every node reads
// on by itself, so that a lost link delays them and loses none; what is only asked travels by pub/sub.
//
// On the control channel: 'W' (read the stream), 'N' (a node has come), 'U' node length (1) node text
// (what a node tells the others), and 'Q' as on a room's channel. In a node's inbox: 'Q', and 'A' number (8) node length (1) node text.

import RoostRooms
import Telemetry

extension RedisBackplane {
  mutating func ask(
    _ question: ClusterQuestion, _ now: Duration, _ outbox: inout BackplaneOutbox
  ) {
    guard isCommandReady, questions.count < 4096 else {
      return fail(question.ticket, nil, unavailable(), &outbox)
    }
    lastQuestion += 1
    let number = lastQuestion
    var open = OpenQuestion(ticket: question.ticket, until: now + .seconds(2))
    let text = RedisEnvelope.question(
      asker: incarnation, number: number, text: question.text)
    switch question.audience {
    case .everyNode:
      open.awaited = living
      pipe.begin(8, .question(number), at: now)
      pipe.add("XADD")
      pipe.add(names.system("{control}:log"))
      pipe.add("MAXLEN")
      pipe.add("~")
      pipe.add(10_000)
      pipe.add("*")
      pipe.add("q")
      pipe.add(text)
      pipe.begin(3, .nothing, at: now)
      pipe.add("EXPIRE")
      pipe.add(names.system("{control}:log"))
      pipe.add(3600)
      publish(names.systemChannel("{control}"), [UInt8(ascii: "W")], .nothing, now)
    case .reachableNodes:
      open.awaited = living
      publish(names.systemChannel("{control}"), text, .question(number), now)
    case .user(let user):
      guard let room = RoomName(text: "user:\(user)") else {
        let answers = ClusterAnswers(answers: [], missing: [])
        return answer(question.ticket, .answered(question.ticket, answers), &outbox)
      }
      publish(names.channel(room), text, .question(number), now)
    case .connection(let connection):
      let holders = holders(of: connection)
      guard !holders.isEmpty else {
        let answers = ClusterAnswers(answers: [], missing: [])
        return answer(question.ticket, .answered(question.ticket, answers), &outbox)
      }
      open.awaited = holders
      for holder in holders { publish(names.inbox(holder), text, .question(number), now) }
    case .incarnation(let name):
      open.awaited = [name]
      publish(names.inbox(name), text, .question(number), now)
    }
    questions[number] = open
  }

  /// Incarnations that are alive, this one included.
  private var living: Set<String> {
    var living = Set(nodes.filter(\.value.isAlive).keys)
    living.insert(incarnation)
    return living
  }

  private mutating func publish(
    _ channel: [UInt8], _ payload: [UInt8], _ reply: PendingReply, _ now: Duration
  ) {
    pipe.begin(3, reply, at: now)
    pipe.add("PUBLISH")
    pipe.add(channel)
    pipe.add(payload)
  }

  /// How many were reached, where only Redis knows it.
  mutating func questionSent(
    _ number: UInt64, _ reply: RedisReply, _ now: Duration, _ outbox: inout BackplaneOutbox
  ) {
    guard var open = questions[number] else { return }
    if reply.kind(0) == .error {
      questions.removeValue(forKey: number)
      return fail(open.ticket, nil, failure(of: reply), &outbox)
    }
    guard open.awaited == nil, reply.kind(0) == .integer else { return }
    open.countAwaited = Int(clamping: reply.integer(0))
    questions[number] = open
    closeIfComplete(number, &outbox)
  }

  // MARK: Being asked

  mutating func controlMessage(
    _ payload: ArraySlice<UInt8>, _ now: Duration, _ outbox: inout BackplaneOutbox
  ) {
    switch payload.first {
    case UInt8(ascii: "W"): nextStreamRead = now
    case UInt8(ascii: "N"): nextLook = now
    case UInt8(ascii: "Q"): heard(payload, now, &outbox)
    case UInt8(ascii: "U"): told(payload, &outbox)
    default: status.malformed.add()
    }
  }

  /// Tells the other nodes something that matters now or not at all.
  mutating func tell(_ text: [UInt8], _ now: Duration) {
    guard isCommandReady else { return }
    var payload: [UInt8] = [UInt8(ascii: "U"), UInt8(clamping: incarnation.utf8.count)]
    payload.append(contentsOf: incarnation.utf8.prefix(255))
    publish(names.systemChannel("{control}"), payload + text, .nothing, now)
  }

  private mutating func told(_ payload: ArraySlice<UInt8>, _ outbox: inout BackplaneOutbox) {
    let head = payload.startIndex + 2
    guard payload.count >= 2, payload.count - 2 >= Int(payload[head - 1]) else {
      return status.malformed.add()
    }
    let text = head + Int(payload[head - 1])
    // Everybody hears the channel, the one who speaks, too.
    let teller = String(decoding: payload[head..<text], as: UTF8.self)
    guard teller != incarnation, !ownIncarnations.contains(teller) else { return }
    outbox.items.append(.event(shard: 0, .told(Array(payload[text...]))))
  }

  private mutating func heard(
    _ payload: ArraySlice<UInt8>, _ now: Duration, _ outbox: inout BackplaneOutbox
  ) {
    var rest = payload
    guard case .question(let asker, let number) = RedisEnvelope.word(of: payload, rest: &rest)
    else { return status.malformed.add() }
    let id = QuestionID(asker: asker, number: number)
    guard seenQuestions[id] == nil else { return }
    if seenQuestions.count >= 65_536 { seenQuestions = [:] }
    seenQuestions[id] = now
    outbox.items.append(.event(shard: 0, .asked(id, Array(rest))))
  }

  /// Answers a question that came as `asked`.
  mutating func answerQuestion(_ id: QuestionID, _ text: [UInt8], _ now: Duration) {
    guard isCommandReady else { return }
    var payload: [UInt8] = [UInt8(ascii: "A")]
    for shift in stride(from: UInt64(56), through: 0, by: -8) {
      payload.append(UInt8(truncatingIfNeeded: id.number >> shift))
    }
    payload.append(UInt8(clamping: incarnation.utf8.count))
    payload.append(contentsOf: incarnation.utf8.prefix(255))
    payload += text
    publish(names.inbox(id.asker), payload, .nothing, now)
  }

  mutating func inboxMessage(
    _ payload: ArraySlice<UInt8>, _ outbox: inout BackplaneOutbox
  ) {
    if payload.first == UInt8(ascii: "Q") { return heard(payload, nowMonotonic, &outbox) }
    let head = payload.startIndex
    guard payload.count > 10, payload.first == UInt8(ascii: "A") else {
      return status.malformed.add()
    }
    let number = payload[(head + 1)..<(head + 9)].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    let size = Int(payload[head + 9])
    guard payload.count >= 10 + size, var open = questions[number] else { return }
    let node = String(decoding: payload[(head + 10)..<(head + 10 + size)], as: UTF8.self)
    open.awaited?.remove(node)
    open.countAwaited = open.countAwaited.map { $0 - 1 }
    open.early += open.awaited == nil && open.countAwaited == nil ? 1 : 0
    open.answers.append((Self.nodeID(of: node), Array(payload[(head + 10 + size)...])))
    questions[number] = open
    closeIfComplete(number, &outbox)
  }

  /// The node's id in its incarnation.
  static func nodeID(of incarnation: String) -> String {
    guard let end = incarnation.lastIndex(of: "~") else { return incarnation }
    return String(incarnation[..<end])
  }

  private mutating func closeIfComplete(_ number: UInt64, _ outbox: inout BackplaneOutbox) {
    guard let open = questions[number] else { return }
    let isComplete =
      open.awaited?.isEmpty ?? (open.countAwaited.map { $0 - open.early <= 0 } ?? false)
    if isComplete { closeQuestion(number, &outbox) }
  }

  mutating func closeQuestion(_ number: UInt64, _ outbox: inout BackplaneOutbox) {
    guard let open = questions.removeValue(forKey: number) else { return }
    var missing = open.awaited.map { $0.map(Self.nodeID).sorted() } ?? []
    // Somebody who was reached did not answer; who it is, nobody knows.
    if let left = open.countAwaited, left - open.early > 0 { missing = ["unknown"] }
    answer(
      open.ticket, .answered(open.ticket, ClusterAnswers(answers: open.answers, missing: missing)),
      &outbox)
  }

  mutating func expireQuestions(_ now: Duration, _ outbox: inout BackplaneOutbox) {
    for (number, open) in questions where open.until <= now { closeQuestion(number, &outbox) }
  }

  // MARK: The stream

  /// Where the stream ends when this node begins to read it.
  mutating func findStreamEnd(_ now: Duration) {
    pipe.begin(6, .streamEnd, at: now)
    pipe.add("XREVRANGE")
    pipe.add(names.system("{control}:log"))
    pipe.add("+")
    pipe.add("-")
    pipe.add("COUNT")
    pipe.add(1)
  }

  mutating func streamEndFound(_ reply: RedisReply) {
    guard reply.kind(0) == .array else { return }
    // An entry is an array of its id and its fields.
    streamPosition = reply.elementCount(0) > 0 ? reply.array(2) : Array("0-0".utf8)
  }

  mutating func readStream(_ now: Duration) {
    guard isCommandReady, !isReadingStream, nextStreamRead <= now, let streamPosition else {
      return
    }
    isReadingStream = true
    nextStreamRead = now + .seconds(1)
    pipe.begin(6, .stream, at: now)
    pipe.add("XRANGE")
    pipe.add(names.system("{control}:log"))
    pipe.add([UInt8(ascii: "(")] + streamPosition)
    pipe.add("+")
    pipe.add("COUNT")
    pipe.add(100)
  }

  mutating func streamRead(
    _ reply: RedisReply, _ now: Duration, _ outbox: inout BackplaneOutbox
  ) {
    isReadingStream = false
    guard reply.kind(0) == .array else { return handleRefusal(reply, now) }
    for place in 0..<reply.elementCount(0) {
      guard let entry = reply.child(place, of: 0), let id = reply.child(0, of: entry),
        let fields = reply.child(1, of: entry), reply.elementCount(fields) == 2
      else { continue }
      streamPosition = reply.array(id)
      heard(reply.array(fields + 2)[...], now, &outbox)
    }
    if reply.elementCount(0) == 100 { nextStreamRead = now }
  }

  // MARK: Nodes

  mutating func announce(_ now: Duration) {
    guard isCommandReady, isAnnouncementDue else { return }
    isAnnouncementDue = false
    pipe.begin(5, .nothing, at: now)
    pipe.add("SET")
    pipe.add(names.system("node:\(incarnation):stats"))
    pipe.add(announcement)
    pipe.add("PX")
    pipe.add(Int(milliseconds(Self.announcementLife)))
  }

  /// How long an announcement stands; what is left of it tells its age, by one clock for all nodes.
  private static var announcementLife: Duration { .seconds(10) }

  mutating func listNodes(
    _ ticket: ReplyTicket, _ now: Duration, _ outbox: inout BackplaneOutbox
  ) {
    guard isCommandReady else {
      // An operator who asks now wants to see this very thing: one node, and who cannot be seen.
      let others = nodes.filter { $0.value.isAlive && $0.key != incarnation }
      let missing = Set(others.map(\.value.id)).sorted()
      return answer(ticket, .nodes(ticket, [ownListing], missing: missing), &outbox)
    }
    nodeTickets.append(ticket)
    guard nodeTickets.count == 1 else { return }
    var listed = nodes.filter { $0.value.isAlive }.map(\.key)
    if !listed.contains(incarnation) { listed.append(incarnation) }
    listed.sort()
    for name in listed where name != incarnation {
      pipe.begin(2, .announcementAge(name), at: now)
      pipe.add("PTTL")
      pipe.add(names.system("node:\(name):stats"))
    }
    pipe.begin(1 + listed.count, .announcements(listed), at: now)
    pipe.add("MGET")
    for name in listed { pipe.add(names.system("node:\(name):stats")) }
  }

  /// What this node says of itself.
  private var ownListing: NodeListing {
    NodeListing(
      id: settings.nodeID, incarnation: incarnation, isSelf: true,
      leaseAge: lastRenewal.map { nowMonotonic - $0 }, announcement: announcement,
      announcementAge: nowMonotonic - announcedAt)
  }

  /// What is left of a node's announcement.
  mutating func announcementAged(_ name: String, _ reply: RedisReply) {
    guard reply.kind(0) == .integer, reply.integer(0) >= 0 else { return }
    let left = Duration.milliseconds(reply.integer(0))
    announcementAges[name] = max(.zero, Self.announcementLife - left)
  }

  mutating func announcementsRead(
    _ listed: [String], _ reply: RedisReply, _ outbox: inout BackplaneOutbox
  ) {
    let tickets = nodeTickets
    nodeTickets = []
    let ages = announcementAges
    announcementAges = [:]
    guard reply.kind(0) == .array, reply.elementCount(0) == listed.count else {
      let failure = self.failure(of: reply)
      for ticket in tickets { fail(ticket, nil, failure, &outbox) }
      return
    }
    var listings: [NodeListing] = []
    for (place, name) in listed.enumerated() {
      guard name != incarnation else {
        listings.append(ownListing)
        continue
      }
      listings.append(
        NodeListing(
          id: nodes[name]?.id ?? Self.nodeID(of: name), incarnation: name, isSelf: false,
          leaseAge: nodes[name]?.remaining.map { max(.zero, settings.leaseLife - $0) },
          announcement: reply.array(1 + place), announcementAge: ages[name]))
    }
    for ticket in tickets { answer(ticket, .nodes(ticket, listings, missing: []), &outbox) }
  }
}
