// Patterns of room names in tokens. A star stands for any run of bytes. The pieces between stars are
// looked for one after the other, each at its first place: with a table for each piece (Knuth, Morris,
// Pratt) a name is read once, whatever the pattern, so that no token can make matching slow.

/// A pattern for the names of rooms.
public struct RoomPattern: Sendable, Equatable {
  /// The longest pattern.
  public static let bytesMax = 255

  /// What lies between two stars, and how far a search may fall back behind each of its bytes.
  private struct Piece: Sendable, Equatable {
    let bytes: [UInt8]
    let fallback: [UInt8]

    init(_ bytes: ArraySlice<UInt8>) {
      self.bytes = Array(bytes)
      var fallback = [UInt8](repeating: 0, count: bytes.count)
      var length = 0
      for place in self.bytes.indices.dropFirst() {
        while length > 0, self.bytes[place] != self.bytes[length] {
          length = Int(fallback[length - 1])
        }
        if self.bytes[place] == self.bytes[length] { length += 1 }
        fallback[place] = UInt8(truncatingIfNeeded: length)
      }
      self.fallback = fallback
    }

    /// Where the bytes end that match first from `start` on, before `end`; nil when none do.
    func firstEnd(in name: [UInt8], from start: Int, before end: Int) -> Int? {
      var length = 0
      var place = start
      while place < end {
        while length > 0, name[place] != bytes[length] { length = Int(fallback[length - 1]) }
        if name[place] == bytes[length] { length += 1 }
        place += 1
        if length == bytes.count { return place }
      }
      return nil
    }
  }

  /// What a name begins with; the whole of it where there is no star.
  private let head: [UInt8]
  /// What has to follow somewhere, in order.
  private let middle: [Piece]
  /// What a name ends with, behind the last star; nil when there is no star.
  private let tail: [UInt8]?

  /// A pattern of 1 to 255 bytes; nil when it has another length.
  public init?(_ bytes: [UInt8]) {
    guard (1...Self.bytesMax).contains(bytes.count) else { return nil }
    let pieces = bytes.split(
      separator: UInt8(ascii: "*"), omittingEmptySubsequences: false)
    head = Array(pieces[0])
    tail = pieces.count > 1 ? pieces.last.map { Array($0) } : nil
    middle = pieces.dropFirst().dropLast().filter { !$0.isEmpty }.map { Piece($0) }
  }

  /// Whether a name matches; linear in its length and the pattern's.
  public func matches(_ name: [UInt8]) -> Bool {
    guard let tail else { return name == head }
    guard name.count >= head.count + tail.count, name.starts(with: head),
      name.suffix(tail.count) == tail[...]
    else { return false }
    var place = head.count
    for piece in middle {
      guard let end = piece.firstEnd(in: name, from: place, before: name.count - tail.count) else {
        return false
      }
      place = end
    }
    return true
  }
}
