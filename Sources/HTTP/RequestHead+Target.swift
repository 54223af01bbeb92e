// What routes and handshakes read out of a target: decoded path segments and query values
// (RFC 3986, 2.1 and 3.4).

extension RequestHead {
  /// The path's segments, percent-decoded; nil when an escape is malformed.
  ///
  /// `/` has no segments, `/a/` has `a` and an empty one. An encoded slash stays inside its
  /// segment. `.` and `..` are segments like any other: nothing here is a file system. Nil also for
  /// targets without a path (`*`, CONNECT).
  public func pathSegments() -> [[UInt8]]? {
    guard requestTarget.form == .origin || requestTarget.form == .absolute else { return nil }
    let bytes = fields.bytes.span
    let path = requestTarget.path
    guard path.count > 1 else { return [] }
    var segments: [[UInt8]] = []
    var start = path.lowerBound + 1
    for place in start..<path.upperBound where bytes[place] == Byte.slash {
      guard let segment = percentDecoded(start..<place, in: bytes) else { return nil }
      segments.append(segment)
      start = place + 1
    }
    guard let last = percentDecoded(start..<path.upperBound, in: bytes) else { return nil }
    segments.append(last)
    return segments
  }

  /// The percent-decoded value of the query's first `name=value`; nil without one.
  ///
  /// Nil also when the value's escapes are malformed; empty when no `=` follows the name. A plus
  /// sign is a plus sign: this is a URI's query, not a form.
  public func queryValue(_ name: String) -> [UInt8]? {
    guard let query = requestTarget.query else { return nil }
    let bytes = fields.bytes.span
    var start = query.lowerBound
    while start < query.upperBound {
      var end = start
      var equals: Int?
      while end < query.upperBound, bytes[end] != UInt8(ascii: "&") {
        if equals == nil, bytes[end] == UInt8(ascii: "=") { equals = end }
        end += 1
      }
      if isName(start..<(equals ?? end), name, in: bytes) {
        return percentDecoded((equals.map { $0 + 1 } ?? end)..<end, in: bytes)
      }
      start = end + 1
    }
    return nil
  }

  /// All of the query's `name=value` pairs in order, percent-decoded; empty ones are passed over.
  ///
  /// Nil when an escape is malformed.
  public func queryItems() -> [(name: [UInt8], value: [UInt8])]? {
    guard let query = requestTarget.query else { return [] }
    let bytes = fields.bytes.span
    var items: [(name: [UInt8], value: [UInt8])] = []
    var start = query.lowerBound
    while start < query.upperBound {
      var end = start
      var equals: Int?
      while end < query.upperBound, bytes[end] != UInt8(ascii: "&") {
        if equals == nil, bytes[end] == UInt8(ascii: "=") { equals = end }
        end += 1
      }
      if end > start {
        guard let name = percentDecoded(start..<(equals ?? end), in: bytes),
          let value = percentDecoded((equals.map { $0 + 1 } ?? end)..<end, in: bytes)
        else { return nil }
        items.append((name, value))
      }
      start = end + 1
    }
    return items
  }

  private func isName(
    _ range: Range<Int>, _ name: String, in bytes: borrowing Span<UInt8>
  ) -> Bool {
    if bytes.extracting(range).equals(name) { return true }
    for place in range where bytes[place] == Byte.percent {
      return percentDecoded(range, in: bytes) == Array(name.utf8)
    }
    return false
  }
}

/// RFC 3986, 2.1: `%` and two hexadecimal digits; nil when either is missing.
func percentDecoded(_ range: Range<Int>, in bytes: borrowing Span<UInt8>) -> [UInt8]? {
  var decoded: [UInt8] = []
  decoded.reserveCapacity(range.count)
  var place = range.lowerBound
  while place < range.upperBound {
    guard bytes[place] == Byte.percent else {
      decoded.append(bytes[place])
      place += 1
      continue
    }
    guard place + 2 < range.upperBound, let high = hexadecimalValue(bytes[place + 1]),
      let low = hexadecimalValue(bytes[place + 2])
    else { return nil }
    decoded.append(high << 4 | low)
    place += 3
  }
  return decoded
}
