// What things are called in Redis. A room's name stands percent-escaped in a hash tag, so that no
// room can reach a key of the system or another room's, whatever it is called.

import RoostRooms

/// The names of keys and channels under one prefix.
///
/// Pure. Rules: "Names in Redis" of the operations guide.
struct RedisNames: Sendable {
  /// What every key begins with.
  let prefix: [UInt8]
  /// What every channel begins with: pub/sub knows no databases, so the number is in the name.
  let channelPrefix: [UInt8]

  /// Why a prefix is refused; nil when it may be used.
  static func violation(inPrefix prefix: String) -> String? {
    guard !prefix.isEmpty, prefix.utf8.count <= 64 else { return "a prefix has 1 to 64 bytes" }
    let isPlain = prefix.utf8.allSatisfy {
      $0 > 0x20 && $0 < 0x7F && !"{}*?[]\\%".utf8.contains($0)
    }
    return isPlain ? nil : "a prefix has no white space and none of { } * ? [ ] \\ %"
  }

  /// Names under a prefix in a database.
  init(prefix: String, database: Int) {
    precondition(Self.violation(inPrefix: prefix) == nil, "the prefix \(prefix)")
    self.prefix = Array(prefix.utf8)
    channelPrefix = Array((database == 0 ? prefix : "\(prefix)\(database):").utf8)
  }

  // MARK: Rooms

  /// The channel that carries a room's messages between nodes.
  func channel(_ room: RoomName) -> [UInt8] {
    tagged(channelPrefix, room.bytes, "live")
  }

  /// A key of a room: `log`, `meta`, `nodes`, `members:…`, `key:…`.
  func key(_ room: RoomName, _ suffix: String) -> [UInt8] {
    tagged(prefix, room.bytes, suffix)
  }

  /// The room whose channel this is; nil for anything else.
  func room(ofChannel channel: ArraySlice<UInt8>) -> RoomName? {
    let head = channelPrefix.count + 1
    let tail = 6
    guard channel.count > head + tail, channel.starts(with: channelPrefix),
      channel[channel.startIndex + channelPrefix.count] == UInt8(ascii: "{"),
      channel.suffix(tail).elementsEqual("}:live".utf8)
    else { return nil }
    let escaped = channel.dropFirst(head).dropLast(tail)
    guard let bytes = Self.unescaped(escaped) else { return nil }
    do {
      return try RoomName(bytes)
    } catch {
      return nil
    }
  }

  // MARK: The system

  /// A key of the system, in a namespace that no room reaches.
  func system(_ name: String) -> [UInt8] { prefix + Array("sys:\(name)".utf8) }

  /// A channel of the system.
  func systemChannel(_ name: String) -> [UInt8] { channelPrefix + Array("sys:\(name)".utf8) }

  /// A node's lease.
  func lease(_ incarnation: String) -> [UInt8] { system("node:\(incarnation)") }

  /// The channel on which a node gets answers and questions.
  func inbox(_ incarnation: String) -> [UInt8] { systemChannel("node:\(incarnation):in") }

  // MARK: Escaping

  private func tagged(_ prefix: [UInt8], _ name: [UInt8], _ suffix: String) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(prefix.count + name.count + suffix.utf8.count + 8)
    result += prefix
    result.append(UInt8(ascii: "{"))
    Self.escape(name, to: &result)
    result.append(UInt8(ascii: "}"))
    result.append(UInt8(ascii: ":"))
    result.append(contentsOf: suffix.utf8)
    return result
  }

  private static func isPlain(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x41...0x5A, 0x61...0x7A, 0x30...0x39, 0x80...0xFF: true
    // . _ - : / @ ~ !
    case 0x2E, 0x5F, 0x2D, 0x3A, 0x2F, 0x40, 0x7E, 0x21: true
    default: false
    }
  }

  /// Appends a name with everything escaped that means something to Redis or to these names.
  static func escape(_ name: [UInt8], to output: inout [UInt8]) {
    for byte in name {
      if isPlain(byte) {
        output.append(byte)
      } else {
        output.append(UInt8(ascii: "%"))
        for nibble in [byte >> 4, byte & 15] {
          output.append(nibble < 10 ? 48 + nibble : 55 + nibble)
        }
      }
    }
  }

  /// Reverses `escape`; nil for what it does not write.
  static func unescaped(_ escaped: ArraySlice<UInt8>) -> [UInt8]? {
    guard escaped.contains(UInt8(ascii: "%")) else {
      return escaped.allSatisfy(isPlain) ? Array(escaped) : nil
    }
    var name: [UInt8] = []
    var index = escaped.startIndex
    while index < escaped.endIndex {
      let byte = escaped[index]
      if byte == UInt8(ascii: "%") {
        guard index + 2 < escaped.endIndex, let high = nibble(escaped[index + 1]),
          let low = nibble(escaped[index + 2]), !isPlain(high << 4 | low)
        else { return nil }
        name.append(high << 4 | low)
        index += 3
      } else {
        guard isPlain(byte) else { return nil }
        name.append(byte)
        index += 1
      }
    }
    return name
  }

  private static func nibble(_ digit: UInt8) -> UInt8? {
    switch digit {
    case 48...57: digit - 48
    case 65...70: digit - 55
    default: nil
    }
  }
}
