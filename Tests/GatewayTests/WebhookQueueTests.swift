import RoostEventLoop
import RoostRooms
import Testing

@testable import Gateway

struct WebhookQueueTests {
  private static let start = MonotonicInstant(nanoseconds: 1_000_000_000_000)

  private static func queue(_ count: Int = 1000, retries: Int = 2) -> WebhookQueue {
    var webhooks = Configuration.Webhooks()
    webhooks.queue = count
    webhooks.retries = retries
    return WebhookQueue(webhooks, node: "n1", process: 0xF)
  }

  private static func room(_ number: Int) throws -> WebhookEvent {
    .roomOccupied(try #require(RoomName(text: "r\(number)")))
  }

  private static func text(_ batch: WebhookQueue.Batch?) -> String? {
    batch.map { String(decoding: $0.body, as: UTF8.self) }
  }

  @Test func `events say what happened, when, and have names of their own`() throws {
    let connection = ConnectionID(process: 0xAB, shard: 1, slot: 2, generation: 3)
    let room = try #require(RoomName(text: "chat:\"a\""))
    let events: [(WebhookEvent, String)] = [
      (
        .connected(connection, user: "ann", SocketAddress(ipv4: 0x7F00_0001, port: 9)),
        #"{"id":"x","event":"connected","time":7,"connection":"ab-1.2.3","user":"ann","#
          + #""address":"127.0.0.1"}"#
      ),
      (
        .disconnected(connection, user: nil, code: 1001),
        #"{"id":"x","event":"disconnected","time":7,"connection":"ab-1.2.3","user":null,"#
          + #""code":1001}"#
      ),
      (
        .roomOccupied(room),
        #"{"id":"x","event":"room_occupied","time":7,"room":"chat:\"a\""}"#
      ),
      (.roomVacated(room), #"{"id":"x","event":"room_vacated","time":7,"room":"chat:\"a\""}"#),
    ]
    for (event, json) in events {
      #expect(String(decoding: event.json(id: "x", time: 7), as: UTF8.self) == json)
    }
  }

  @Test func `one batch is under way at a time, and carries what came meanwhile next`() throws {
    var queue = Self.queue()
    #expect(queue.next(Self.start) == nil)
    #expect(queue.nextDeadline() == nil)
    #expect(queue.append(try Self.room(1), wallMilliseconds: 5))
    let taken = queue.next(Self.start)
    let first = try #require(taken)
    #expect(
      Self.text(first)
        == #"{"node":"n1","events":[{"id":"f-1","event":"room_occupied","time":5,"room":"r1"}]}"#)
    #expect(queue.append(try Self.room(2), wallMilliseconds: 6))
    #expect(queue.append(try Self.room(3), wallMilliseconds: 6))
    #expect(queue.next(Self.start) == nil)
    queue.taken()
    let following = queue.next(Self.start)
    let second = try #require(following)
    #expect(Self.text(second)?.contains(#""room":"r2"},{"id":"f-4""#) == true)
    #expect(second.id != first.id)
    queue.taken()
    #expect(queue.count == 0)
    #expect(queue.next(Self.start) == nil)
  }

  @Test func `a batch has at most a hundred events`() throws {
    var queue = Self.queue()
    for number in 0..<201 { #expect(queue.append(try Self.room(number), wallMilliseconds: 0)) }
    var counts: [Int] = []
    while let batch = queue.next(Self.start) {
      counts.append(Self.text(batch)?.split(separator: "room_occupied").count ?? 0)
      queue.taken()
    }
    #expect(counts == [101, 101, 2])
  }

  @Test func `a batch that failed is the same again, after longer and longer pauses`() throws {
    var queue = Self.queue(retries: 9)
    #expect(queue.append(try Self.room(1), wallMilliseconds: 0))
    let batch = queue.next(Self.start)
    #expect(queue.append(try Self.room(2), wallMilliseconds: 0))
    var now = Self.start
    for most in [500, 1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000] {
      guard case .again(let pause) = queue.failed(now) else {
        Issue.record("dropped too early")
        return
      }
      #expect(pause >= .milliseconds(most / 2))
      #expect(pause <= .milliseconds(most))
      #expect(queue.next(now) == nil)
      #expect(queue.nextDeadline() == now.advanced(by: pause))
      now = now.advanced(by: pause)
      #expect(queue.next(now) == batch)
    }
    #expect(queue.failed(now) == .dropped(1))
    // What stood behind it goes on, a moment later.
    now = now.advanced(by: .milliseconds(500))
    #expect(Self.text(queue.next(now))?.contains("r2") == true)
  }

  @Test func `the receiver's own wish for a pause is heard, within reason`() throws {
    var queue = Self.queue()
    #expect(queue.append(try Self.room(1), wallMilliseconds: 0))
    _ = queue.next(Self.start)
    #expect(queue.failed(Self.start, wish: .seconds(20)) == .again(.seconds(20)))
    _ = queue.next(Self.start.advanced(by: .seconds(20)))
    #expect(queue.failed(Self.start, wish: .seconds(4000)) == .again(.seconds(60)))
    queue.hurry()
    #expect(queue.next(Self.start) != nil)
  }

  @Test func `a full queue drops the newest`() throws {
    var queue = Self.queue(3)
    for number in 1...3 { #expect(queue.append(try Self.room(number), wallMilliseconds: 0)) }
    #expect(!queue.append(try Self.room(4), wallMilliseconds: 0))
    // What is under way still counts: it may have to be sent again.
    _ = queue.next(Self.start)
    #expect(!queue.append(try Self.room(5), wallMilliseconds: 0))
    queue.taken()
    #expect(queue.append(try Self.room(6), wallMilliseconds: 0))
    #expect(queue.count == 1)
  }

  @Test func `a room is occupied with its first shard and vacated with its last`() throws {
    var occupancy = RoomOccupancy()
    let room = try #require(RoomName(text: "r"))
    #expect(occupancy.note(room, isOccupied: true, shard: 0) == .roomOccupied(room))
    #expect(occupancy.note(room, isOccupied: true, shard: 63) == nil)
    #expect(occupancy.note(room, isOccupied: true, shard: 63) == nil)
    #expect(occupancy.note(room, isOccupied: false, shard: 0) == nil)
    #expect(occupancy.note(room, isOccupied: false, shard: 0) == nil)
    #expect(occupancy.note(room, isOccupied: false, shard: 63) == .roomVacated(room))
    #expect(occupancy.note(room, isOccupied: false, shard: 5) == nil)
    #expect(occupancy.count == 0)
  }
}
