// What is asked of fields (RFC 9110, 5): values, how often a name stands there, elements of lists.

extension FieldLines {
  /// Where the first value of a field stands in ``bytes``, without the white space around it.
  public func valueRange(of name: FieldName) -> Range<Int>? {
    for line in lines where isNamed(line, name) { return line.value }
    return nil
  }

  /// The first value of a field, without the white space around it.
  ///
  /// Bytes that are not UTF-8 become U+FFFD; see ``valueBytes(of:)`` where that matters.
  public func value(of name: FieldName) -> String? {
    valueRange(of: name).map { bytes.span.extracting($0).string }
  }

  /// The first value of a field, byte for byte, without the white space around it.
  public func valueBytes(of name: FieldName) -> [UInt8]? {
    valueRange(of: name).map { bytes.span.copied($0) }
  }

  /// The values of all fields of a name in order, byte for byte, without the white space around
  /// them.
  public func allValueBytes(of name: FieldName) -> [[UInt8]] {
    valueRanges(of: name).map { bytes.span.copied($0) }
  }

  /// The values of all fields of a name in order, without the white space around them.
  func valueRanges(of name: FieldName) -> [Range<Int>] {
    lines.filter { isNamed($0, name) }.map(\.value)
  }

  /// How many fields of a name there are.
  public func count(of name: FieldName) -> Int {
    var count = 0
    for line in lines where isNamed(line, name) { count += 1 }
    return count
  }

  /// Whether a token is an element of the comma lists in all fields of a name, in any letter case.
  public func hasToken(_ token: String, in name: FieldName) -> Bool {
    let span = bytes.span
    return forEachElement(of: name) { span.extracting($0).equalsIgnoringCase(token) }
  }

  /// The elements of the comma lists in all fields of a name, in order, empty ones left out.
  ///
  /// A comma inside a quoted string parts nothing; quotes stay as they are.
  public func listElements(of name: FieldName) -> [String] {
    let span = bytes.span
    var elements: [String] = []
    forEachElement(of: name) { element in
      elements.append(span.extracting(element).string)
      return false
    }
    return elements
  }

  /// The first list element in all fields of a name that is one of the candidates, letter case
  /// included.
  public func firstElement(of name: FieldName, among candidates: [String]) -> String? {
    let span = bytes.span
    var found: String?
    forEachElement(of: name) { element in
      for candidate in candidates where span.extracting(element).equals(candidate) {
        found = candidate
        return true
      }
      return false
    }
    return found
  }

  /// What stands behind a prefix in the first list element in all fields of a name that begins with
  /// it, letter case included.
  public func firstElement(of name: FieldName, behind prefix: String) -> [UInt8]? {
    let span = bytes.span
    let count = prefix.utf8.count
    var found: [UInt8]?
    forEachElement(of: name) { element in
      guard element.count >= count,
        span.extracting(element.lowerBound..<element.lowerBound + count).equals(prefix)
      else { return false }
      found = span.copied(element.lowerBound + count..<element.upperBound)
      return true
    }
    return found
  }

  /// All fields in order, for logs and for passing on; names as they were sent.
  public var all: [(name: String, value: String)] {
    let span = bytes.span
    return lines.map { (span.extracting($0.name).string, span.extracting($0.value).string) }
  }

  private func isNamed(_ line: Line, _ name: FieldName) -> Bool {
    guard name.kind == .other else { return line.kind == name.kind }
    return bytes.span.extracting(line.name).equalsIgnoringCase(name.text)
  }

  /// Calls `body` with each list element of every field of a name, until it says true.
  ///
  /// RFC 9110, 5.6.1: elements are parted by commas, empty ones are passed over, and a comma
  /// inside a quoted string parts nothing.
  @discardableResult
  func forEachElement(of name: FieldName, until body: (Range<Int>) -> Bool) -> Bool {
    for line in lines where isNamed(line, name) {
      var start = line.value.lowerBound
      while start <= line.value.upperBound {
        let comma = elementEnd(from: start, to: line.value.upperBound)
        let element = trimmed(start..<comma)
        if !element.isEmpty, body(element) { return true }
        start = comma + 1
      }
    }
    return false
  }

  /// The comma that ends the element at `start`, or `end`.
  private func elementEnd(from start: Int, to end: Int) -> Int {
    let span = bytes.span
    var place = start
    var isQuoted = false
    while place < end {
      let byte = span[place]
      if isQuoted, byte == Byte.backslash {
        place += 1
      } else if byte == Byte.quote {
        isQuoted.toggle()
      } else if byte == Byte.comma, !isQuoted {
        return place
      }
      place += 1
    }
    return end
  }

  /// A range without the white space at its ends.
  func trimmed(_ range: Range<Int>) -> Range<Int> {
    let span = bytes.span
    var start = range.lowerBound
    var end = range.upperBound
    while start < end, isOptionalSpace(span[start]) { start += 1 }
    while end > start, isOptionalSpace(span[end - 1]) { end -= 1 }
    return start..<end
  }
}
