// All keys that a node accepts tokens of: those of its configuration, of a file and of a service,
// each checked before it is in the set, so that a shard can rely on them.

/// Keys for verifying tokens, each strong enough and fit for its algorithm.
///
/// Any thread; a value.
public struct KeySet: Sendable, Equatable {
  /// A key of a JWK set that was left out.
  public struct SkippedKey: Sendable, Equatable {
    /// Its place in the set, from 1 on.
    public let number: Int
    /// Its name, when it has one that may be shown.
    public let keyID: String?
    /// Why, a sentence part without its full stop.
    public let reason: String
  }

  /// The longest JWK set, in bytes.
  public static let bytesMax = 262_144
  /// The most keys of one source.
  public static let keysMax = 100

  /// The keys, in the order of their sources.
  public private(set) var keys: [TokenKeyMaterial]
  /// What was left out of a JWK set.
  public internal(set) var skipped: [SkippedKey] = []

  /// A set without keys, for which every token is unknown.
  public static let empty = KeySet(checked: [])

  /// Keys that a person has configured, every one of which must be right.
  ///
  /// - Throws: the first key's problem; a key with name and algorithm of an earlier one is one.
  public init(_ keys: [TokenKeyMaterial]) throws(KeyProblem) {
    guard keys.count <= Self.keysMax else { throw .tooMany(keysMax: Self.keysMax) }
    for (place, key) in keys.enumerated() {
      try key.check(number: place + 1)
      let hasTwin = keys[..<place].contains {
        $0.keyID == key.keyID && $0.algorithm == key.algorithm
      }
      if hasTwin { throw .duplicate(number: place + 1) }
    }
    self.keys = keys
  }

  init(checked keys: [TokenKeyMaterial]) { self.keys = keys }

  /// Whether there is no key.
  public var isEmpty: Bool { keys.isEmpty }

  /// This set and another one's keys behind it; those that are the same key are taken once.
  public func adding(_ other: KeySet) -> KeySet {
    var sum = self
    for key in other.keys where !sum.keys.contains(key) { sum.keys.append(key) }
    sum.skipped += other.skipped
    return sum
  }
}
