// Who a connection is, and what a policy lets it do.

import RoostCrypto
public import RoostRooms

/// Who is on the other end of a connection.
public struct Identity: Sendable, Equatable {
  /// The user; nil when anonymous.
  public let user: String?
  /// What the credential says about the user, JSON text; nil when nothing.
  public let info: [UInt8]?
  /// What a token allows in rooms whose policy asks it; nothing without a token.
  public let rights: RoomRights

  /// Puts an identity together.
  public init(user: String?, info: [UInt8]?, rights: RoomRights = .none) {
    self.user = user
    self.info = info
    self.rights = rights
  }

  /// Nobody in particular.
  public static let anonymous = Identity(user: nil, info: nil)

  /// The most bytes of a user's name.
  public static let userBytesMax = 128

  /// Whether a name may be a user's: 1 to 128 bytes of UTF-8 without control characters.
  public static func isValidUser(_ bytes: [UInt8]) -> Bool {
    guard (1...userBytesMax).contains(bytes.count),
      let text = String(validating: bytes, as: UTF8.self)
    else { return false }
    return !text.unicodeScalars.contains { $0.properties.generalCategory == .control }
  }

  /// The room that belongs to the user: `user:` and the name, percent-encoded where it must be.
  ///
  /// A name that would be too long is replaced by `=` and its SHA-256. Nil when anonymous.
  public var userRoom: RoomName? { user.flatMap(Self.room(ofUser:)) }

  /// The room that belongs to a user.
  public static func room(ofUser user: String) -> RoomName? {
    let prefix = Array("user:".utf8)
    var bytes = prefix
    for byte in user.utf8 {
      if isPlain(byte) {
        bytes.append(byte)
      } else {
        bytes.append(UInt8(ascii: "%"))
        appendHexadecimal(byte, to: &bytes)
      }
    }
    if bytes.count > RoomName.bytesMax {
      // No name is encoded with an equals sign, so nobody can be called like another's hash.
      bytes = prefix + [UInt8(ascii: "=")]
      for byte in Digest.sha256(Array(user.utf8).span) { appendHexadecimal(byte, to: &bytes) }
    }
    do {
      return try RoomName(bytes)
    } catch {
      return nil
    }
  }

  private static func isPlain(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"),
      UInt8(ascii: "-"), UInt8(ascii: "@"), UInt8(ascii: "~"):
      true
    default: false
    }
  }

  private static func appendHexadecimal(_ byte: UInt8, to bytes: inout [UInt8]) {
    for nibble in [byte >> 4, byte & 15] {
      bytes.append(nibble < 10 ? 48 + nibble : 55 + nibble)
    }
  }
}
