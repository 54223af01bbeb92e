// From a word of a policy to yes or no.

public import RoostRooms

extension Permission {
  /// Whether the policy's word lets somebody do a thing in a room.
  ///
  /// `token` is refused as long as there are no tokens; the configuration does not accept it either.
  public func allows(_ identity: Identity, in room: RoomName?, isMember: Bool) -> Bool {
    switch self {
    case .nobody, .token: false
    case .anyone: true
    case .authenticated: identity.user != nil
    case .member: isMember
    case .owner: room != nil && room == identity.userRoom
    }
  }
}
