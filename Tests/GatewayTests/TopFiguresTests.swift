// What shards and nodes found, put together, and as JSON between nodes.

import RoostJSON
import RoostRooms
import Testing

@testable import Gateway

private func room(_ text: String, _ members: Int, _ rate: Double) -> RoomActivity {
  let name = RoomName(text: text) ?? { preconditionFailure("\(text) is no room's name") }()
  return RoomActivity(room: name, members: members, messagesPerSecond: rate)
}

private func connection(_ number: UInt32, queue: Int, rate: Double) -> ConnectionFigure {
  ConnectionFigure(
    connection: ConnectionID(process: 1, shard: 0, slot: number, generation: 1),
    user: number == 1 ? "ada" : nil, address: "192.0.2.1", node: "n", rooms: 3,
    queueBytes: queue, messagesPerSecond: rate)
}

struct TopFiguresTests {
  @Test func `members are summed, of a rate the highest counts`() {
    var whole = TopFigures()
    for shard in [[room("a", 3, 5), room("b", 4, 0)], [room("a", 2, 4.5), room("c", 1, 9)]] {
      var part = TopFigures()
      part.largestRooms = shard
      part.busiestRooms = shard.filter { $0.messagesPerSecond > 0 }
      whole.merge(part)
    }
    #expect(whole.largestRooms == [room("a", 5, 5), room("b", 4, 0), room("c", 1, 9)])
    #expect(whole.busiestRooms.map(\.messagesPerSecond) == [9, 5])
  }

  @Test func `connections are put in order and cut`() {
    var whole = TopFigures()
    for number in UInt32(1)...5 {
      var part = TopFigures()
      part.deepestQueues = [connection(number, queue: Int(number) * 10, rate: 0)]
      part.busiestConnections = [connection(number, queue: 0, rate: 10 - Double(number))]
      whole.merge(part)
    }
    whole.cut(to: 3)
    #expect(whole.deepestQueues.map(\.queueBytes) == [50, 40, 30])
    #expect(whole.busiestConnections.map(\.messagesPerSecond) == [9, 8, 7])
  }

  @Test func `sums that do not fit a number stay at the highest one`() {
    var whole = TopFigures()
    whole.largestRooms = [room("a", .max, 0)]
    var part = TopFigures()
    part.largestRooms = [room("a", 1, 0)]
    whole.merge(part)
    #expect(whole.largestRooms == [room("a", .max, 0)])
  }

  @Test func `an answer is read as it was written`() throws {
    var answer = ControlAnswer()
    answer.top.largestRooms = [room("a\"b", 5, 2.5)]
    answer.top.busiestRooms = [room("ü", 0, 12)]
    answer.top.deepestQueues = [connection(1, queue: 7, rate: 0.1)]
    answer.top.busiestConnections = [connection(2, queue: 0, rate: 3)]
    let text = String(decoding: answer.json, as: UTF8.self)
    #expect(
      text == #"{"count":0,"top":{"rooms":[{"room":"a\"b","members":5,"messages_per_second":2.5}],"#
        + #""busiest_rooms":[{"room":"ü","messages_per_second":12}],"#
        + #""queues":[{"connection":"1-0.1.1","node":"n","user":"ada","#
        + #""address":"192.0.2.1","room_count":3,"queue_bytes":7,"messages_per_second":0.1}],"#
        + #""busiest_connections":[{"connection":"1-0.2.1","node":"n","#
        + #""address":"192.0.2.1","room_count":3,"queue_bytes":0,"messages_per_second":3}]}}"#)
    #expect(ControlAnswer(reading: answer.json, from: "n") == answer)
  }

  @Test(arguments: [
    (5, "5"), (5.04, "5"), (5.06, "5.1"), (0.04, "0"), (-1, "0"), (1e30, "1000000000000000"),
    (99.96, "100"),
  ])
  func `a rate has one decimal at most`(rate: Double, text: String) {
    var output: [UInt8] = []
    appendRate("r", rate, to: &output)
    #expect(String(decoding: output, as: UTF8.self) == ",\"r\":\(text)")
  }

  @Test(arguments: [
    #"{"count":0,"top":{}}"#, #"{"count":0,"top":[]}"#,
    #"{"count":0,"top":{"rooms":[1],"busiest_rooms":[],"queues":[],"busiest_connections":[]}}"#,
    #"{"count":0,"top":{"rooms":[{"room":"a","members":-1,"messages_per_second":0}],"#
      + #""busiest_rooms":[],"queues":[],"busiest_connections":[]}}"#,
    #"{"count":0,"top":{"rooms":[],"busiest_rooms":[],"queues":[{"connection":"x"}],"#
      + #""busiest_connections":[]}}"#,
  ])
  func `what no node writes is not read`(text: String) {
    #expect(ControlAnswer(reading: Array(text.utf8), from: "n") == nil)
  }

  @Test(arguments: [nil, "node-2"])
  func `a question for the top is read as it was written`(node: String?) {
    let question = ControlQuestion.top(limit: 7, node: node)
    #expect(ControlQuestion(reading: question.json, bytesMax: 4096) == question)
  }
}
