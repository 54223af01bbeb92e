// What a cluster remembers of tokens that were taken back. The backplane keeps it for nodes that come
// later, and knows nothing of tokens: a name stands for what was taken back.

/// One thing that was taken back.
public struct RevocationRecord: Sendable, Equatable {
  /// Bytes that a name has at most.
  public static let nameBytesMax = 160
  /// Records that a cluster keeps at most.
  public static let recordsMax = 100_000

  /// What was taken back, in the gateway's words.
  public let name: [UInt8]
  /// Only what was issued before it, in seconds since 1970.
  public let issuedBefore: Int64
  /// How long it matters, in seconds since 1970.
  public let until: Int64

  /// Puts a record together.
  public init(name: [UInt8], issuedBefore: Int64, until: Int64) {
    self.name = name
    self.issuedBefore = issuedBefore
    self.until = until
  }

  /// The value under the name: both times.
  var value: [UInt8] { Array("\(issuedBefore) \(until)".utf8) }

  /// Reads what stands in Redis, where others may write, too; nil for what is no record.
  init?(name: [UInt8], value: [UInt8]) {
    guard (1...Self.nameBytesMax).contains(name.count), value.count <= 41 else { return nil }
    let parts = String(decoding: value, as: UTF8.self).split(
      separator: " ", omittingEmptySubsequences: false)
    guard parts.count == 2, let issuedBefore = Int64(parts[0]), let until = Int64(parts[1])
    else { return nil }
    self.init(name: name, issuedBefore: issuedBefore, until: until)
  }
}
