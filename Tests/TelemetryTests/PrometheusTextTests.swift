// The exposition format byte for byte, and the bugs that it refuses.

import Telemetry
import Testing

private func string(_ text: PrometheusText) -> String {
  String(decoding: text.bytes, as: UTF8.self)
}

@Test func `nothing written is nothing served`() {
  #expect(PrometheusText().bytes.isEmpty)
}

@Test func `families stand in the given order, each with one HELP and one TYPE`() {
  var text = PrometheusText()
  text.family("roost_messages_total", .counter, help: "Messages, by direction.")
  text.sample([("direction", "in")], UInt64.max)
  text.sample([("direction", "out"), ("namespace", "chat")], 2)
  text.family("roost_connections", .gauge, help: "Connections now.")
  text.sample(Int64.min)
  #expect(
    string(text) == """
      # HELP roost_messages_total Messages, by direction.
      # TYPE roost_messages_total counter
      roost_messages_total{direction="in"} 18446744073709551615
      roost_messages_total{direction="out",namespace="chat"} 2
      # HELP roost_connections Connections now.
      # TYPE roost_connections gauge
      roost_connections -9223372036854775808

      """)
}

@Test(arguments: [
  (0.5, "0.5"), (-0.0, "-0.0"), (1e-9, "1e-09"), (1e300, "1e+300"),
  (.infinity, "+Inf"), (-.infinity, "-Inf"), (.nan, "NaN"),
])
func `a real number is written so that Prometheus reads the same one`(
  value: Double, expected: String
) {
  var text = PrometheusText()
  text.family("g", .gauge, help: "")
  text.sample(value)
  #expect(string(text) == "# HELP g \n# TYPE g gauge\ng \(expected)\n")
}

