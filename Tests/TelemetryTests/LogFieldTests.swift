// How values become fields, and how levels are ordered.

import Telemetry
import Testing

@Test func `levels rise from debug to error`() {
  #expect(LogLevel.allCases == [.debug, .info, .warning, .error])
  #expect(LogLevel.allCases == LogLevel.allCases.sorted())
  #expect(!(LogLevel.info < .info))
}

@Test(arguments: [("info", LogLevel.info), ("warning", .warning)])
func `a level is read from its name in the configuration`(name: String, expected: LogLevel) {
  #expect(LogLevel(rawValue: name) == expected)
}

@Test func `an unknown level or format is none`() {
  #expect(LogLevel(rawValue: "INFO") == nil)
  #expect(LogFormat(rawValue: "xml") == nil)
}

@Test func `a field takes each kind of value`() {
  #expect(LogField("a", "text").value == .string("text"))
  #expect(LogField("a", -3).value == .integer(-3))
  #expect(LogField("a", 0.5).value == .double(0.5))
  #expect(LogField("a", true).value == .boolean(true))
  #expect(LogField("a", UInt16.max).value == .integer(65_535))
}

@Test func `a whole number beyond 64 bits with sign becomes the largest`() {
  #expect(LogField("a", UInt64.max).value == .integer(.max))
}
