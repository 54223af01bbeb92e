// Swift text without its comments and string literals, so that a rule about code does not stumble
// over a sentence that speaks of it. Offsets stay: what is taken out is replaced by blanks.

/// A word of the code, with what stands around it.
struct CodeWord: Equatable, Sendable {
  /// The word: letters, digits and underscores.
  let text: String
  /// Offset of its first byte.
  let start: Int
  /// The byte in front of it; a line feed at the beginning.
  let before: UInt8
  /// The first byte behind it that is no blank; a line feed at the end of the line.
  let after: UInt8
}

/// The code of a Swift file.
struct SwiftCode: Sendable {
  /// The file.
  let file: SourceFile
  /// As long as the file; blanks where comments and string literals were.
  private(set) var bytes: [UInt8]
  /// The words in their order.
  private(set) var words: [CodeWord] = []

  private var source: [UInt8] { file.bytes }

  private enum Mode {
    /// Code; in an interpolation with so many parentheses open.
    case code(parentheses: Int)
    case string(hashes: Int, isMultiline: Bool)
  }

  /// The Swift files of `Sources`, and those of `Tests`.
  static let ofSources = SourceTree.files(under: "Sources", endingIn: ".swift").map(SwiftCode.init)
  static let ofTests = SourceTree.files(under: "Tests", endingIn: ".swift").map(SwiftCode.init)

  init(_ file: SourceFile) {
    self.file = file
    bytes = file.bytes
    blankOut()
    words = readWords()
  }

  init(_ path: String, _ text: String) {
    self.init(SourceFile(path, text))
  }

  /// `path:line` of a word.
  func place(of word: CodeWord) -> String { "\(file.path):\(file.line(at: word.start))" }

  private func readWords() -> [CodeWord] {
    var words: [CodeWord] = []
    var offset = 0
    while offset < bytes.count {
      guard Self.isWord(bytes[offset]) else {
        offset += 1
        continue
      }
      let start = offset
      while offset < bytes.count, Self.isWord(bytes[offset]) { offset += 1 }
      var next = offset
      while next < bytes.count, bytes[next] == UInt8(ascii: " ") { next += 1 }
      words.append(
        CodeWord(
          text: String(decoding: bytes[start..<offset], as: UTF8.self), start: start,
          before: start > 0 ? bytes[start - 1] : UInt8(ascii: "\n"),
          after: next < bytes.count ? bytes[next] : UInt8(ascii: "\n")))
    }
    return words
  }

  /// The plain string literal that comes next, as it stands in the source, and where it ends.
  ///
  /// Nil when other code comes first.
  func literal(from offset: Int) -> (text: String, end: Int)? {
    let quote = UInt8(ascii: "\"")
    var start = offset
    while start < source.count, " \n".utf8.contains(source[start]) { start += 1 }
    guard start < source.count, source[start] == quote,
      let end = source[(start + 1)...].firstIndex(of: quote)
    else { return nil }
    return (String(decoding: source[(start + 1)..<end], as: UTF8.self), end + 1)
  }

  static func isWord(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), 0x80...:
      true
    default: false
    }
  }

  // MARK: Taking comments and literals out

  private mutating func blankOut() {
    var modes = [Mode.code(parentheses: 0)]
    var offset = 0
    while offset < source.count {
      switch modes[modes.count - 1] {
      case .code(let parentheses): stepInCode(&offset, &modes, parentheses)
      case .string(let hashes, let isMultiline):
        stepInString(&offset, &modes, hashes, isMultiline)
      }
    }
  }

  private mutating func stepInCode(
    _ offset: inout Int, _ modes: inout [Mode], _ parentheses: Int
  ) {
    // Most bytes begin nothing.
    guard "/\"#()".utf8.contains(source[offset]) else {
      offset += 1
      return
    }
    if starts("//", at: offset) {
      while offset < source.count, source[offset] != UInt8(ascii: "\n") { blank(&offset, 1) }
      return
    }
    if starts("/*", at: offset) { return blankComment(&offset) }
    var hashes = 0
    while starts("#", at: offset + hashes) { hashes += 1 }
    if starts("\"", at: offset + hashes) {
      let isMultiline = starts("\"\"\"", at: offset + hashes)
      modes.append(.string(hashes: hashes, isMultiline: isMultiline))
      return blank(&offset, hashes + (isMultiline ? 3 : 1))
    }
    let isInterpolation = modes.count > 1
    if isInterpolation, source[offset] == UInt8(ascii: "(") {
      modes[modes.count - 1] = .code(parentheses: parentheses + 1)
    } else if isInterpolation, source[offset] == UInt8(ascii: ")") {
      if parentheses == 0 {
        modes.removeLast()
        return blank(&offset, 1)
      }
      modes[modes.count - 1] = .code(parentheses: parentheses - 1)
    }
    offset += max(hashes, 1)
  }

  private mutating func stepInString(
    _ offset: inout Int, _ modes: inout [Mode], _ hashes: Int, _ isMultiline: Bool
  ) {
    guard source[offset] == UInt8(ascii: "\"") || source[offset] == UInt8(ascii: "\\") else {
      return blank(&offset, 1)
    }
    let marks = String(repeating: "#", count: hashes)
    let end = (isMultiline ? "\"\"\"" : "\"") + marks
    if starts(end, at: offset) {
      modes.removeLast()
      blank(&offset, end.utf8.count)
    } else if starts("\\" + marks + "(", at: offset) {
      modes.append(.code(parentheses: 0))
      blank(&offset, 2 + hashes)
    } else if starts("\\" + marks, at: offset) {
      blank(&offset, 2 + hashes)
    } else {
      blank(&offset, 1)
    }
  }

  private mutating func blankComment(_ offset: inout Int) {
    var depth = 0
    while offset < source.count {
      if starts("/*", at: offset) {
        depth += 1
        blank(&offset, 2)
      } else if starts("*/", at: offset) {
        depth -= 1
        blank(&offset, 2)
        if depth == 0 { return }
      } else {
        blank(&offset, 1)
      }
    }
  }

  private func starts(_ text: String, at offset: Int) -> Bool {
    offset < source.count && source[offset...].starts(with: text.utf8)
  }

  private mutating func blank(_ offset: inout Int, _ count: Int) {
    for _ in 0..<count where offset < source.count {
      if source[offset] != UInt8(ascii: "\n") { bytes[offset] = UInt8(ascii: " ") }
      offset += 1
    }
  }
}