@Test func `backslash and line feed are escaped everywhere, quotes in label values`() {
  var text = PrometheusText()
  text.family("g", .gauge, help: "a\\b\n\"c\"")
  text.sample([("l", "a\\b\n\"c\" ü")], 1)
  #expect(
    string(text) == #"""
      # HELP g a\\b\n"c"
      # TYPE g gauge
      g{l="a\\b\n\"c\" ü"} 1

      """#)
}

@Test func `a histogram shows each bucket, infinity, the sum and the count`() {
  let histogram = Histogram(.bytes)
  histogram.observe(16)
  histogram.observe(100_000_000)
  var text = PrometheusText()
  text.family("roost_message_bytes", .histogram, help: "Sizes.")
  text.histogram([("shard", "0")], histogram.snapshot())
  #expect(
    string(text) == """
      # HELP roost_message_bytes Sizes.
      # TYPE roost_message_bytes histogram
      roost_message_bytes_bucket{shard="0",le="16.0"} 1
      roost_message_bytes_bucket{shard="0",le="64.0"} 1
      roost_message_bytes_bucket{shard="0",le="256.0"} 1
      roost_message_bytes_bucket{shard="0",le="1024.0"} 1
      roost_message_bytes_bucket{shard="0",le="4096.0"} 1
      roost_message_bytes_bucket{shard="0",le="16384.0"} 1
      roost_message_bytes_bucket{shard="0",le="65536.0"} 1
      roost_message_bytes_bucket{shard="0",le="262144.0"} 1
      roost_message_bytes_bucket{shard="0",le="1048576.0"} 1
      roost_message_bytes_bucket{shard="0",le="4194304.0"} 1
      roost_message_bytes_bucket{shard="0",le="16777216.0"} 1
      roost_message_bytes_bucket{shard="0",le="67108864.0"} 1
      roost_message_bytes_bucket{shard="0",le="+Inf"} 2
      roost_message_bytes_sum{shard="0"} 100000016
      roost_message_bytes_count{shard="0"} 2

      """)
}

@Test func `a histogram of nanoseconds is shown in seconds`() {
  let histogram = Histogram(.latency)
  histogram.observe(75_000)
  var text = PrometheusText()
  text.family("wait_seconds", .histogram, help: "Wait.")
  text.histogram(histogram.snapshot())
  let lines = string(text).split(separator: "\n")
  #expect(lines[2] == #"wait_seconds_bucket{le="5e-05"} 0"#)
  #expect(lines[3] == #"wait_seconds_bucket{le="0.0001"} 1"#)
  #expect(lines.suffix(2) == ["wait_seconds_sum 0.000075", "wait_seconds_count 1"])
}

@Test func `OpenMetrics names families without the type's ending, escapes quotes and has an end`() {
  var text = PrometheusText(.openMetrics)
  text.family("roost_messages_total", .counter, help: "A \"help\".")
  text.sample([("direction", "in")], 1)
  text.family("roost_build_info", .info, help: "Version.")
  text.sample([("version", "1")], 1)
  text.family("roost_connections", .gauge, help: "Connections now.")
  text.sample(7)
  text.finish()
  #expect(
    string(text) == #"""
      # HELP roost_messages A \"help\".
      # TYPE roost_messages counter
      roost_messages_total{direction="in"} 1
      # HELP roost_build Version.
      # TYPE roost_build info
      roost_build_info{version="1"} 1
      # HELP roost_connections Connections now.
      # TYPE roost_connections gauge
      roost_connections 7
      # EOF

      """#)
}

@Test func `Prometheus text has neither an info type nor an end mark`() {
  var text = PrometheusText()
  text.family("roost_build_info", .info, help: "Version.")
  text.sample([("version", "1")], 1)
  text.finish()
  #expect(
    string(text) == """
      # HELP roost_build_info Version.
      # TYPE roost_build_info gauge
      roost_build_info{version="1"} 1

      """)
}

@Test(arguments: HistogramBounds.allCases)
func `a series has the same name in both formats`(bounds: HistogramBounds) {
  var texts = MetricsFormat.allCases.map { PrometheusText($0) }
  for place in texts.indices {
    texts[place].family("h_seconds", .histogram, help: "H.")
    texts[place].histogram(Histogram(bounds).snapshot())
  }
  #expect(string(texts[0]) == string(texts[1]))
}

@Test(arguments: ["a", "total", "a_info"])
func `a counter without the ending of one is a bug`(name: String) async {
  await #expect(processExitsWith: .failure) { [name] in
    var text = PrometheusText()
    text.family(name, .counter, help: "")
  }
}

@Test(arguments: ["a", "info", "a_total"])
func `an info without the ending of one is a bug`(name: String) async {
  await #expect(processExitsWith: .failure) { [name] in
    var text = PrometheusText()
    text.family(name, .info, help: "")
  }
}

@Test(arguments: ["a", "A", "_", ":", "a9", "roost:rate_5m"])
func `a name of letters, digits, underscores and colons is taken`(name: String) {
  var text = PrometheusText()
  text.family(name, .gauge, help: "")
  #expect(string(text) == "# HELP \(name) \n# TYPE \(name) gauge\n")
}

@Test(arguments: ["", "9a", "a-b", "a b", "é", "a\n"])
func `any other metric name is a bug`(name: String) async {
  await #expect(processExitsWith: .failure) { [name] in
    var text = PrometheusText()
    text.family(name, .gauge, help: "")
  }
}

@Test(arguments: ["", "a:b", "__a", "9", "a\"b"])
func `a bad label name is a bug`(label: String) async {
  await #expect(processExitsWith: .failure) { [label] in
    var text = PrometheusText()
    text.family("g", .gauge, help: "")
    text.sample([(label, "x")], 1)
  }
}

@Test func `a family opened twice is a bug`() async {
  await #expect(processExitsWith: .failure) {
    var text = PrometheusText()
    text.family("g", .gauge, help: "")
    text.family("g", .gauge, help: "")
  }
}

@Test func `a label given twice is a bug`() async {
  await #expect(processExitsWith: .failure) {
    var text = PrometheusText()
    text.family("g", .gauge, help: "")
    text.sample([("a", "1"), ("a", "2")], 1)
  }
}

@Test func `a sample before any family is a bug`() async {
  await #expect(processExitsWith: .failure) {
    var text = PrometheusText()
    text.sample(1)
  }
}

@Test func `a plain sample in a histogram is a bug`() async {
  await #expect(processExitsWith: .failure) {
    var text = PrometheusText()
    text.family("h", .histogram, help: "")
    text.sample(1)
  }
}

@Test func `a histogram in a counter, or with its own le label, is a bug`() async {
  await #expect(processExitsWith: .failure) {
    var text = PrometheusText()
    text.family("c_total", .counter, help: "")
    text.histogram(HistogramSnapshot(.bytes))
  }
  await #expect(processExitsWith: .failure) {
    var text = PrometheusText()
    text.family("h", .histogram, help: "")
    text.histogram([("le", "1")], HistogramSnapshot(.bytes))
  }
}
