// Results without a run: files, comparisons and tables follow from figures.

import Testing

@testable import Soak

@Suite struct BenchResultTests {
  static func result() -> BenchResult {
    var result = BenchResult(
      machine: BenchMachineTests.machine, build: BenchBuild(version: "0.1.0", isRelease: true),
      seconds: 5, source: .schedstat)
    var idle = BenchOutcome(BenchWorkload(.w1))
    idle.figures = [.memory: 612.4, .nodeMemory: 12_582_912]
    var room = BenchOutcome(BenchWorkload(.w2w16))
    room.figures = [
      .processor: 0.7412, .rate: 1_349_876, .median: 8.4321, .percentile99: 12.5, .nodeMemory: 4e6,
      .percentile999: 20.1, .longest: 101.7, .nodeShare: 99.6, .loadShare: 71.2,
    ]
    room.timed = 6_700_000
    result.outcomes = [idle, room]
    return result
  }

  static let file = """
    {"roost_bench":1,"machine":{"processor":"Made-up 9000","processors":2,"kernel":"6.1.0",\
    "memory_bytes":8589934592,"pinned":true},"version":"0.1.0","build":"release","seconds":5.000,\
    "cpu_from":"schedstat","workloads":[
     {"name":"w1","connections":15000,"figures":{"connection_bytes":612.4000,\
    "node_bytes":12582912.0000},"timed":0},
     {"name":"w2w16","connections":1000,"figures":{"node_us":0.7412,"per_second":1349876.0000,\
    "p50_ms":8.4321,"p99_ms":12.5000,"p999_ms":20.1000,"max_ms":101.7000,"node_bytes":4000000.0000,\
    "node_percent":99.6000,"load_percent":71.2000},"timed":6700000}
    ]}

    """

  @Test func `a result is written as one object and read back as it was`() throws {
    #expect(Self.result().json == Self.file)
    #expect(try BenchResult(parsing: Array(Self.file.utf8)) == Self.result())
  }

