// The calendar, against known dates and against counting one day after the other.

import Telemetry
import Testing

@Test(arguments: [
  (Int64(0), "1970-01-01T00:00:00.000Z"),
  (-1, "1969-12-31T23:59:59.999Z"),
  (951_782_399_999, "2000-02-28T23:59:59.999Z"),
  (951_782_400_000, "2000-02-29T00:00:00.000Z"),
  (951_868_800_000, "2000-03-01T00:00:00.000Z"),
  (1_709_164_800_000, "2024-02-29T00:00:00.000Z"),
  (1_795_341_600_123, "2026-11-22T10:00:00.123Z"),
  (-2_203_977_600_000, "1900-02-28T00:00:00.000Z"),
  (-2_203_891_200_000, "1900-03-01T00:00:00.000Z"),
  (4_107_456_000_000, "2100-02-28T00:00:00.000Z"),
  (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
  (4_102_444_799_999, "2099-12-31T23:59:59.999Z"),
  (2_147_483_648_000, "2038-01-19T03:14:08.000Z"),
])
func `a Unix time is written as RFC 3339 in UTC`(milliseconds: Int64, expected: String) {
  #expect(CivilTime(millisecondsSinceEpoch: milliseconds).rfc3339 == expected)
}

@Test(arguments: [
  (Int64(-62_167_219_200_000), "0000-01-01T00:00:00.000Z"),
  (-62_167_219_200_001, "0000-01-01T00:00:00.000Z"),
  (.min, "0000-01-01T00:00:00.000Z"),
  (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
  (253_402_300_800_000, "9999-12-31T23:59:59.999Z"),
  (.max, "9999-12-31T23:59:59.999Z"),
])
func `what RFC 3339 cannot write becomes the nearest it can`(milliseconds: Int64, expected: String)
{
  #expect(CivilTime(millisecondsSinceEpoch: milliseconds).rfc3339 == expected)
}

@Test func `each day of 900 years follows the one before`() {
  // From 1 January 1600, which is 135,140 days before 1970.
  var (year, month, day) = (1600, 1, 1)
  for number in Int64(-135_140)..<193_600 {
    let time = CivilTime(millisecondsSinceEpoch: number * 86_400_000 + 86_399_999)
    guard (time.year, time.month, time.day) == (year, month, day) else {
      Issue.record("day \(number) is \(time.rfc3339), not \(year)-\(month)-\(day)")
      return
    }
    let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
    let lengths = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    day += 1
    if day > lengths[month - 1] { (month, day) = (month + 1, 1) }
    if month > 12 { (year, month) = (year + 1, 1) }
  }
  #expect(year == 2500)
}

@Test func `each second of a day has its hour, minute and second`() {
  for second in 0..<86_400 {
    let time = CivilTime(millisecondsSinceEpoch: Int64(second) * 1000 + 7)
    let isRight =
      time.hour * 3600 + time.minute * 60 + time.second == second
      && time.minute < 60 && time.second < 60 && time.millisecond == 7 && time.day == 1
    guard isRight else {
      Issue.record("second \(second) is \(time.rfc3339)")
      return
    }
  }
}
