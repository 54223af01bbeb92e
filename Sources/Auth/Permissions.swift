// From a word of a policy to yes or no.

public import RoostRooms

extension Permission {
  /// Whether the policy's word lets somebody do a thing in a room.
  ///
  /// - Parameter action: what the claims of a token must allow where the word is `token`; nil for
  ///   what no claim can allow.
  public func allows(
    _ identity: Identity, in room: RoomName?, isMember: Bool, action: RoomAction?
  ) -> Bool {
    switch self {
    case .nobody: false
    case .token:
      if let room, let action { identity.rights.allows(action, in: room) } else { false }
    case .anyone: true
    case .authenticated: identity.user != nil
    case .member: isMember
    case .owner: room != nil && room == identity.userRoom
    }
  }
}
