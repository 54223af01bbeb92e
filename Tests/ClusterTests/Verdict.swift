// What was promised, held against what every member wrote down.

import TestSupport

/// What a scenario may cost.
struct Allowance {
  /// Whether rooms with history may have been reset: data was lost on purpose.
  var resets = false
  /// Whether rooms without history may have told a gap.
  var gaps = true
  /// Whether accepted messages may be missing, because a primary without them was put in place.
  var losses = false
}

extension Swarm {
  /// Everything that is not as it was promised; empty when all is well.
  func verdict(_ allowance: Allowance = Allowance()) -> [String] {
    var problems: [String] = []
    for member in members {
      problems += member.problems.prefix(3).map { "\(member.name) in \(member.room): \($0)" }
    }
    for room in rooms {
      if members(of: room)[0].keepsHistory {
        problems += order(of: room, allowance)
      } else if !allowance.gaps {
        for member in members(of: room) where member.seen.contains(.gap) {
          problems.append("\(member.name) in \(room) was told a gap")
        }
      }
      problems += presence(in: room)
    }
    return problems
  }

  /// Where somebody sees others than are there.
  var ghosts: [String] { rooms.flatMap { presence(in: $0) } }

  private func order(of room: String, _ allowance: Allowance) -> [String] {
    var problems: [String] = []
    // The same offset is the same message for all who came to the same life of the room without a
    // reset, also what they were given in earlier lives on the way.
    var log: [String: String] = [:]
    var places: [String: Set<String>] = [:]
    for member in members(of: room) {
      for part in Self.parts(of: member) {
        for (offset, text) in part.texts {
          let place = "\(part.epoch) \(offset)"
          if let other = log.updateValue(text, forKey: place), other != text {
            problems.append("\(room) \(place) is \(text) for \(member.name), \(other) for others")
          }
          places[text, default: []].insert("\(offset)")
        }
      }
      for entry in member.seen {
        switch entry {
        case .reset, .joined(_, _, recovered: .some(false)):
          if !allowance.resets {
            problems.append("\(member.name) in \(room) was reset: \(entry)")
          }
        case .gap: problems.append("\(member.name) was told a gap in \(room), which has history")
        default: break
        }
      }
    }
    for (text, found) in places where found.count > 1 && !allowance.losses {
      problems.append("\(text) stands in \(room) at \(found.sorted())")
    }
    for member in members(of: room) {
      for (text, end) in member.ends {
        switch end {
        case .accepted(_, let offset):
          if !allowance.losses, places[text] != ["\(offset)"] {
            problems.append(
              "\(text), accepted in \(room) at \(offset), came at \(places[text] ?? [])")
          }
        case .refused(let code):
          if places[text] != nil {
            problems.append("\(text) was refused with \(code) and came nevertheless")
          }
        case .unknown: break
        }
      }
    }
    if !allowance.losses {
      for member in members(of: room) where !member.isInOrder {
        problems.append("what \(member.name) published in \(room) was accepted out of order")
      }
    }
    let ends = Set(members(of: room).map { "\($0.epoch) \($0.offset)" })
    if ends.count > 1 { problems.append("the members of \(room) end at \(ends.sorted())") }
    return problems
  }

  /// What a member was given between two resets, and the life of the room to which that led.
  private static func parts(
    of member: ClusterMember
  ) -> [(epoch: String, texts: [(offset: Int64, text: String)])] {
    var parts: [(epoch: String, texts: [(offset: Int64, text: String)])] = [("", [])]
    for entry in member.seen {
      let last = parts.count - 1
      switch entry {
      case .message(let epoch, let offset, let text):
        parts[last].epoch = epoch
        parts[last].texts.append((offset, text))
      case .joined(let epoch, _, recovered: .some(true)): parts[last].epoch = epoch
      case .joined(let epoch, _, _), .reset(let epoch, _): parts.append((epoch, []))
      case .plain, .gap, .presenceReset: continue
      }
    }
    return parts
  }

  private func presence(in room: String) -> [String] {
    guard members(of: room)[0].tellsPresence else { return [] }
    let truth = Set(members(of: room).filter(\.isPresent).map(\.connection))
    return members(of: room).filter { $0.isPresent && $0.present != truth }.map {
      "\($0.name) misses \(truth.subtracting($0.present).count) members of \(room) and sees "
        + "\($0.present.subtracting(truth).count) ghosts"
    }
  }
}
