// The four forms of a request target (RFC 9112, 3.2) and the host that it or the Host field names
// (RFC 9110, 7.2).

/// Where the parts of a request target stand in the head.
struct RequestTarget: Sendable, Equatable {
  /// RFC 9112, 3.2.1 to 3.2.4.
  enum Form: Sendable { case origin, absolute, authority, asterisk }

  let form: Form
  /// The whole target.
  let whole: Range<Int>
  /// Host and port; nil in the forms that name none.
  let authority: Range<Int>?
  /// Empty where an absolute target goes without, which means `/`.
  let path: Range<Int>
  /// Behind the question mark; nil without one.
  let query: Range<Int>?

  init(
    _ whole: Range<Int>, in bytes: borrowing Span<UInt8>, method: HTTPMethod
  ) throws(HTTPViolation) {
    self.whole = whole
    let first = whole.lowerBound
    guard !whole.isEmpty else { throw .badRequestLine }
    if method == .connect {
      // § 3.2.3: host and port, and nothing else has this form.
      guard isAuthority(whole, in: bytes, needsPort: true) else { throw .badTarget }
      form = .authority
      authority = whole
      path = whole.upperBound..<whole.upperBound
      query = nil
      return
    }
    if bytes[first] == UInt8(ascii: "*") {
      // § 3.2.4: asks about the server as a whole.
      guard whole.count == 1, method == .options else { throw .badTarget }
      form = .asterisk
      authority = nil
      path = whole
      query = nil
      return
    }
    var start = first
    if bytes[first] == Byte.slash {
      form = .origin
      authority = nil
    } else {
      // § 3.2.2: a server must take these even when nobody sends them to it.
      let hostStart = try Self.schemeEnd(whole, in: bytes)
      start = hostStart
      while start < whole.upperBound, bytes[start] != Byte.slash, bytes[start] != Byte.question {
        start += 1
      }
      guard isAuthority(hostStart..<start, in: bytes, needsPort: false) else { throw .badTarget }
      form = .absolute
      authority = hostStart..<start
    }
    var question = start
    while question < whole.upperBound, bytes[question] != Byte.question {
      guard Self.isPathByte(bytes[question]) else { throw .badTarget }
      question += 1
    }
    path = start..<question
    guard question < whole.upperBound else {
      query = nil
      return
    }
    for place in question + 1..<whole.upperBound {
      guard Self.isQueryByte(bytes[place]) else { throw .badTarget }
    }
    query = question + 1..<whole.upperBound
  }

  /// The offset behind `http://` or `https://`.
  private static func schemeEnd(
    _ whole: Range<Int>, in bytes: borrowing Span<UInt8>
  ) throws(HTTPViolation) -> Int {
    for scheme in ["http://", "https://"] {
      let end = whole.lowerBound + scheme.utf8.count
      if end <= whole.upperBound,
        bytes.extracting(whole.lowerBound..<end).equalsIgnoringCase(scheme)
      {
        return end
      }
    }
    throw .badTarget
  }

  /// Whether a query may hold this byte, which is wider than RFC 3986 on purpose.
  ///
  /// Browsers leave brackets, braces, bars and the like as they are. A fragment, quotes, angle
  /// brackets and what is not visible ASCII come from no browser.
  private static func isQueryByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "#"), Byte.quote, UInt8(ascii: "<"), UInt8(ascii: ">"): false
    default: byte > 0x20 && byte < 0x7F
    }
  }

  /// As in a query, without the backslash, which some readers take for a slash.
  private static func isPathByte(_ byte: UInt8) -> Bool {
    byte != Byte.backslash && isQueryByte(byte)
  }
}

/// Whether `range` is a host that is not empty, with an optional port (RFC 3986, 3.2.2 and 3.2.3).
///
/// User information is refused, as RFC 9110, 4.2.4 asks.
func isAuthority(
  _ range: Range<Int>, in bytes: borrowing Span<UInt8>, needsPort: Bool
) -> Bool {
  var place = range.lowerBound
  let end = range.upperBound
  guard place < end else { return false }
  if bytes[place] == UInt8(ascii: "[") {
    let first = place + 1
    place = first
    while place < end, isAddressByte(bytes[place]) { place += 1 }
    guard place - first >= 2, place < end, bytes[place] == UInt8(ascii: "]") else { return false }
    place += 1
  } else {
    while place < end, bytes[place] != Byte.colon {
      if bytes[place] == Byte.percent {
        guard place + 2 < end, hexadecimalValue(bytes[place + 1]) != nil,
          hexadecimalValue(bytes[place + 2]) != nil
        else { return false }
        place += 3
      } else {
        guard isHostByte(bytes[place]) else { return false }
        place += 1
      }
    }
    guard place > range.lowerBound else { return false }
  }
  guard place < end else { return !needsPort }
  guard bytes[place] == Byte.colon else { return false }
  return isPort(place + 1..<end, in: bytes, mayBeEmpty: !needsPort)
}

/// Up to five digits, at most 65,535.
private func isPort(
  _ range: Range<Int>, in bytes: borrowing Span<UInt8>, mayBeEmpty: Bool
) -> Bool {
  guard !range.isEmpty else { return mayBeEmpty }
  guard range.count <= 5 else { return false }
  var port = 0
  for place in range {
    guard isDigit(bytes[place]) else { return false }
    port = port * 10 + Int(bytes[place] - UInt8(ascii: "0"))
  }
  return port <= 65_535
}

/// RFC 3986: unreserved characters and sub-delimiters.
private func isHostByte(_ byte: UInt8) -> Bool {
  if isLetter(byte) || isDigit(byte) { return true }
  switch byte {
  case UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"),
    UInt8(ascii: "!"), UInt8(ascii: "$"), UInt8(ascii: "&"), UInt8(ascii: "'"),
    UInt8(ascii: "("), UInt8(ascii: ")"), UInt8(ascii: "*"), UInt8(ascii: "+"),
    UInt8(ascii: ","), UInt8(ascii: ";"), UInt8(ascii: "="):
    return true
  default:
    return false
  }
}

/// What an IPv6 address in brackets is made of.
private func isAddressByte(_ byte: UInt8) -> Bool {
  hexadecimalValue(byte) != nil || byte == Byte.colon || byte == UInt8(ascii: ".")
}
