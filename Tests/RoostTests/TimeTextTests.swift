// Moments and spans in words, and spans as people type them.

import Testing

@testable import roost

struct TimeTextTests {
  @Test(arguments: [
    (Int64(0), "1970-01-01T00:00:00Z"), (1_800_000_000, "2027-01-15T08:00:00Z"),
    (Int64.max, "9999-12-31T23:59:59Z"), (Int64.min, "0000-01-01T00:00:00Z"),
  ])
  func `a moment is written in UTC`(seconds: Int64, text: String) {
    #expect(TimeText.utc(seconds) == text)
  }

  @Test(arguments: [
    (Int64(0), "now"), (1, "in 1 second"), (-59, "59 seconds ago"), (60, "in 1 minute"),
    (5400, "in 1 hour 30 minutes"), (-90_061, "1 day 1 hour ago"), (86_400, "in 1 day"),
    (86_405, "in 1 day"), (Int64.min, "106751991167300 days 15 hours ago"),
  ])
  func `a span has its two largest units`(seconds: Int64, text: String) {
    #expect(TimeText.relative(seconds) == text)
  }

  @Test(arguments: [
    ("0", Int64?.some(0)), ("90", 90), ("90s", 90), ("15m", 900), ("1h30m", 5400), ("7d", 604_800),
    ("3153600000", 3_153_600_000), ("3153600001", nil), ("36500d", 3_153_600_000),
    ("36500d1s", nil), ("36501d", nil), ("", nil), ("m", nil), ("1h30", nil), ("-1s", nil),
    ("1.5h", nil), ("1 h", nil), ("1w", nil), ("99999999999999999999s", nil), ("0s5", nil),
  ])
  func `a span is read as it is typed`(text: String, seconds: Int64?) {
    #expect(TimeText.seconds(of: text) == seconds)
  }
}
