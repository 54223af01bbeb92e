// A room's name is its bytes. Swift strings compare by canonical equivalence, which would make two
// different names one room; two arrays of bytes are equal when they are equal.

/// Why a room name is refused.
public enum RoomNameViolation: Error, Equatable, Sendable {
  /// No bytes at all.
  case empty
  /// More than 255 bytes.
  case tooLong
  /// Not UTF-8.
  case invalidUTF8
  /// A control character, at that byte.
  case controlCharacter(at: Int)
  /// White space, at that byte.
  case whiteSpace(at: Int)

  /// A sentence for the client.
  public var reason: String {
    switch self {
    case .empty: "a room name has at least one byte"
    case .tooLong: "a room name has at most \(RoomName.bytesMax) bytes"
    case .invalidUTF8: "a room name is UTF-8"
    case .controlCharacter(let offset):
      "a control character stands at byte \(offset) of the room name"
    case .whiteSpace(let offset): "white space stands at byte \(offset) of the room name"
    }
  }
}

/// The name of a room: 1 to 255 bytes of UTF-8 without control characters and white space.
public struct RoomName: Hashable, Sendable, CustomStringConvertible {
  /// The longest name.
  public static let bytesMax = 255

  /// The name's bytes, valid UTF-8.
  public let bytes: [UInt8]

  /// Checks and takes over the bytes of a name.
  public init(_ bytes: [UInt8]) throws(RoomNameViolation) {
    guard !bytes.isEmpty else { throw .empty }
    guard bytes.count <= Self.bytesMax else { throw .tooLong }
    if let violation = Self.violation(in: bytes) { throw violation }
    self.bytes = bytes
  }

  /// A name that a literal or a checked value guarantees; nil when it is none.
  public init?(text: String) {
    do {
      try self.init(Array(text.utf8))
    } catch {
      return nil
    }
  }

  /// The part before the first colon, which picks the policy; empty without a colon.
  public var namespace: String {
    guard let colon = bytes.firstIndex(of: UInt8(ascii: ":")) else { return "" }
    return String(decoding: bytes[..<colon], as: UTF8.self)
  }

  /// Whether this is the room of one user, `user:<id>`, which only the server lets connections into.
  public var isUserRoom: Bool { bytes.starts(with: "user:".utf8) }

  /// Whether the name stands before another one in the order of their bytes.
  public func precedes(_ other: RoomName) -> Bool {
    bytes.lexicographicallyPrecedes(other.bytes)
  }

  /// The name as text.
  public var description: String { String(decoding: bytes, as: UTF8.self) }

  /// Hashes the bytes at one go: the generic hash of an array takes them one by one.
  public func hash(into hasher: inout Hasher) {
    unsafe bytes.withUnsafeBytes { unsafe hasher.combine(bytes: $0) }
  }

  /// Two names are one room when their bytes are the same.
  public static func == (left: RoomName, right: RoomName) -> Bool { left.bytes == right.bytes }

  private static func violation(in bytes: [UInt8]) -> RoomNameViolation? {
    // Nearly all names are printable ASCII.
    if bytes.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) { return nil }
    var offset = 0
    guard let text = String(validating: bytes, as: UTF8.self) else { return .invalidUTF8 }
    for scalar in text.unicodeScalars {
      if scalar.properties.generalCategory == .control { return .controlCharacter(at: offset) }
      if scalar.properties.isWhitespace { return .whiteSpace(at: offset) }
      offset += UTF8.width(scalar)
    }
    return nil
  }
}
