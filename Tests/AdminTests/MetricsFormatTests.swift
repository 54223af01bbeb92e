// Which form of the metrics a scraper gets.

import Telemetry
import Testing

@testable import Admin

@Suite struct MetricsFormatTests {
  @Test(arguments: [
    // What Prometheus 2.42 sends.
    [
      "application/openmetrics-text;version=1.0.0",
      "application/openmetrics-text;version=0.0.1;q=0.75", "text/plain;version=0.0.4;q=0.5",
      "*/*;q=0.1",
    ],
    ["application/openmetrics-text"],
    ["Application/OpenMetrics-Text ; Version=1.0.0"],
    ["application/openmetrics-text; version=\"1.0.0\"; charset=utf-8"],
    ["text/plain;q=0.3", "application/openmetrics-text;version=1.0.0;q=0.3"],
    ["application/openmetrics-text;q=0.001", "text/plain;q=0.000"],
  ])
  func `who weighs OpenMetrics no less than text gets it`(ranges: [String]) {
    #expect(MetricsFormat(accepting: ranges) == .openMetrics)
  }

  @Test(arguments: [
    [], ["*/*"], ["text/html", "*/*;q=0.8"], ["application/json"], [""], [";"], [";q=1"],
    ["application/openmetrics-text;version=0.0.1"],
    ["application/openmetrics-text;version=2.0.0"],
    ["application/openmetrics-text;q=0.4", "text/plain;q=0.5"],
    ["application/openmetrics-text;q=0"], ["application/openmetrics-text;q=0.000"],
    // No weight (RFC 9110, 12.4.2): counts for nothing.
    ["application/openmetrics-text;q="], ["application/openmetrics-text;q=2"],
    ["application/openmetrics-text;q=1.001"], ["application/openmetrics-text;q=-1"],
    ["application/openmetrics-text;q=0.1234"], ["application/openmetrics-text;q=01"],
    ["application/openmetrics-text;q=0,5"],
  ])
  func `everybody else gets the plain text`(ranges: [String]) {
    #expect(MetricsFormat(accepting: ranges) == .prometheus)
  }
}
