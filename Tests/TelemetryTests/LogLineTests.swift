// Lines byte for byte, what hostile values do to them, and their bounds.

import Testing

@testable import Telemetry

private let time = CivilTime(millisecondsSinceEpoch: 1_795_341_600_123)

private func render(
  _ format: LogFormat, event: String = "e", message: String = "m", _ fields: [LogField] = []
) -> String {
  String(
    decoding: LogLine.render(
      format, time: time, level: .info, event: event, message: message, fields: fields),
    as: UTF8.self)
}

private let everyKind = [
  LogField("address", "[::1]:8080"), LogField("name", "two words"), LogField("empty", ""),
  LogField("count", -7), LogField("share", 0.25), LogField("tls", false),
]

@Test func `a JSON line is one object with the fields at its end`() {
  #expect(
    render(.json, event: "node_ready", message: "serving", everyKind)
      == #"{"time":"2026-11-22T10:00:00.123Z","level":"info","event":"node_ready","#
      + #""message":"serving","address":"[::1]:8080","name":"two words","empty":"","#
      + #""count":-7,"share":0.25,"tls":false}"# + "\n")
}

@Test func `a text line quotes only the values that need it`() {
  #expect(
    render(.text, event: "node_ready", message: "now serving", everyKind)
      == #"2026-11-22T10:00:00.123Z info  node_ready  now serving  address=[::1]:8080 "#
      + #"name="two words" empty="" count=-7 share=0.25 tls=false"# + "\n")
}

@Test func `a line without fields ends after its message`() {
  #expect(render(.text) == "2026-11-22T10:00:00.123Z info  e  m\n")
  #expect(
    render(.json)
      == #"{"time":"2026-11-22T10:00:00.123Z","level":"info","event":"e","message":"m"}"# + "\n")
}

@Test(arguments: [
  ("a\nb", #"a\nb"#), ("a\r\nb", #"a\r\nb"#), ("\t", #"\t"#), ("a\"b\\c", #"a\"b\\c"#),
  ("\u{0}\u{1B}[2J\u{7F}", #"\u0000\u001b[2J\u007f"#), ("\u{85}\u{9B}", #"\u0085\u009b"#),
  ("\u{2028}\u{202E}\u{2066}\u{FEFF}", #"\u2028\u202e\u2066\ufeff"#),
  ("ü 漢 😀 e\u{301}", "ü 漢 😀 e\u{301}"),
])
func `nothing in a value can end the line, close a quote or steer a terminal`(
  value: String, escaped: String
) {
  let fields = [LogField("k", value)]
  #expect(render(.json, fields).contains("\"k\":\"\(escaped)\"}\n"))
  #expect(render(.text, fields).hasSuffix("  k=\"\(escaped)\"\n"))
  #expect(render(.json, message: value).contains("\"message\":\"\(escaped)\"}\n"))
}

@Test(arguments: [
  ("plain words, and (marks)", "plain words, and (marks)"),
  ("user=root", "\"user=root\""),
  ("done  level", "\"done  level\""),
  ("a \"b\"", #""a \"b\"""#),
  ("a\nb", #"a\nb"#),
])
func `a message that could be taken for fields is quoted in a text line`(
  message: String, expected: String
) {
  #expect(render(.text, message: message) == "2026-11-22T10:00:00.123Z info  e  \(expected)\n")
}

@Test(arguments: [Double.nan, .infinity, -.infinity])
func `a number that JSON cannot write is null there`(number: Double) {
  #expect(render(.json, [LogField("k", number)]).hasSuffix(",\"k\":null}\n"))
  #expect(render(.text, [LogField("k", number)]).hasSuffix("  k=\(number)\n"))
}

@Test(arguments: [1023, 1024, 1025, 100_000])
func `a text is cut only beyond its limit, and marked`(length: Int) {
  let text = String(repeating: "a", count: length)
  let expected = length <= 1024 ? text : String(repeating: "a", count: 1021) + "…"
  #expect(render(.json, [LogField("k", text)]).hasSuffix(",\"k\":\"\(expected)\"}\n"))
  #expect(render(.json, message: text).hasSuffix("\"message\":\"\(expected)\"}\n"))
}

@Test(arguments: ["\n", "\u{1}", "ü", "漢", "😀"])
func `a cut falls between two characters, never inside an escape`(character: String) {
  for prefix in 0..<8 {
    let text = String(repeating: "a", count: prefix) + String(repeating: character, count: 2000)
    let line = render(.json, [LogField("k", text)])
    let whole = render(.json, [LogField("k", character)])
    // The escaped form of one character, taken from a line that holds just one.
    let escaped = whole.dropFirst(render(.json).count - 2).dropFirst(6).dropLast(3)
    let value = line.dropFirst(render(.json).count - 2).dropFirst(6 + prefix).dropLast(4)
    #expect(line.hasSuffix("…\"}\n"))
    #expect(value == String(repeating: String(escaped), count: value.count / escaped.count))
    let bytes = value.utf8.count + prefix + 3
    #expect(bytes <= 1024 && bytes > 1024 - 3 - escaped.utf8.count)
  }
}

@Test(arguments: LogFormat.allCases)
func `a line never exceeds 4096 bytes and says how many fields it left out`(format: LogFormat) {
  let long = String(repeating: "\u{1}", count: 5000)
  for count in 0..<40 {
    let fields = Array(repeating: LogField("key", long), count: count) + [LogField("last", 1)]
    let line = LogLine.render(
      format, time: time, level: .warning, event: long, message: long, fields: fields)
    let text = String(decoding: line, as: UTF8.self)
    #expect(line.count <= 4096)
    #expect(line.last == UInt8(ascii: "\n"))
    #expect(line.count { $0 == UInt8(ascii: "\n") } == 1)
    let leftOut = max(0, count - 1)
    switch format {
    case .json:
      #expect(text.contains("\"fields_left_out\":\(leftOut)}\n") == (leftOut > 0))
      #expect(text.contains(",\"last\":1"))
    case .text:
      #expect(text.contains(" fields_left_out=\(leftOut)\n") == (leftOut > 0))
      #expect(text.contains(" last=1"))
    }
  }
}

@Test func `fields fill a line to its last byte before any is left out`() {
  // Each field is ,"k":"…": 7 bytes around the text. The head and the reserve are what is left.
  let head =
    LogLine.render(
      .json, time: time, level: .info, event: "e", message: "m", fields: []
    ).count - 2
  let room = LogLine.bytesMax - 48 - head
  let filler = Array(repeating: LogField("k", String(repeating: "a", count: 1000)), count: 3)
  let rest = room - 3 * 1007 - 7
  for (length, isLeftOut) in [(rest - 1, false), (rest, false), (rest + 1, true)] {
    let line = render(.json, filler + [LogField("k", String(repeating: "b", count: length))])
    #expect(line.contains("fields_left_out") == isLeftOut, "\(length) of \(rest)")
  }
}
