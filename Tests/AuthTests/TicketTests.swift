import Auth
import RoostCrypto
import RoostRooms
import TestRandom
import Testing

struct TicketTests {
  private static let secret = [UInt8](repeating: 0x5A, count: 32)
  private static let other = [UInt8](repeating: 0xA5, count: 40)
  private static let now: Int64 = 1_800_000_000

  private static func ticket(
    user: String? = "ann", incarnation: String = "n1:8080~0123456789abcdef",
    issuedAt: Int64 = now, lifetime: Int64 = 86_400
  ) -> Ticket {
    Ticket(
      issuedAt: issuedAt, expiresAt: issuedAt + lifetime, id: Array(1...16),
      incarnation: incarnation,
      member: ConnectionID(
        process: 0xDEAD_BEEF_0000_0001, shard: 3, slot: 0x12_3456, generation: 7),
      user: user)
  }

  private static func read(
    _ text: [UInt8], _ secrets: [[UInt8]] = [secret], at wallSeconds: Int64 = now,
    leeway: Int64 = 60
  ) throws -> Ticket {
    try Ticket(text.span, secrets: secrets, wallSeconds: wallSeconds, leeway: leeway)
  }

  private static func text(_ ticket: Ticket, _ key: [UInt8] = secret) throws -> [UInt8] {
    let text = ticket.text(signedBy: key.span)
    return try #require(text)
  }

  @Test(arguments: [nil, "ann", "ünï ćödé", String(repeating: "u", count: 128)])
  func `what was signed is read alike`(user: String?) throws {
    let ticket = Self.ticket(user: user)
    let text = try Self.text(ticket)
    #expect(try Self.read(text) == ticket)
    #expect(text.allSatisfy { Self.isPlain($0) })
  }

  private static func isPlain(_ byte: UInt8) -> Bool {
    (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
      || byte == 45 || byte == 95
  }

  @Test func `the longest ticket has no more than 600 characters`() throws {
    let longest = Self.ticket(
      user: String(repeating: "u", count: 128), incarnation: String(repeating: "i", count: 120))
    #expect(try Self.text(longest).count <= Ticket.textBytesMax)
    #expect(try Self.read(Self.text(longest)) == longest)
    for ticket in [
      Self.ticket(user: String(repeating: "u", count: 129)), Self.ticket(user: ""),
      Self.ticket(incarnation: ""), Self.ticket(incarnation: String(repeating: "i", count: 121)),
    ] {
      let text = ticket.text(signedBy: Self.secret.span)
      #expect(text == nil)
    }
  }

  @Test func `its bytes are these`() throws {
    let ticket = Ticket(
      issuedAt: 1, expiresAt: 2, id: Array(16..<32), incarnation: "a~1",
      member: ConnectionID(process: 3, shard: 4, slot: 5, generation: 6), user: "bo")
    let text = try Self.text(ticket)
    let decoded = Base64.decodeURL(text.span)
    let bytes = try #require(decoded)
    let signed: [UInt8] =
      [1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2] + Array(16..<32)
      + [0, 0, 0, 0, 0, 0, 0, 3, 0, 4, 0, 0, 0, 5, 0, 0, 0, 6, 3, 97, 126, 49, 2, 98, 111]
    #expect(Array(bytes.dropLast(32)) == signed)
    let message = Array("roost ticket 1\0".utf8) + signed
    #expect(
      Array(bytes.suffix(32)) == HMAC.sha256(key: Self.secret.span, message: message.span))
  }

  @Test func `every secret verifies, and a code for something else is none`() throws {
    let ticket = Self.ticket()
    let text = try Self.text(ticket, Self.other)
    #expect(try Self.read(text, [Self.secret, Self.other]) == ticket)
    #expect(throws: Ticket.Rejection.forged) { try Self.read(text) }
    #expect(throws: Ticket.Rejection.forged) { try Self.read(text, []) }
    let decoded = Base64.decodeURL(text.span)
    let bytes = try #require(decoded)
    let bare = Array(bytes.dropLast(32))
    let code = HMAC.sha256(key: Self.secret.span, message: bare.span)
    let forged = Base64.encodeURL((bare + code).span)
    #expect(throws: Ticket.Rejection.forged) { try Self.read(forged) }
  }

  @Test func `nobody can change, cut or lengthen it`() throws {
    let text = try Self.text(Self.ticket())
    for place in text.indices {
      for bit: UInt8 in [1, 2, 32] {
        var changed = text
        changed[place] ^= bit
        #expect(throws: Ticket.Rejection.self, "\(place)") { try Self.read(changed) }
      }
      #expect(throws: Ticket.Rejection.self, "\(place)") { try Self.read(Array(text[..<place])) }
    }
    for tail in ["A", "AA", "AAAA", "=", "."] {
      #expect(throws: Ticket.Rejection.self) { try Self.read(text + Array(tail.utf8)) }
    }
    #expect(throws: Ticket.Rejection.malformed) {
      try Self.read([UInt8](repeating: 65, count: 601))
    }
  }

  @Test func `it lasts to its expiry and not before its beginning`() throws {
    let text = try Self.text(Self.ticket(lifetime: 100))
    #expect(throws: Ticket.Rejection.expired) { try Self.read(text, at: Self.now - 61) }
    for time in [Self.now - 60, Self.now, Self.now + 99] {
      #expect(throws: Never.self) { try Self.read(text, at: time) }
    }
    for time in [Self.now + 100, Self.now + 101, .max] {
      #expect(throws: Ticket.Rejection.expired) { try Self.read(text, at: time) }
    }
  }

  @Test func `it lasts for a day at most`() throws {
    #expect(Self.ticket(lifetime: 86_399).expiresAt == Self.now + 86_399)
    #expect(Self.ticket(lifetime: 86_400).expiresAt == Self.now + 86_400)
    #expect(Self.ticket(lifetime: 86_401).expiresAt == Self.now + 86_400)
  }

  @Test func `signed nonsense is refused and never traps`() throws {
    var generator = SeededGenerator.make()
    let whole = try Self.text(Self.ticket())
    let decoded = Base64.decodeURL(whole.span)
    let good = try #require(decoded).dropLast(32)
    for _ in 0..<2_000 {
      var bytes = Array(good)
      for _ in 0..<Int.random(in: 1...4, using: &generator) {
        let place = Int.random(in: 0..<bytes.count, using: &generator)
        switch Int.random(in: 0..<3, using: &generator) {
        case 0: bytes[place] = UInt8.random(in: 0...255, using: &generator)
        case 1: bytes.removeSubrange(place...)
        default: bytes.insert(UInt8.random(in: 0...255, using: &generator), at: place)
        }
        if bytes.isEmpty { bytes = [1] }
      }
      let message = Array("roost ticket 1\0".utf8) + bytes
      let code = HMAC.sha256(key: Self.secret.span, message: message.span)
      let text = Base64.encodeURL((bytes + code).span)
      guard let ticket = try? Self.read(text) else { continue }
      // What is read is what would be written.
      #expect(try Self.text(ticket) == text, "\(generator)")
    }
  }
}
