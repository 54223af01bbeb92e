// The grammar of `Forwarded` (RFC 7239, section 4). A line is read from its left end, because a quoted
// string hides commas; a line that breaks the grammar anywhere says nothing at all.

/// What one proxy wrote: the two of its pairs that matter here.
struct ForwardedElement: Equatable {
  /// The value of `for`, without its quotes.
  var node: [UInt8]?
  /// The value of `proto`, without its quotes.
  var scheme: [UInt8]?

  /// The last elements of a line, one more than are walked over; nil when the line is malformed.
  static func list(_ bytes: borrowing Span<UInt8>, _ range: Range<Int>) -> [ForwardedElement]? {
    var elements: [ForwardedElement] = []
    var place = range.lowerBound
    while true {
      skipSpace(bytes, &place, range.upperBound)
      guard let element = read(bytes, &place, range.upperBound) else { return nil }
      if let element {
        // A line can hold thousands; those at its left end are never reached.
        if elements.count > 2 * ForwardedClient.hopsMax {
          elements.removeFirst(ForwardedClient.hopsMax)
        }
        elements.append(element)
      }
      guard place < range.upperBound else { return elements }
      place += 1
    }
  }

  /// Reads up to a comma or the end; `.some(nil)` for an empty element, nil for a malformed one.
  private static func read(
    _ bytes: borrowing Span<UInt8>, _ place: inout Int, _ end: Int
  ) -> ForwardedElement?? {
    var element = ForwardedElement()
    var pairs = 0
    while true {
      skipSpace(bytes, &place, end)
      if place < end, isTokenCharacter(bytes[place]) {
        pairs += 1
        let start = place
        while place < end, isTokenCharacter(bytes[place]) { place += 1 }
        let name = start..<place
        guard place < end, bytes[place] == UInt8(ascii: "=") else { return nil }
        place += 1
        guard let value = value(bytes, &place, end) else { return nil }
        if bytes.extracting(name).equalsIgnoringCase("for") {
          // § 4: each parameter once in an element.
          guard element.node == nil else { return nil }
          element.node = value
        } else if bytes.extracting(name).equalsIgnoringCase("proto") {
          guard element.scheme == nil else { return nil }
          element.scheme = value
        }
        skipSpace(bytes, &place, end)
      }
      guard place < end, bytes[place] != Byte.comma else { break }
      guard bytes[place] == Byte.semicolon else { return nil }
      place += 1
    }
    return .some(pairs == 0 ? nil : element)
  }

  /// A token or a quoted string, without quotes and backslashes.
  private static func value(
    _ bytes: borrowing Span<UInt8>, _ place: inout Int, _ end: Int
  ) -> [UInt8]? {
    guard place < end, bytes[place] == Byte.quote else {
      let start = place
      while place < end, isTokenCharacter(bytes[place]) { place += 1 }
      return place > start ? bytes.copied(start..<place) : nil
    }
    place += 1
    var text: [UInt8] = []
    while place < end {
      var byte = bytes[place]
      place += 1
      if byte == Byte.quote { return text }
      if byte == Byte.backslash {
        guard place < end else { return nil }
        byte = bytes[place]
        place += 1
      }
      text.append(byte)
    }
    return nil
  }

  private static func skipSpace(_ bytes: borrowing Span<UInt8>, _ place: inout Int, _ end: Int) {
    while place < end, isOptionalSpace(bytes[place]) { place += 1 }
  }
}
