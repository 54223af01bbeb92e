// Tokens that are no longer good although their time has not come: those of a user, one by its name,
// or all of an age. An entry is kept until the last token that it is about would have expired. The
// table is bounded and never forgets in silence: what does not fit is refused, and whoever asked
// hears it.

/// Tokens that are taken back.
public struct Revocation: Sendable, Equatable {
  /// Which tokens.
  public enum Target: Hashable, Sendable {
    /// All of a user that were issued before a time.
    case user(String)
    /// The one with this name (`jti`), whenever it was issued.
    case token(String)
    /// All that were issued before a time.
    case everything
  }

  /// Which tokens.
  public let target: Target
  /// Only those issued before it, in seconds since 1970; without meaning for a single token.
  public let issuedBefore: Int64
  /// When the last of them will have expired, in seconds since 1970.
  public let until: Int64

  /// Puts a revocation together.
  public init(_ target: Target, issuedBefore: Int64, until: Int64) {
    self.target = target
    self.issuedBefore = issuedBefore
    self.until = until
  }

  /// Whether it is about the token of a grant.
  ///
  /// A token that does not say when it was issued counts as an old one.
  public func concerns(_ grant: Grant) -> Bool {
    switch target {
    case .user(let user): Self.isSame(user, grant.user) && (grant.issuedAt ?? 0) < issuedBefore
    case .token(let tokenID): grant.tokenID.map { Self.isSame($0, tokenID) } ?? false
    case .everything: (grant.issuedAt ?? 0) < issuedBefore
    }
  }

  /// Names are bytes: two that only look the same are two.
  private static func isSame(_ first: String, _ second: String) -> Bool {
    first.utf8.elementsEqual(second.utf8)
  }
}

/// Why a revocation was not taken.
public enum RevocationFailure: Error, Equatable, Sendable {
  /// The table holds as many as it may, all of them still needed.
  case full(entriesMax: Int)
}

/// The revocations that still matter.
///
/// Owner: one thread; a value. Every question costs three look-ups.
public struct RevocationTable: Sendable {
  private struct Entry: Sendable {
    var issuedBefore: Int64
    var until: Int64
  }

  private enum Key: Hashable, Sendable {
    case user([UInt8])
    case token([UInt8])
    case everything

    init(_ target: Revocation.Target) {
      switch target {
      case .user(let name): self = .user(Array(name.utf8))
      case .token(let name): self = .token(Array(name.utf8))
      case .everything: self = .everything
      }
    }
  }

  private let entriesMax: Int
  private var entries: [Key: Entry] = [:]

  /// A table for at most so many revocations, 1 or more.
  public init(entriesMax: Int) {
    precondition(entriesMax > 0, "a table of \(entriesMax) revocations")
    self.entriesMax = entriesMax
  }

  /// How many revocations it holds.
  public var count: Int { entries.count }

  /// Adds a revocation; one of the same target is widened to both.
  ///
  /// One that is over already is not added. Makes room by removing what is over, which costs O(n)
  /// when the table is full.
  public mutating func revoke(
    _ revocation: Revocation, now: Int64
  ) throws(RevocationFailure) {
    guard revocation.until > now else { return }
    let key = Key(revocation.target)
    if let known = entries[key] {
      entries[key] = Entry(
        issuedBefore: max(known.issuedBefore, revocation.issuedBefore),
        until: max(known.until, revocation.until))
      return
    }
    if entries.count >= entriesMax { removeExpired(now: now) }
    guard entries.count < entriesMax else { throw .full(entriesMax: entriesMax) }
    entries[key] = Entry(issuedBefore: revocation.issuedBefore, until: revocation.until)
  }

  /// Removes what is over; O(n), so now and then.
  public mutating func removeExpired(now: Int64) {
    entries = entries.filter { $0.value.until > now }
  }

  /// Whether the token of a grant is taken back.
  public func isRevoked(_ grant: Grant, now: Int64) -> Bool {
    let issued = grant.issuedAt ?? 0
    if let entry = entries[.everything], entry.until > now, issued < entry.issuedBefore {
      return true
    }
    if let entry = entries[.user(Array(grant.user.utf8))], entry.until > now,
      issued < entry.issuedBefore
    {
      return true
    }
    guard let tokenID = grant.tokenID, let entry = entries[.token(Array(tokenID.utf8))] else {
      return false
    }
    return entry.until > now
  }

  /// All that it holds, in no order: for nodes that come later.
  public var revocations: [Revocation] {
    entries.map { key, entry in
      let target: Revocation.Target =
        switch key {
        case .user(let name): .user(String(decoding: name, as: UTF8.self))
        case .token(let name): .token(String(decoding: name, as: UTF8.self))
        case .everything: .everything
        }
      return Revocation(target, issuedBefore: entry.issuedBefore, until: entry.until)
    }
  }
}
