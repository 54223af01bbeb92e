// Publishes fall due at times that the rate gives, whatever the cluster does meanwhile: each
// carries its due time, from which its latency counts, so that nothing is left out because somebody
// had to wait.

import RoostClient
import RoostEventLoop

extension EngineCore {
  /// Publishes of one turn of the loop at most: the rest comes in the next one, as late as it is
  /// then.
  private static let publishesMax = 256

  func dueTime(_ count: Int) -> MonotonicInstant {
    publishesFrom.advanced(
      byNanoseconds: UInt64(count) * 1_000_000_000 / UInt64(max(scenario.publishesPerSecond, 1)))
  }

  mutating func publishMore(_ now: MonotonicInstant) {
    guard isPublishing, scenario.publishesPerSecond > 0 else { return }
    var count = 0
    while count < Self.publishesMax {
      let due = dueTime(publishesMade)
      guard due <= now else { return }
      let room = Int.random(in: 0..<publishers.count, using: &numbers)
      publish(in: room, due: due, now)
      publishesMade += 1
      count += 1
    }
  }

  /// One publish by whoever of the room's publishers is connected.
  mutating func publish(in room: Int, due: MonotonicInstant, _ now: MonotonicInstant) {
    let candidates = publishers[room]
    guard !candidates.isEmpty else { return figures.unoffered += 1 }
    let first = Int.random(in: 0..<candidates.count, using: &numbers)
    for step in 0..<candidates.count {
      let client = clients[candidates[(first + step) % candidates.count]]
      // Without offsets only what a client publishes one behind the other has an order.
      let waitingMax = judge.rooms[room].keepsHistory ? 64 : 1
      guard isIn(client), client.isWelcome, client.outstanding.count < waitingMax
      else { continue }
      return publish(client, due: due, now)
    }
    figures.unoffered += 1
  }

  private mutating func publish(
    _ client: SoakClient, due: MonotonicInstant, _ now: MonotonicInstant
  ) {
    let number = judge.publish(room: client.room, publisher: client.index)
    second.published += 1
    let text = Parcel(
      room: client.room, number: number, publisher: client.index,
      dueNanoseconds: due.nanoseconds
    ).text(bytes: scenario.payloadBytes)
    let request = client.nextRequest
    client.nextRequest += 1
    client.outstanding[request] = number
    let key = "soak-\(client.room)-\(number)"
    switch client.logic {
    case .ours:
      client.machine.call(
        .publish(
          room: client.roomName, data: JSONValue(String(decoding: text, as: UTF8.self)), key: key),
        ticket: request, timeout: nil, now: now)
      settle(client, now)
    case .stock:
      var message = Array(
        #"{"type":"publish","id":\#(request),"room":"\#(client.roomName)","key":"\#(key)","data":""#
          .utf8)
      message += text
      message += Array("\"}".utf8)
      send(client, client.links.last, message)
    }
  }

  // MARK: Answers

  mutating func acknowledged(
    _ client: SoakClient, _ number: Int, _ epoch: String?, _ offset: Int64?,
    _ now: MonotonicInstant
  ) {
    second.acknowledged += 1
    judge.acknowledged(room: client.room, number: number, epoch: epoch, offset: offset, at: now)
  }

  /// The machine says what became of a publish.
  mutating func finishPublish(
    _ client: SoakClient, _ ticket: CallTicket, _ result: Result<JSONValue, ClientFailure>,
    _ now: MonotonicInstant
  ) {
    guard let number = client.outstanding.removeValue(forKey: ticket) else { return }
    switch result {
    case .success(let answer):
      acknowledged(
        client, number, answer["epoch"]?.string, answer["offset"]?.integer.map { Int64($0) }, now)
    case .failure(let failure):
      switch failure {
      case .timeout, .unknown, .answer: judge.unknown(room: client.room, number: number)
      case .refused(let code, _) where code == "unknown" || code == "internal":
        judge.unknown(room: client.room, number: number)
      default: judge.refused(room: client.room, number: number, code: failure.code)
      }
    }
  }
}
