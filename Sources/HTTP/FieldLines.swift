// The field lines of a head (RFC 9112, 5; RFC 9110, 5): one copy of the bytes, and ranges into it.
// Requests and responses share it; nothing becomes a string before somebody asks. The questions are
// in `FieldLines+Values.swift`.

/// The fields of a head: its bytes, and where names and values stand in them.
///
/// Any thread; a value.
public struct FieldLines: Sendable, Equatable {
  /// One field; offsets into `bytes`, which a head's limit keeps far below 32 bits.
  struct Line: Sendable, Equatable {
    let nameStart: UInt32
    let nameEnd: UInt32
    let valueStart: UInt32
    let valueEnd: UInt32
    let kind: FieldName.Kind

    var name: Range<Int> { Int(nameStart)..<Int(nameEnd) }
    var value: Range<Int> { Int(valueStart)..<Int(valueEnd) }
  }

  /// The head as it came, start line and empty line included; ranges of values are ranges of it.
  public let bytes: [UInt8]
  private(set) var lines: [Line] = []

  init(bytes: [UInt8]) {
    self.bytes = bytes
    lines.reserveCapacity(16)
  }

  /// Parses field lines from `offset` up to and including the empty line.
  mutating func parse(from offset: Int, fieldsMax: Int) throws(HTTPViolation) {
    var offset = offset
    while true {
      let end = try lineEnd(from: offset)
      if end == offset { return }
      guard lines.count < fieldsMax else { throw .tooManyFields }
      lines.append(try line(offset..<end))
      offset = end + 2
    }
  }

  /// The offset of the CR that ends the line at `offset`; checks the line's bytes on the way.
  func lineEnd(from offset: Int) throws(HTTPViolation) -> Int {
    let span = bytes.span
    let end = span.lineBytesEnd(from: offset, to: span.count)
    guard end < span.count else { throw .incompleteHead }
    guard span[end] == Byte.carriageReturn else { throw violation(ofByte: span[end]) }
    guard end + 1 < span.count else { throw .incompleteHead }
    guard span[end + 1] == Byte.lineFeed else { throw .bareCarriageReturn }
    return end
  }

  /// § 5.1: a name, a colon right behind it, and a value without the white space around it.
  private func line(_ range: Range<Int>) throws(HTTPViolation) -> Line {
    let span = bytes.span
    if isOptionalSpace(span[range.lowerBound]) { throw .foldedField }
    var colon = range.lowerBound
    while colon < range.upperBound, isTokenCharacter(span[colon]) { colon += 1 }
    if colon == range.upperBound { throw .missingColon }
    if span[colon] != Byte.colon { throw nameViolation(range, at: colon) }
    if colon == range.lowerBound { throw .badFieldName }
    var start = colon + 1
    var end = range.upperBound
    while start < end, isOptionalSpace(span[start]) { start += 1 }
    while end > start, isOptionalSpace(span[end - 1]) { end -= 1 }
    return Line(
      nameStart: UInt32(truncatingIfNeeded: range.lowerBound),
      nameEnd: UInt32(truncatingIfNeeded: colon),
      valueStart: UInt32(truncatingIfNeeded: start), valueEnd: UInt32(truncatingIfNeeded: end),
      kind: FieldName.kind(of: span.extracting(range.lowerBound..<colon)))
  }

  /// Why the byte at `place` ends no name.
  private func nameViolation(_ range: Range<Int>, at place: Int) -> HTTPViolation {
    let span = bytes.span
    var next = place
    while next < range.upperBound, isOptionalSpace(span[next]) { next += 1 }
    if next > place, next < range.upperBound, span[next] == Byte.colon { return .spaceBeforeColon }
    for rest in place..<range.upperBound where span[rest] == Byte.colon { return .badFieldName }
    return .missingColon
  }

  /// RFC 9112, 2.2: where the start line begins, behind one empty line that may come before it.
  var startLineOffset: Int {
    bytes.count >= 2 && bytes[0] == Byte.carriageReturn && bytes[1] == Byte.lineFeed ? 2 : 0
  }
}
