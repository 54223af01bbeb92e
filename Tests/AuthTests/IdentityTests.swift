import Auth
import RoostRooms
import Testing

struct IdentityTests {
  @Test(
    arguments: [
      ("ann", "user:ann"),
      ("AZaz09", "user:AZaz09"),
      ("._-@~", "user:._-@~"),
      ("ann@example.com", "user:ann@example.com"),
      // Whatever else a name holds is written as its bytes.
      ("a:b", "user:a%3Ab"),
      ("a b", "user:a%20b"),
      ("a/b?c#d", "user:a%2Fb%3Fc%23d"),
      ("100%", "user:100%25"),
      ("%41", "user:%2541"),
      ("=", "user:%3D"),
      ("tab\there", "user:tab%09here"),
      ("é", "user:%C3%A9"),
      // The same letter, decomposed, is another name.
      ("e\u{301}", "user:e%CC%81"),
      ("\u{10FFFF}", "user:%F4%8F%BF%BF"),
    ])
  func `a user's room is the name, percent-encoded`(user: String, room: String) {
    #expect(Identity.room(ofUser: user)?.description == room)
    #expect(Identity(user: user, info: nil).userRoom?.description == room)
  }

  @Test func `nobody in particular has no room`() {
    #expect(Identity.anonymous.userRoom == nil)
    #expect(Identity.anonymous == Identity(user: nil, info: nil))
  }

  @Test func `a name whose room would be longer than a room's name is replaced by its hash`() throws
  {
    // 5 bytes of prefix, 3 for each space: 83 spaces and a letter are 255.
    let spaces = String(repeating: " ", count: 83)
    let longest = try #require(Identity.room(ofUser: spaces + "a"))
    #expect(longest.bytes.count == 255)
    #expect(
      longest.description == "user:" + String(repeating: "%20", count: 83) + "a")
    let hashed = try #require(Identity.room(ofUser: spaces + "ab"))
    #expect(
      hashed.description
        == "user:=4BDC3B010AEBC5F6AF703C3B96B3C32B94D9DF383795864E465E124BE0510763")
  }

  // The hash stood there without its sign, so that whoever was allowed to be called like it would
  // have got the other's messages.
  @Test func `a user who is called like another's hash has another room`() throws {
    let name = String(repeating: "\u{20AC}", count: 40)
    let room = try #require(Identity.room(ofUser: name))
    let imitation = String(room.description.dropFirst("user:".count))
    #expect(Identity.isValidUser(Array(imitation.utf8)))
    #expect(Identity.room(ofUser: imitation) != room)
    #expect(Identity.room(ofUser: String(imitation.dropFirst())) != room)
  }

  @Test func `every user's room is a user's room and no two users share one`() {
    var rooms: Set<RoomName> = []
    var users = 0
    for first in 0...255 {
      for second in stride(from: 0, through: 255, by: 5) {
        guard let user = String(validating: [UInt8(first), UInt8(second)], as: UTF8.self) else {
          continue
        }
        users += 1
        guard let room = Identity.room(ofUser: user) else { continue }
        #expect(room.isUserRoom)
        rooms.insert(room)
      }
    }
    #expect(rooms.count == users)
  }

  @Test(
    arguments: [
      (Array("ann".utf8), true),
      ([], false),
      ([0x61], true),
      (Array(repeating: 0x61, count: 127), true),
      (Array(repeating: 0x61, count: 128), true),
      (Array(repeating: 0x61, count: 129), false),
      (Array(repeating: 0x61, count: 126) + [0xC3, 0xA9], true),
      (Array(repeating: 0x61, count: 127) + [0xC3, 0xA9], false),
      (Array("a b/c:d".utf8), true),
      ([0x61, 0x00], false),
      ([0x1F], false),
      ([0x20], true),
      ([0x7E], true),
      ([0x7F], false),
      ([0xC2, 0x80], false),
      ([0xC2, 0x9F], false),
      ([0xC2, 0xA0], true),
      // Not UTF-8: stray, cut off, overlong, surrogate.
      ([0x80], false),
      ([0xC3], false),
      ([0xC0, 0xAF], false),
      ([0xED, 0xA0, 0x80], false),
    ] as [([UInt8], Bool)])
  func `a user's name is 1 to 128 bytes of UTF-8 without control characters`(
    bytes: [UInt8], isValid: Bool
  ) {
    #expect(Identity.isValidUser(bytes) == isValid)
  }
}
