import Auth
import RoostRooms
import Testing

struct PermissionsTests {
  enum Asker: CaseIterable {
    case anonymous, otherUser, owner

    var identity: Identity {
      switch self {
      case .anonymous: .anonymous
      case .otherUser: Identity(user: "bo", info: nil)
      case .owner: Identity(user: "ann", info: nil)
      }
    }
  }

  struct Line: CustomTestStringConvertible {
    let permission: Permission
    let asker: Asker
    /// As no member, and as a member, of the room `user:ann`.
    let allowed: (Bool, Bool)

    init(_ permission: Permission, _ asker: Asker, _ outsider: Bool, _ member: Bool) {
      self.permission = permission
      self.asker = asker
      allowed = (outsider, member)
    }

    var testDescription: String { "\(permission) \(asker)" }
  }

  static let table: [Line] = [
    Line(.nobody, .anonymous, false, false),
    Line(.nobody, .otherUser, false, false),
    Line(.nobody, .owner, false, false),
    Line(.anyone, .anonymous, true, true),
    Line(.anyone, .otherUser, true, true),
    Line(.anyone, .owner, true, true),
    Line(.authenticated, .anonymous, false, false),
    Line(.authenticated, .otherUser, true, true),
    Line(.authenticated, .owner, true, true),
    Line(.member, .anonymous, false, true),
    Line(.member, .otherUser, false, true),
    Line(.member, .owner, false, true),
    Line(.token, .anonymous, false, false),
    Line(.token, .otherUser, false, false),
    Line(.token, .owner, false, false),
    Line(.owner, .anonymous, false, false),
    Line(.owner, .otherUser, false, false),
    Line(.owner, .owner, true, true),
  ]

  @Test(arguments: table)
  func `each word of a policy says who may`(line: Line) throws {
    let room = try RoomName(Array("user:ann".utf8))
    let identity = line.asker.identity
    #expect(
      line.permission.allows(identity, in: room, isMember: false, action: .join) == line.allowed.0)
    #expect(
      line.permission.allows(identity, in: room, isMember: true, action: .join) == line.allowed.1)
  }

  @Test func `the table has a line for every word and every asker`() {
    #expect(Self.table.count == Permission.allCases.count * Asker.allCases.count)
    for permission in Permission.allCases {
      #expect(Self.table.filter { $0.permission == permission }.map(\.asker) == Asker.allCases)
    }
  }

  @Test(arguments: ["lobby", "user:annn", "user:an", "user:Ann", "user:", "users:ann", "ann"])
  func `a user owns the room of its own name and no other`(room: String) throws {
    let ann = Identity(user: "ann", info: nil)
    let name = try RoomName(Array(room.utf8))
    #expect(!Permission.owner.allows(ann, in: name, isMember: true, action: .join))
  }

  @Test func `where there is no room nobody owns it`() {
    for asker in Asker.allCases {
      #expect(!Permission.owner.allows(asker.identity, in: nil, isMember: false, action: .join))
    }
  }

  @Test(arguments: RoomAction.allCases, [false, true])
  func `the word token asks what the token allows, and nothing else`(
    action: RoomAction, isMember: Bool
  ) throws {
    let pattern = try #require(RoomPattern(Array("chat:*".utf8)))
    let rights = RoomRights([RoomRights.Rule(pattern, [.join, .history])])
    let ann = Identity(user: "ann", info: nil, rights: rights)
    let room = try RoomName(Array("chat:lobby".utf8))
    let other = try RoomName(Array("news:lobby".utf8))
    #expect(
      Permission.token.allows(ann, in: room, isMember: isMember, action: action)
        == (action == .join || action == .history))
    #expect(!Permission.token.allows(ann, in: other, isMember: isMember, action: action))
    #expect(!Permission.token.allows(ann, in: nil, isMember: isMember, action: action))
    #expect(!Permission.token.allows(ann, in: room, isMember: isMember, action: nil))
  }

  @Test func `the anonymous do not own the room of the empty name`() throws {
    let room = try RoomName(Array("user:".utf8))
    #expect(!Permission.owner.allows(.anonymous, in: room, isMember: false, action: .join))
  }
}
