import Testing

@testable import roost

struct TerminalTextTests {
  @Test(arguments: [
    ("abc", "abc"), ("a\u{1B}[31mb", "a?[31mb"), ("a\nb\r\tc", "a?b??c"), ("\u{9B}5A", "?5A"),
    ("x\u{202E}y", "x?y"), ("\u{200B}", "?"), ("\u{7F}", "?"), ("ä漢", "ä漢"), ("\u{E000}", "?"),
  ])
  func `nothing steers the terminal`(text: String, shown: String) {
    #expect(TerminalText.clean(text) == shown)
  }

  @Test(arguments: [("", 0), ("abc", 3), ("äö", 2), ("漢字", 4), ("e\u{301}", 1), ("🐦", 2)])
  func `a text takes as many columns as a terminal gives it`(text: String, columns: Int) {
    #expect(TerminalText.columns(of: text) == columns)
  }

  @Test(arguments: [
    ("abc", 5, "abc  "), ("abc", 3, "abc"), ("abcd", 3, "ab…"), ("漢字", 3, "漢…"), ("漢字", 2, "… "),
    ("abc", 1, "…"), ("abc", 0, ""), ("", 2, "  "),
  ])
  func `a text is filled up or cut to a width`(text: String, width: Int, fitted: String) {
    #expect(TerminalText.fitted(text, width) == fitted)
    #expect(TerminalText.columns(of: fitted) == width)
  }

  @Test func `numbers stand to the right`() {
    #expect(TerminalText.fitted("12", 4, toTheRight: true) == "  12")
  }

  @Test(
    arguments: [
      (0, "0"), (-1, "0"), (0.04, "0"), (0.25, "0.3"), (9.94, "9.9"), (9.95, "10"),
      (99_999, "99999"),
      (100_000, "100k"), (999_999, "1.0M"), (1_250_000, "1.3M"), (1e30, "9999P"), (.nan, "0"),
      (.infinity, "0"),
    ] as [(Double, String)])
  func `a number takes five columns at most`(number: Double, text: String) {
    #expect(TerminalText.short(number) == text)
    #expect(text.count <= 5)
  }

  @Test(
    arguments: [
      (0, "0"), (9999, "9999"), (10_000, "9.8K"), (10_239, "10K"), (1_048_576, "1.0M"),
      (1e18, "888P"),
    ] as [(Double, String)])
  func `so does a size`(bytes: Double, text: String) {
    #expect(TerminalText.size(bytes) == text)
    #expect(text.count <= 5)
  }
}
