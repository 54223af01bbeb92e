// Dates for the log, as RFC 3339 writes them. The arithmetic is done here because the C library's
// calendar functions lock, and read the time zone from files.

/// A moment in UTC, taken apart into calendar fields of the Gregorian calendar.
public struct CivilTime: Equatable, Sendable {
  /// 0 to 9999, which is all that RFC 3339 can write.
  public let year: Int
  /// 1 to 12.
  public let month: Int
  /// 1 to 31.
  public let day: Int
  /// 0 to 23.
  public let hour: Int
  /// 0 to 59.
  public let minute: Int
  /// 0 to 59; leap seconds do not occur in Unix time.
  public let second: Int
  /// 0 to 999.
  public let millisecond: Int

  // The first and the last moment of the years 0 to 9999.
  private static let first: Int64 = -62_167_219_200_000
  private static let last: Int64 = 253_402_300_799_999

  /// Takes a Unix time apart; what lies outside the years 0 to 9999 becomes their first or last moment.
  public init(millisecondsSinceEpoch: Int64) {
    // Counting from the year 0 keeps every number below positive.
    let clamped = min(max(millisecondsSinceEpoch, Self.first), Self.last)
    var rest = Int(clamped - Self.first)
    millisecond = rest % 1000
    rest /= 1000
    second = rest % 60
    rest /= 60
    minute = rest % 60
    rest /= 60
    hour = rest % 24
    var days = rest / 24

    // The calendar repeats every 400 years; within them, the first century and the first year of
    // each group of four are a day longer than their siblings.
    var year = days / 146_097 * 400
    days %= 146_097
    let century = days < 36_525 ? 0 : (days - 36_525) / 36_524 + 1
    if century > 0 { days -= 36_525 + (century - 1) * 36_524 }
    year += century * 100
    // A century that is not the first begins with four plain years; a shift by one day hides that.
    if century > 0, days >= 59 { days += 1 }
    year += days / 1461 * 4
    days %= 1461
    let yearInGroup = days < 366 ? 0 : (days - 366) / 365 + 1
    if yearInGroup > 0 { days -= 366 + (yearInGroup - 1) * 365 }
    self.year = year + yearInGroup

    // In a group's first year the 29th of February exists, or was skipped by the shift above.
    let february = yearInGroup == 0 ? 29 : 28
    var month = 1
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
      guard days >= length else { break }
      days -= length
      month += 1
    }
    self.month = month
    day = days + 1
  }

  /// The moment as RFC 3339 section 5.6 writes it, in UTC with milliseconds: 24 bytes.
  public var rfc3339: String {
    let date = "\(Self.padded(year, 4))-\(Self.padded(month, 2))-\(Self.padded(day, 2))"
    let time = "\(Self.padded(hour, 2)):\(Self.padded(minute, 2)):\(Self.padded(second, 2))"
    return "\(date)T\(time).\(Self.padded(millisecond, 3))Z"
  }

  private static func padded(_ number: Int, _ width: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
  }
}
