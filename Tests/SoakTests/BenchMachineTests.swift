import Glibc
import Testing

@testable import Soak

@Suite struct BenchMachineTests {
  static let machine = BenchMachine(
    processor: "Made-up 9000", processors: 2, kernel: "6.1.0", memoryBytes: 8 << 30,
    isPinned: true)

  @Test(arguments: [
    ("processor\t: 0\nmodel name\t: Made-up 9000 @ 2 GHz  \nmodel\t: 7\n", "Made-up 9000 @ 2 GHz"),
    ("processor\t: 0\nBogoMIPS\t: 50\n\nModel\t\t: A Board Rev 1\n", "A Board Rev 1"),
    ("processor\t: 0\nmodel name\t:\n", "unknown"), ("", "unknown"),
  ])
  func `the processor's name is found where the kernel has one`(text: String, name: String) {
    #expect(BenchMachine.processorName(cpuinfo: text) == name)
  }

  @Test func `a machine is one line, and what came from a file cannot give orders`() {
    #expect(Self.machine.text == "Made-up 9000, 2 processors, 8.0 GiB, Linux 6.1.0")
    var hostile = Self.machine
    hostile.processor = "a\u{1B}[2Jb\u{202E}c\n"
    hostile.processors = 1
    #expect(hostile.text == "a?[2Jb?c?, 1 processor, 8.0 GiB, Linux 6.1.0")
  }

  @Test func `another machine is told from this one, a little memory does not count`() {
    #expect(Self.machine.differences(from: Self.machine) == [])
    var other = Self.machine
    other.memoryBytes -= other.memoryBytes / 20
    #expect(Self.machine.differences(from: other) == [])
    other = BenchMachine(
      processor: "Other\u{7}", processors: 4, kernel: "5.10", memoryBytes: 4 << 30,
      isPinned: false)
    #expect(
      Self.machine.differences(from: other) == [
        "the processor was Other?, and is Made-up 9000",
        "the number of processors was 4, and is 2", "the kernel was 5.10, and is 6.1.0",
        "the memory was 4096 MiB, and is 8192 MiB",
        "nodes ran on any processor, and run on a processor for themselves",
      ])
  }

  @Test func `this machine has facts`() {
    let machine = BenchMachine.read(isPinned: false)
    #expect(machine.processors >= 1)
    #expect(machine.memoryBytes > 1 << 20)
    #expect(!machine.kernel.isEmpty && machine.kernel != "unknown")
  }

  @Test(
    arguments: [
      ([3], [], nil), ([0, 1], [0, 1], [0, 1]), ([0, 1, 2, 3], [0, 1], [0, 2]),
      ([0, 1, 2, 3], [0, 2], [0, 1]), ([2, 5], [], [2, 5]), ([], [], nil),
    ] as [([Int], [Int], [Int]?)])
  func `nodes and clients get processors of two cores, where there are two`(
    allowed: [Int], siblings: [Int], expected: [Int]?
  ) {
    let places = BenchPlaces(allowed: allowed) { _ in siblings }
    #expect(places.map { [$0.node, $0.load] } == expected)
  }

  @Test(
    arguments: [
      ("0,2\n", [0, 2]), ("0-3\n", [0, 1, 2, 3]), ("0-1,8-9", [0, 1, 8, 9]), ("", []), ("x", []),
      ("3-1", []), ("0-99999999", []),
    ] as [(String, [Int])])
  func `the kernel's lists of processors are read`(text: String, numbers: [Int]) {
    #expect(BenchPlaces.numbers(inList: text) == numbers)
  }
}

@Suite struct ProcessMeterTests {
  @Test func `times and memory are read from the kernel's texts`() {
    #expect(ProcessMeter.nanoseconds(schedstat: "123456789 42 7\n") == 123_456_789)
    #expect(ProcessMeter.nanoseconds(schedstat: "") == nil)
    let stat = "77 (a) b) S 1 77 77 0 -1 4194560 100 0 0 0 250 130 0 0 20 0 3 0 9 1 1"
    #expect(ProcessMeter.ticks(stat: stat) == 380)
    #expect(ProcessMeter.ticks(stat: "77 (a) S 1 2") == nil)
    #expect(ProcessMeter.ticks(stat: "") == nil)
    let memory = """
      5579-7ffd ---p 00000000 00:00 0   [rollup]
      Rss:                1672 kB
      Private_Clean:        12 kB
      Private_Dirty:       100 kB
      Private_Hugetlb:       0 kB
      """
    #expect(ProcessMeter.privateBytes(smapsRollup: memory) == 112 * 1024)
    #expect(ProcessMeter.privateBytes(smapsRollup: "Rss: 3 kB") == nil)
  }

  @Test func `this process has cost something, and who is gone nothing`() {
    let meter = ProcessMeter()
    let own = getpid()
    let before = meter.nanoseconds(of: own)
    #expect(before > 0)
    #expect(meter.nanoseconds(of: own) >= before)
    #expect((meter.privateBytes(of: own) ?? 0) > 100_000)
    #expect(meter.nanoseconds(of: -1) == 0)
    #expect(meter.privateBytes(of: -1) == nil)
  }
}
