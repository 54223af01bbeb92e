// A line that is typed on a terminal: what keys do to it. Pure: bytes in, what is to be done out; the
// terminal itself belongs to ConnectCommand.

/// The line under way and the ones before it.
struct LineEditor {
  /// What a key came to.
  enum Action: Equatable {
    case nothing
    /// The line has to be drawn again.
    case changed
    /// A line is complete.
    case line(String)
    /// The screen is to be cleared.
    case clear
    /// The user has had enough.
    case quit
  }

  /// Bytes of the longest line.
  private static let bytesMax = 65_536
  private static let linesMax = 500

  /// The line.
  private(set) var characters: [Character] = []
  /// Before which of them the cursor stands.
  private(set) var cursor = 0
  private var lines: [String] = []
  /// Which of the lines is shown; `lines.count`: the one under way.
  private var shown = 0
  private var draft = ""
  /// Bytes of a character or an escape sequence that is not complete yet.
  private var pending: [UInt8] = []

  /// The line as text.
  var text: String { String(characters) }

  /// Takes one byte of the terminal.
  mutating func take(_ byte: UInt8) -> Action {
    if pending.first == 0x1B { return takeEscape(byte) }
    if !pending.isEmpty || byte >= 0x80 { return takeContinuation(byte) }
    switch byte {
    case 0x01: return move(to: 0)
    case 0x02: return move(to: cursor - 1)
    case 0x03: return .quit
    case 0x04: return characters.isEmpty ? .quit : delete(at: cursor)
    case 0x05: return move(to: characters.count)
    case 0x06: return move(to: cursor + 1)
    case 0x08, 0x7F: return cursor > 0 ? delete(at: cursor - 1) : .nothing
    case 0x0A, 0x0D: return complete()
    case 0x0B: return replace(Array(characters[..<cursor]), cursor: cursor)
    case 0x0C: return .clear
    case 0x0E: return show(shown + 1)
    case 0x10: return show(shown - 1)
    case 0x15: return replace(Array(characters[cursor...]), cursor: 0)
    case 0x17: return deleteWord()
    case 0x1B:
      pending = [byte]
      return .nothing
    case 0x20..<0x7F: return insert(Character(UnicodeScalar(byte)))
    default: return .nothing
    }
  }

  // MARK: Characters of several bytes

  private mutating func takeContinuation(_ byte: UInt8) -> Action {
    pending.append(byte)
    let needed: Int
    switch pending[0] {
    case 0xC2...0xDF: needed = 2
    case 0xE0...0xEF: needed = 3
    case 0xF0...0xF4: needed = 4
    default: needed = 1
    }
    guard pending.count >= needed else { return .nothing }
    let bytes = pending
    pending = []
    guard let text = String(validating: bytes, as: UTF8.self), let character = text.first else {
      return .nothing
    }
    return insert(character)
  }

  private mutating func takeEscape(_ byte: UInt8) -> Action {
    pending.append(byte)
    if pending.count == 2 {
      // ESC [ and ESC O begin the keys; anything else is a key with Alt, which does nothing here.
      if byte != UInt8(ascii: "["), byte != UInt8(ascii: "O") { pending = [] }
      return .nothing
    }
    // Parameters go on, up to a bound.
    guard (0x40...0x7E).contains(byte) else {
      if pending.count > 16 { pending = [] }
      return .nothing
    }
    let sequence = String(decoding: pending.dropFirst(2), as: UTF8.self)
    pending = []
    switch sequence {
    case "A": return show(shown - 1)
    case "B": return show(shown + 1)
    case "C": return move(to: cursor + 1)
    case "D": return move(to: cursor - 1)
    case "H", "1~", "7~": return move(to: 0)
    case "F", "4~", "8~": return move(to: characters.count)
    case "3~": return delete(at: cursor)
    default: return .nothing
    }
  }

  // MARK: Changes

  private mutating func insert(_ character: Character) -> Action {
    guard characters.count < Self.bytesMax / 4 else { return .nothing }
    characters.insert(character, at: cursor)
    // A mark that joins the character before it is one character with it.
    let joined = Array(String(characters))
    cursor = min(cursor + 1 - (characters.count - joined.count), joined.count)
    characters = joined
    return .changed
  }

  private mutating func delete(at place: Int) -> Action {
    guard characters.indices.contains(place) else { return .nothing }
    characters.remove(at: place)
    if place < cursor { cursor -= 1 }
    return .changed
  }

  private mutating func deleteWord() -> Action {
    var start = cursor
    while start > 0, characters[start - 1] == " " { start -= 1 }
    while start > 0, characters[start - 1] != " " { start -= 1 }
    return replace(Array(characters[..<start] + characters[cursor...]), cursor: start)
  }

  private mutating func replace(_ new: [Character], cursor place: Int) -> Action {
    guard new != characters || place != cursor else { return .nothing }
    characters = new
    cursor = place
    return .changed
  }

  private mutating func move(to place: Int) -> Action {
    let bounded = min(max(place, 0), characters.count)
    guard bounded != cursor else { return .nothing }
    cursor = bounded
    return .changed
  }

  private mutating func show(_ place: Int) -> Action {
    guard (0...lines.count).contains(place), place != shown else { return .nothing }
    if shown == lines.count { draft = text }
    shown = place
    let line = place == lines.count ? draft : lines[place]
    return replace(Array(line), cursor: line.count)
  }

  private mutating func complete() -> Action {
    let line = text
    characters = []
    cursor = 0
    draft = ""
    if !line.isEmpty, line != lines.last {
      lines.append(line)
      if lines.count > Self.linesMax { lines.removeFirst() }
    }
    shown = lines.count
    return .line(line)
  }
}