  @Test(arguments: [
    (#""roost_bench":1,"#, "", "it was not written by roost bench --save"),
    (
      #""roost_bench":1"#, #""roost_bench":2"#,
      "it was written by a roost bench of another version"
    ),
    (#""node_us":0.7412"#, #""node_us":nan"#, "line 3, column 59: "),
    (#""name":"w1""#, #""name":"w2w16""#, "w2w16 occurs twice in it"),
  ])
  func `a file that somebody has changed is refused with a sentence`(
    old: String, new: String, sentence: String
  ) throws {
    let found = try #require(try Self.sentence(changing: old, to: new))
    #expect(found.hasPrefix(sentence), "\(found)")
  }

  @Test(arguments: [
    (#""kernel":"6.1.0""#, #""kernel":7"#, "machine.kernel"),
    (#""processors":2"#, #""processors":0"#, "machine.processors"),
    (#""pinned":true"#, #""pinned":1"#, "machine.pinned"),
    (#""memory_bytes":8589934592"#, #""memory_bytes":1e300"#, "machine.memory_bytes"),
    (#""build":"release""#, #""build":"fast""#, "build"),
    (#""version":"0.1.0""#, #""version":null"#, "version"),
    (#""seconds":5.000"#, #""seconds":601"#, "seconds"),
    (#""cpu_from":"schedstat""#, #""cpu_from":"x""#, "cpu_from"),
    (#""workloads":["#, #""workload":["#, "workloads"),
    (#""name":"w1""#, #""name":"w9""#, "workloads.name"),
    (#""connections":1000,"#, #""connections":1,"#, "connections"),
    (#""connections":1000,"#, #""connections":100001,"#, "connections"),
    (#""timed":6700000"#, #""timed":-1"#, "timed"),
    (#""node_us":0.7412"#, #""node_us":-0.5"#, "workloads.figures.node_us"),
    (#""node_us":0.7412"#, #""node_us":1e13"#, "workloads.figures.node_us"),
    (#""node_us":0.7412"#, #""node_us":"1""#, "workloads.figures.node_us"),
    (#""figures":{"node_us""#, #""figures":3,"b":{"node_us""#, "workloads.figures"),
  ])
  func `a value that cannot be is named`(old: String, new: String, path: String) throws {
    let found = try #require(try Self.sentence(changing: old, to: new))
    #expect(found == "\(path) is missing or wrong in it")
  }

  /// What is said about the file with one place of it changed; nil when it was read.
  private static func sentence(changing old: String, to new: String) throws -> String? {
    let range = try #require(file.firstRange(of: old))
    let text = file.replacingCharacters(in: range, with: new)
    do throws(BenchProblem) {
      _ = try BenchResult(parsing: Array(text.utf8))
      return nil
    } catch {
      return error.sentence
    }
  }

  @Test func `what is no file of a result at all is refused, however large or deep it is`() {
    let huge = [UInt8](repeating: UInt8(ascii: " "), count: BenchResult.fileBytesMax + 1)
    let deep = [UInt8](repeating: UInt8(ascii: "["), count: 100_000)
    for bytes in [huge, deep, [], Array("[]".utf8), Array("{}".utf8), [0xFF], Array("{".utf8)] {
      #expect(throws: BenchProblem.self) { try BenchResult(parsing: bytes) }
    }
    let name = String(repeating: "x", count: 201)
    let long = Self.file.replacingOccurrence(of: "Made-up 9000", with: name)
    #expect(throws: BenchProblem("machine.processor is missing or wrong in it")) {
      try BenchResult(parsing: Array(long.utf8))
    }
  }

  @Test func `figures of a later version are passed over`() throws {
    let text = Self.file.replacingOccurrence(of: #""node_us":"#, with: #""new_us":"x","node_us":"#)
    #expect(try BenchResult(parsing: Array(text.utf8)) == Self.result())
  }

  // MARK: Tables

  @Test func `the table has a line for each workload`() {
    #expect(
      Self.result().summary == """
        roost 0.1.0, release build; Made-up 9000, 2 processors, 8.0 GiB, Linux 6.1.0
        nodes on one processor, clients on another one
        5.0 s each; CPU is user and system time, from /proc/PID/task/*/schedstat

        workload
        w1        15,000 idle members of 1,500 rooms
        w2w16     one room of 1,000, 16 on their way

        workload   cost                   rate/s  p50 ms  p99 ms  p99.9 ms  max ms  node MiB  \
         CPU %  lost/doubled/late
        w1          612  B/connection                                                   12.0  \
                            0/0/0
        w2w16     0.741  µs/delivery   1,349,876    8.43   12.50     20.10     102       3.8  \
        100/71              0/0/0

        """)
  }

  @Test func `a debug build, a single processor, faults and gaps are said`() {
    var result = Self.result()
    result.build = BenchBuild(version: "0.1.0", isRelease: false)
    result.machine.isPinned = false
    result.source = .stat
    result.outcomes[1].faults.lost = 3
    result.skipped = [BenchSkip(name: .w5, sentence: "which needs redis-server")]
    let text = result.summary
    #expect(!result.isValid)
    #expect(text.hasPrefix("THIS IS A DEBUG BUILD: its figures are many times those of"))
    #expect(text.contains("\nNOT PINNED, because there is one processor only: clients and nodes "))
    #expect(text.contains("in steps of 10 ms, from /proc/PID/stat\n"))
    #expect(text.contains("\nVOID  w2w16: 3 lost, so that its figures say nothing\n"))
    #expect(text.hasSuffix("\nnot measured: w5, which needs redis-server\n"))
  }

  // MARK: Comparison

  @Test func `each figure that both runs have gets its ratio`() {
    var later = Self.result()
    later.outcomes[0].figures[.memory] = 306.2
    later.outcomes[1].figures[.processor] = 0.7783
    later.outcomes[1].figures[.longest] = nil
    var earlier = Self.result()
    earlier.outcomes[1].figures[.percentile999] = 0
    let comparison = BenchComparison(later, against: earlier)
    #expect(comparison.warnings == [])
    #expect(
      comparison.text == """

        Against roost 0.1.0, release build:
        workload  figure                           then        now  now/then
        w1        private bytes a connection        612        306      0.50
        w1        node MiB                         12.0       12.0      1.00
        w2w16     CPU µs a delivery               0.741      0.778      1.05
        w2w16     deliveries a second         1,349,876  1,349,876      1.00
        w2w16     p50 ms                           8.43       8.43      1.00
        w2w16     p99 ms                          12.50      12.50      1.00
        w2w16     p99.9 ms                         0.00      20.10         -
        w2w16     node MiB                          3.8        3.8      1.00

        """)
  }

  @Test func `what is not alike is said before the ratios, and void figures get none`() {
    var later = Self.result()
    later.machine.kernel = "6.2.0"
    later.build = BenchBuild(version: "0.2.0", isRelease: false)
    later.seconds = 1
    later.source = .stat
    later.outcomes[1].faults.doubled = 1
    later.outcomes.append(BenchOutcome(BenchWorkload(.echo)))
    later.outcomes.append(BenchOutcome(BenchWorkload(.w4, connections: 20)))
    var earlier = Self.result()
    earlier.build = BenchBuild(version: "0.1.0\u{1B}", isRelease: true)
    earlier.outcomes.append(BenchOutcome(BenchWorkload(.w4)))
    let comparison = BenchComparison(later, against: earlier)
    #expect(
      comparison.warnings == [
        "the kernel was 6.1.0, and is 6.2.0",
        "then it was a release build, now it is a debug build",
        "each was measured for 5.0 s, now for 1.0 s",
        "CPU came from schedstat, and comes from stat", "echo was not measured then",
        "w4 had 10,000 connections then, 20 now",
      ])
    #expect(comparison.rows.map(\.measure) == [.memory, .nodeMemory])
    #expect(comparison.text.hasPrefix("\nAgainst roost 0.1.0?, release build:\n  NOTE: the kernel"))
    var other = Self.result()
    other.outcomes = []
    #expect(
      BenchComparison(other, against: earlier).text
        == "\nAgainst roost 0.1.0?, release build:\n  there is nothing that both have\n")
  }

  @Test(arguments: [
    (BenchMeasure.processor, 9.99944, "9.999"), (.processor, 10, "10.0"),
    (.memory, 1234.5, "1,235"),
    (.rate, 0.4, "0"), (.median, 99.994, "99.99"), (.longest, 100, "100"),
    (.nodeMemory, 1_572_864, "1.5"), (.nodeShare, 99.5, "100"), (.rate, 1e300, "-"),
  ])
  func `figures are written with the digits that they have`(
    measure: BenchMeasure, value: Double, text: String
  ) {
    #expect(measure.text(value) == text)
  }

  @Test func `percentiles are taken over only when something was timed`() {
    var outcome = BenchOutcome(BenchWorkload(.w4))
    outcome.take(LatencyHistogram())
    #expect(outcome.figures == [:])
    var histogram = LatencyHistogram()
    histogram.add(microseconds: 2_000)
    outcome.take(histogram)
    #expect(outcome.timed == 1)
    #expect(
      outcome.figures == [.median: 2, .percentile99: 2, .percentile999: 2, .longest: 2])
  }
}

extension String {
  fileprivate func replacingCharacters(in range: Range<Index>, with text: String) -> String {
    self[..<range.lowerBound] + text + self[range.upperBound...]
  }

  fileprivate func replacingOccurrence(of old: String, with new: String) -> String {
    firstRange(of: old).map { replacingCharacters(in: $0, with: new) } ?? self
  }
}
