import Auth
import Testing

struct RevocationTableTests {
  private func grant(
    _ user: String = "ann", issuedAt: Int64? = 100, tokenID: String? = "t"
  ) -> Grant {
    Grant(
      user: user, info: nil, rights: .none, tokenID: tokenID, issuedAt: issuedAt, expiresAt: 10_000)
  }

  private func table(_ revocations: Revocation..., entriesMax: Int = 10) throws -> RevocationTable {
    var table = RevocationTable(entriesMax: entriesMax)
    for revocation in revocations { try table.revoke(revocation, now: 0) }
    return table
  }

  @Test(arguments: [(100, false), (101, true), (99, false)] as [(Int64, Bool)])
  func `a user's tokens are revoked that were issued before a time`(
    before: Int64, isRevoked: Bool
  ) throws {
    let table = try table(Revocation(.user("ann"), issuedBefore: before, until: 1000))
    #expect(table.isRevoked(grant(), now: 500) == isRevoked)
    #expect(!table.isRevoked(grant("bo"), now: 500))
  }

  @Test(arguments: [(100, false), (101, true)] as [(Int64, Bool)])
  func `everything issued before a time is revoked`(before: Int64, isRevoked: Bool) throws {
    let table = try table(Revocation(.everything, issuedBefore: before, until: 1000))
    #expect(table.isRevoked(grant(), now: 500) == isRevoked)
    #expect(table.isRevoked(grant("bo"), now: 500) == isRevoked)
  }

  @Test func `one token is revoked by its name`() throws {
    let table = try table(Revocation(.token("t"), issuedBefore: 0, until: 1000))
    #expect(table.isRevoked(grant(), now: 500))
    #expect(!table.isRevoked(grant(tokenID: "u"), now: 500))
    #expect(!table.isRevoked(grant(tokenID: nil), now: 500))
  }

  @Test func `a token that does not say when it was issued counts as an old one`() throws {
    let table = try table(Revocation(.user("ann"), issuedBefore: 1, until: 1000))
    #expect(table.isRevoked(grant(issuedAt: nil), now: 500))
    #expect(!table.isRevoked(grant(issuedAt: 1), now: 500))
  }

  @Test(arguments: [(999, true), (1000, false), (1001, false)] as [(Int64, Bool)])
  func `a revocation ends when its last token would have`(now: Int64, isRevoked: Bool) throws {
    let table = try table(
      Revocation(.user("ann"), issuedBefore: 500, until: 1000),
      Revocation(.token("t"), issuedBefore: 0, until: 1000),
      Revocation(.everything, issuedBefore: 500, until: 1000))
    #expect(table.isRevoked(grant(), now: now) == isRevoked)
  }

  @Test func `two revocations of one target are widened to both`() throws {
    let table = try table(
      Revocation(.user("ann"), issuedBefore: 200, until: 300),
      Revocation(.user("ann"), issuedBefore: 50, until: 1000))
    #expect(table.count == 1)
    #expect(
      table.revocations == [Revocation(.user("ann"), issuedBefore: 200, until: 1000)])
    #expect(table.isRevoked(grant(), now: 999))
  }

  @Test func `names that only look the same are two`() throws {
    let table = try table(
      Revocation(.user("\u{E9}"), issuedBefore: 200, until: 1000),
      Revocation(.token("e\u{301}"), issuedBefore: 0, until: 1000))
    #expect(table.isRevoked(grant("\u{E9}"), now: 1))
    #expect(!table.isRevoked(grant("e\u{301}"), now: 1))
    #expect(!table.isRevoked(grant(tokenID: "\u{E9}"), now: 1))
    #expect(
      !Revocation(.user("\u{E9}"), issuedBefore: 200, until: 9).concerns(grant("e\u{301}")))
  }

  @Test func `a full table refuses and forgets nothing that matters`() throws {
    var table = RevocationTable(entriesMax: 3)
    for user in ["a", "b", "c"] {
      try table.revoke(Revocation(.user(user), issuedBefore: 200, until: 1000), now: 0)
    }
    #expect(throws: RevocationFailure.full(entriesMax: 3)) {
      try table.revoke(Revocation(.user("d"), issuedBefore: 200, until: 1000), now: 999)
    }
    for user in ["a", "b", "c"] { #expect(table.isRevoked(grant(user), now: 999)) }
    // A target that is in it already needs no room.
    try table.revoke(Revocation(.user("a"), issuedBefore: 300, until: 2000), now: 999)
    // What is over makes room.
    try table.revoke(Revocation(.user("d"), issuedBefore: 200, until: 2000), now: 1000)
    #expect(table.count == 2)
    #expect(table.isRevoked(grant("a"), now: 1000))
    #expect(table.isRevoked(grant("d"), now: 1000))
  }

  @Test func `what is over is not taken, and is removed when asked`() throws {
    var table = RevocationTable(entriesMax: 3)
    try table.revoke(Revocation(.user("a"), issuedBefore: 5, until: 10), now: 10)
    #expect(table.count == 0)
    try table.revoke(Revocation(.user("a"), issuedBefore: 5, until: 11), now: 10)
    #expect(table.count == 1)
    table.removeExpired(now: 11)
    #expect(table.count == 0)
  }

  @Test func `a single revocation says whom it concerns as the table does`() throws {
    let revocations = [
      Revocation(.user("ann"), issuedBefore: 101, until: 1000),
      Revocation(.user("ann"), issuedBefore: 100, until: 1000),
      Revocation(.user("bo"), issuedBefore: 200, until: 1000),
      Revocation(.token("t"), issuedBefore: 0, until: 1000),
      Revocation(.token("u"), issuedBefore: 0, until: 1000),
      Revocation(.everything, issuedBefore: 101, until: 1000),
      Revocation(.everything, issuedBefore: 100, until: 1000),
    ]
    for revocation in revocations {
      for asked in [grant(), grant(issuedAt: nil), grant(tokenID: nil), grant("bo", issuedAt: 199)]
      {
        #expect(
          revocation.concerns(asked) == (try table(revocation).isRevoked(asked, now: 500)),
          "\(revocation) \(asked)")
      }
    }
  }
}
