// What a supervisor is told, and when.

import RoostEventLoop
import Testing

@testable import roost

@Suite struct ServiceNoticeTests {
  @Test(arguments: [
    (ServiceNotice.ready, "READY=1"), (.stopping, "STOPPING=1"), (.watchdog, "WATCHDOG=1"),
    (
      .reloading(MonotonicInstant(nanoseconds: 1_234_567_999)),
      "RELOADING=1\nMONOTONIC_USEC=1234567"
    ),
    (.status("serving; 3 connections"), "STATUS=serving; 3 connections"),
    // A second line would be another notice.
    (.status("a\nWATCHDOG=1\r\nb"), "STATUS=a WATCHDOG=1 b"),
  ])
  func `each notice has its line`(notice: ServiceNotice, text: String) {
    #expect(notice.text == text)
  }

  private static let serving = ServiceStanding(
    isLeaving: false, loopsAnswer: true, status: "serving")

  private static func at(_ milliseconds: UInt64) -> MonotonicInstant {
    MonotonicInstant(nanoseconds: milliseconds * 1_000_000)
  }

  @Test func `a sign of life is given twice in the time that the supervisor waits`() {
    var report = ServiceReport(watchdog: .seconds(10))
    #expect(report.due(Self.serving, Self.at(1000)) == [.watchdog, .status("serving")])
    #expect(report.due(Self.serving, Self.at(5999)) == [])
    #expect(report.due(Self.serving, Self.at(6000)) == [.watchdog])
    #expect(report.due(Self.serving, Self.at(6001)) == [])
  }

  @Test func `a supervisor that does not wait gets no sign of life`() {
    var report = ServiceReport(watchdog: nil)
    #expect(report.due(Self.serving, Self.at(1000)) == [.status("serving")])
    #expect(report.due(Self.serving, Self.at(100_000)) == [])
    #expect(!report.isHolding)
  }

  @Test func `no sign of life is given while a loop does not run, and one as soon as it does`() {
    var report = ServiceReport(watchdog: .seconds(10))
    _ = report.due(Self.serving, Self.at(1000))
    let stuck = ServiceStanding(isLeaving: false, loopsAnswer: false, status: "serving")
    #expect(report.due(stuck, Self.at(6000)) == [])
    #expect(report.isHolding)
    #expect(report.due(stuck, Self.at(9000)) == [])
    #expect(report.due(Self.serving, Self.at(9001)) == [.watchdog])
    #expect(!report.isHolding)
  }

  @Test func `the end is told once, with what is to be done`() {
    var report = ServiceReport(watchdog: nil)
    _ = report.due(Self.serving, Self.at(1000))
    let leaving = ServiceStanding(isLeaving: true, loopsAnswer: true, status: "draining; 9 left")
    #expect(report.due(leaving, Self.at(1001)) == [.stopping, .status("draining; 9 left")])
    #expect(report.due(leaving, Self.at(1002)) == [])
    let later = ServiceStanding(isLeaving: true, loopsAnswer: true, status: "draining; 8 left")
    #expect(report.due(later, Self.at(6000)) == [])
    #expect(report.due(later, Self.at(6001)) == [.status("draining; 8 left")])
  }

  @Test(arguments: [
    (Duration?.some(.seconds(10)), Duration.seconds(5)), (.seconds(4), .seconds(2)),
    (.seconds(1), .seconds(2)), (nil, .seconds(15)),
  ])
  func `a loop may be silent for half of the time, and for two seconds`(
    watchdog: Duration?, patience: Duration
  ) {
    #expect(ServiceReport(watchdog: watchdog).loopPatience == patience)
  }

  @Test(arguments: [
    ([:], Duration?.none), (["WATCHDOG_USEC": "2000000"], .seconds(2)),
    (["WATCHDOG_USEC": "2000000", "WATCHDOG_PID": "17"], .seconds(2)),
    (["WATCHDOG_USEC": "2000000", "WATCHDOG_PID": "18"], nil),
    (["WATCHDOG_USEC": "2000000", "WATCHDOG_PID": ""], nil),
    (["WATCHDOG_USEC": "0"], nil), (["WATCHDOG_USEC": "-1"], nil), (["WATCHDOG_USEC": "2s"], nil),
    (["WATCHDOG_USEC": "99999999999999999999"], nil),
  ])
  func `the environment says whether the watchdog is for this process`(
    environment: [String: String], expected: Duration?
  ) {
    #expect(ServiceReport.watchdog(in: environment, process: 17) == expected)
  }
}
