// The parser of /proc/self/stat on made-up lines, and the figures of the process that runs the tests.

import Glibc
import Testing

@testable import Telemetry

private func stat(name: String) -> [UInt8] {
  Array(
    """
    77 (\(name)) S 1 77 77 0 -1 4194304 900 0 3 0 12 34 0 0 20 0 5 0 8123 262144000 1800 \
    18446744073709551615 1 1 0 0 0 0 0 4096 0 0 0 0 17 1 0 0 0 0 0

    """.utf8)
}

@Test(arguments: ["roost", "a b", "a) S 1 (b", ")", ""])
func `the program's name may hold anything`(name: String) throws {
  let figures = try #require(ProcessStat(stat(name: name)))
  #expect(figures.threads == 5)
  #expect(figures.startTicks == 8123)
  #expect(figures.virtualBytes == 262_144_000)
  #expect(figures.residentPages == 1800)
}

@Test func `a line cut before its last figure is refused at each length`() {
  let line = stat(name: "roost")
  // The last figure that is needed ends where the next field begins.
  let text = String(decoding: line, as: UTF8.self)
  let needed = text.prefix { $0 != "\n" }.split(separator: " ").prefix(24).joined(separator: " ")
  for length in 0..<needed.utf8.count - 4 {
    #expect(ProcessStat(Array(line.prefix(length))) == nil, "\(length)")
  }
  #expect(ProcessStat(Array(line.prefix(needed.utf8.count)))?.residentPages == 1800)
}

@Test(arguments: ["", ")", "1 (a) S", "1 (a) S x x x x x x x x x x x x x x x x x x x x x x x x"])
func `what is no stat line is refused`(line: String) {
  #expect(ProcessStat(Array(line.utf8)) == nil)
}

@Test func `the figures of this process are plausible`() throws {
  let figures = try #require(ProcessFigures.read())
  #expect(figures.residentBytes > 1 << 20)
  #expect(figures.virtualBytes >= figures.residentBytes)
  #expect(figures.threads >= 1)
  #expect(figures.maxDescriptors > 3)
  #expect(figures.processorSeconds > 0)
  let now = Double(Glibc.time(nil))
  #expect(figures.startTimeSeconds > now - 86_400 && figures.startTimeSeconds < now + 2)
  let again = try #require(ProcessFigures.read())
  #expect(again.startTimeSeconds == figures.startTimeSeconds)
  #expect(again.processorSeconds >= figures.processorSeconds)
}

@Test func `an opened descriptor is counted`() throws {
  let first = try #require(ProcessFigures.read())
  guard first.openDescriptors != nil else { return }
  // Other tests open and close descriptors at the same time; two hundred outweigh them.
  let opened = (0..<200).map { _ in dup(2) }
  defer { for descriptor in opened where descriptor >= 0 { close(descriptor) } }
  let second = try #require(ProcessFigures.read())
  #expect((second.openDescriptors ?? 0) > (first.openDescriptors ?? 0) + 100)
}

@Test func `the figures carry the names that Prometheus gives them`() {
  let figures = ProcessFigures(
    residentBytes: 1, virtualBytes: 2, openDescriptors: 3, maxDescriptors: 4, processorSeconds: 5.5,
    startTimeSeconds: 6.25, threads: 7)
  var text = PrometheusText()
  figures.append(to: &text)
  let samples = String(decoding: text.bytes, as: UTF8.self).split(separator: "\n")
    .filter { !$0.hasPrefix("#") }
  #expect(
    samples == [
      "process_cpu_seconds_total 5.5", "process_resident_memory_bytes 1",
      "process_virtual_memory_bytes 2", "process_open_fds 3", "process_max_fds 4",
      "process_threads 7", "process_start_time_seconds 6.25",
    ])
}

@Test func `an unknown count of descriptors is left out`() throws {
  var figures = try #require(ProcessFigures.read())
  figures.openDescriptors = nil
  var text = PrometheusText()
  figures.append(to: &text)
  #expect(!String(decoding: text.bytes, as: UTF8.self).contains("process_open_fds"))
}
