// Runs the Python programs of Tests/Interop against a node in this process. What they need is named
// by the environment that `ops/test` sets; a plain `swift test` skips them and says so.

import Gateway
import TestSupport
import Testing

/// Tests that lend the node to programs of others, one after the other: they are timed.
@Suite(.serialized) enum ConformanceTests {}

/// The programs of Tests/Interop and what they need.
enum InteropDriver {
  /// The Python with the client libraries of Tests/Interop/requirements.txt.
  static let python = Environment["ROOST_TEST_PYTHON"]
  /// The browser.
  static let chromium = Environment["ROOST_TEST_CHROMIUM"]
  /// Autobahn's program; it needs a Python 2.7, which few machines have.
  static let wstest = Environment["ROOST_TEST_WSTEST"]
  /// Whether Autobahn's long groups (performance, compression) run, too: some minutes.
  static let runsLongGroups = Environment["ROOST_TEST_CONFORMANCE"] != nil

  static let nodeIsMissing: Comment = "no Node beside ROOST_TEST_PYTHON: run ops/test"
  static let pythonIsMissing: Comment = "ROOST_TEST_PYTHON is not set: run ops/test"
  static let chromiumIsMissing: Comment = "ROOST_TEST_CHROMIUM is not set: no Chromium is installed"
  static let wstestIsMissing: Comment =
    "\(Environment["ROOST_TEST_WSTEST_SKIP"] ?? "ROOST_TEST_WSTEST is not set: run ops/test")"

  /// Starts a program of Tests/Interop.
  static func start(_ program: String, _ arguments: [String]) throws -> Subprocess {
    let folder = #filePath.split(separator: "/").dropLast(2).joined(separator: "/")
    var environment = ["PYTHONUNBUFFERED": "1", "PATH": "/usr/bin:/bin"]
    for name in ["PATH", "HOME", "LANG", "ROOST_OUTPUT"] {
      if let value = Environment[name] { environment[name] = value }
    }
    return try Subprocess(
      try #require(python), ["/\(folder)/Interop/\(program)"] + arguments,
      environment: environment)
  }

  /// A folder for a report; the program makes it.
  static func report(_ name: String) -> String {
    "\(Environment["ROOST_OUTPUT"] ?? "/tmp")/\(name)"
  }

  /// The Autobahn cases of a run: all, or those that take seconds.
  static func autobahnCases(_ role: [String], output: String, expectedShort: Int) -> [String] {
    let long = ["--expected", "517", "--deadline", "3600"]
    let short =
      ["--expected", String(expectedShort), "--deadline", "300", "--cases"]
      + ["1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "9.*", "10.*"]
    return ["--wstest", wstest ?? ""] + role + ["--output", report(output)]
      + (runsLongGroups ? long : short)
  }
}
