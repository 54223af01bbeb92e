// What the `rooms` claim of a token allows, asked only where the policy of a namespace says `token`.

public import RoostRooms

/// What somebody wants to do in a room.
public enum RoomAction: String, CaseIterable, Sendable {
  /// Become a member.
  case join
  /// Publish.
  case publish
  /// Read its history.
  case history
  /// Ask who is there.
  case presence
}

/// Patterns of rooms, each with what may be done in the rooms that it fits.
///
/// Any thread; a value of one word, nil inside when nothing is allowed.
public struct RoomRights: Sendable, Equatable {
  /// One pattern and its actions.
  public struct Rule: Sendable, Equatable {
    let pattern: RoomPattern
    let actions: Set<RoomAction>

    /// Lets somebody do these things in the rooms that the pattern fits.
    public init(_ pattern: RoomPattern, _ actions: Set<RoomAction>) {
      self.pattern = pattern
      self.actions = actions
    }
  }

  /// The most rules of one token.
  public static let rulesMax = 100

  private let rules: [Rule]?

  /// The right to do what any of the rules says.
  public init(_ rules: [Rule]) { self.rules = rules.isEmpty ? nil : rules }

  /// No right at all.
  public static let none = RoomRights([])

  /// Whether one of the rules lets its owner do this; linear in the rules.
  public func allows(_ action: RoomAction, in room: RoomName) -> Bool {
    guard let rules else { return false }
    return rules.contains { $0.actions.contains(action) && $0.pattern.matches(room.bytes) }
  }
}
