// Findings as text and as JSON.

import Testing

@testable import roost

struct DoctorReportTests {
  private let report = DoctorReport(findings: [
    .ok(.ports, "listen is free"),
    .problem(.redisRole, "its role is \u{1B}[2Jslave", "name the primary"),
    .warning(.clock, "this clock is 2 ms behind", "keep time"),
  ])

  @Test func `a finding has a line, and one for what to do`() {
    #expect(
      report.text == """
        ok       ports              listen is free
        problem  redis_role         its role is ?[2Jslave
                 -> name the primary
        warning  clock              this clock is 2 ms behind
                 -> keep time

        1 ok, 1 warning, 1 problem

        """)
  }

  @Test func `programs get the same`() {
    #expect(
      report.json == """
        {
          "findings": [
            {
              "level": "ok",
              "check": "ports",
              "what": "listen is free"
            },
            {
              "level": "problem",
              "check": "redis_role",
              "what": "its role is \\u001b[2Jslave",
              "remedy": "name the primary"
            },
            {
              "level": "warning",
              "check": "clock",
              "what": "this clock is 2 ms behind",
              "remedy": "keep time"
            }
          ],
          "ok": 1,
          "warnings": 1,
          "problems": 1
        }

        """)
  }

  @Test func `the worst finding counts`() {
    #expect(report.level == .problem)
    #expect(DoctorReport(findings: []).level == .ok)
    #expect(DoctorReport(findings: Array(report.findings.dropLast(2))).level == .ok)
  }
}
