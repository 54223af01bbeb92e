// A walk over all rooms and connections of a shard for `GET /v1/top`: a slice of each table a round,
// so that no delivery waits for it, and only while somebody has asked.

import Auth
import RoostEventLoop
import RoostRooms

/// A walk that is under way.
struct TopSurvey {
  /// Elements of each list; the API tells no more.
  static let limit = 100
  /// Places of each table that one round looks at: some 50 microseconds.
  static let slice = 1024

  /// The numbers of the questions that wait for the result.
  var askers: [UInt64] = []
  var nextRoom = 0
  var nextSlot: Int32 = 0
  var largestRooms = Ranking<RoomName>(limit: TopSurvey.limit)
  var busiestRooms = Ranking<RoomName>(limit: TopSurvey.limit)
  var deepestQueues = Ranking<SlotToken>(limit: TopSurvey.limit)
  var busiestConnections = Ranking<SlotToken>(limit: TopSurvey.limit)
}

extension Core {
  /// Begins a walk for a question, or lets it share the one that is under way.
  mutating func beginSurvey(_ number: UInt64) {
    if survey == nil { survey = TopSurvey() }
    survey?.askers.append(number)
  }

  /// Looks at the next slices; behind the last ones everybody who asked is answered.
  mutating func continueSurvey(_ now: MonotonicInstant) {
    guard var survey = survey.take() else { return }
    let roomsEnd = min(survey.nextRoom + TopSurvey.slice, rooms.placesUsed)
    for place in survey.nextRoom..<max(roomsEnd, survey.nextRoom) {
      guard let room = rooms.activity(at: place, second: second) else { continue }
      survey.largestRooms.offer(Double(room.members), room.room)
      survey.busiestRooms.offer(room.messagesPerSecond, room.room)
    }
    survey.nextRoom = max(roomsEnd, survey.nextRoom)
    let slotsEnd = min(survey.nextSlot + Int32(TopSurvey.slice), connections.slotsUsed)
    for slot in survey.nextSlot..<max(slotsEnd, survey.nextSlot) {
      guard let token = connections.token(at: slot), connections[slot].isLive else { continue }
      survey.deepestQueues.offer(Double(queuedBytes(slot)), token)
      survey.busiestConnections.offer(connections[slot].messageRate.perSecond(at: second), token)
    }
    survey.nextSlot = max(slotsEnd, survey.nextSlot)
    guard survey.nextRoom >= rooms.placesUsed, survey.nextSlot >= connections.slotsUsed else {
      return self.survey = survey
    }
    finish(survey, now)
  }

  private mutating func finish(_ survey: TopSurvey, _ now: MonotonicInstant) {
    // Much may have changed since a place was looked at: the figures are those of this moment, and
    // what is gone, or came back at another place, does not stand here twice.
    var answer = ControlAnswer()
    answer.top.largestRooms = activities(of: survey.largestRooms.elements)
    answer.top.busiestRooms = activities(of: survey.busiestRooms.elements)
    answer.top.deepestQueues = figures(of: survey.deepestQueues.elements)
    answer.top.busiestConnections = figures(of: survey.busiestConnections.elements)
    for number in survey.askers {
      if index == 0 {
        gathered(number, answer, now)
      } else {
        post(.controlAnswered(number: number, answer), to: 0)
      }
    }
  }

  private func activities(of names: [RoomName]) -> [RoomActivity] {
    var seen: Set<RoomName> = []
    return names.compactMap { name in
      guard seen.insert(name).inserted, let room = rooms.index(of: name) else { return nil }
      return rooms.activity(at: Int(room), second: second)
    }
  }

  private func figures(of tokens: [SlotToken]) -> [ConnectionFigure] {
    var figures: [ConnectionFigure] = []
    for token in tokens where connections.isCurrent(token) && connections[token.index].isLive {
      let slot = token.index
      figures.append(
        ConnectionFigure(
          connection: memberID(of: slot), user: connections[slot].session.identity.user,
          address: connections[slot].address.hostText, node: shared.nodeID,
          rooms: connections[slot].session.roomCount, queueBytes: queuedBytes(slot),
          messagesPerSecond: connections[slot].messageRate.perSecond(at: second)))
    }
    return figures
  }
}
