import Testing

@testable import Soak

@Suite struct BenchWorkloadTests {
  @Test(arguments: [
    ("w1", 15_000, 1_500, BenchWorkload.Load.idle, "15,000 idle members of 1,500 rooms"),
    ("w2w16", 1_000, 1, .window(16), "one room of 1,000, 16 on their way"),
    ("w2w1", 1_000, 1, .window(1), "one room of 1,000, 1 on its way"),
    ("w2paced", 1_000, 1, .paced(perSecond: 100), "one room of 1,000, 100/s"),
    ("w3paced", 5_000, 500, .paced(perSecond: 5_000), "500 rooms of 10, 5,000/s"),
    ("w3w1", 5_000, 500, .window(1), "500 rooms of 10, 1 each on its way"),
    ("w4", 10_000, 1, .handshakes(atOnce: 256), "10,000 handshakes, 256 at a time"),
    ("w5", 5_000, 500, .paced(perSecond: 5_000), "500 rooms of 10 on 2 nodes, 5,000/s"),
    ("echo", 1_000, 1_000, .echo, "1,000 connections, 1 each on its way"),
  ])
  func `every workload has the numbers of ops/bench`(
    name: String, connections: Int, rooms: Int, load: BenchWorkload.Load, about: String
  ) throws {
    let workload = BenchWorkload(try #require(BenchWorkload.Name(rawValue: name)))
    #expect(workload.connections == connections)
    #expect(workload.rooms == rooms)
    #expect(workload.load == load)
    #expect(workload.about == about)
    #expect(workload.nodes == (name == "w5" ? 2 : 1))
    let sum = (0..<rooms).reduce(0) { $0 + workload.members(in: $1) }
    #expect(sum == connections)
  }

  @Test func `rooms and rates go with the number of connections, a room keeps its size`() {
    let small = BenchWorkload(.w3paced, connections: 25)
    #expect(small.rooms == 2)
    #expect(small.load == .paced(perSecond: 20))
    #expect((0..<2).map(small.members) == [13, 12])
    #expect((0..<25).filter { small.room(of: $0) == 1 }.count == 12)
    let single = BenchWorkload(.w3w1, connections: 9)
    #expect(single.rooms == 1)
    #expect(single.members(in: 0) == 9)
    let large = BenchWorkload(.w2paced, connections: 5_000)
    #expect(large.rooms == 1)
    #expect(large.load == .paced(perSecond: 100))
  }

  @Test func `a room's members are dealt out over both nodes, and its first one publishes`() {
    let workload = BenchWorkload(.w5, connections: 40)
    #expect(workload.rooms == 4)
    let nodes = stride(from: 1, to: 40, by: 4).map(workload.node)
    #expect(nodes == [0, 1, 0, 1, 0, 1, 0, 1, 0, 1])
    #expect((0..<40).allSatisfy { BenchWorkload(.w3w1, connections: 40).node(of: $0) == 0 })
  }

  @Test func `names are read in any case, each counts once and the list's order holds`() throws {
    let read = try BenchWorkload.read(["Echo", "W2W16", "echo"], connections: 20)
    #expect(read.map(\.name) == [.w2w16, .echo])
    #expect(read.map(\.connections) == [20, 20])
    #expect(try BenchWorkload.read([], connections: nil).map(\.name) == BenchWorkload.Name.allCases)
  }

  @Test func `an unknown name is answered with the nearest one and with all`() {
    #expect(
      throws: BenchProblem(
        "there is no workload w2pcaed; did you mean w2paced?; there are w1 w2w16 w2w1 w2paced "
          + "w3paced w3w1 w4 w5 echo")
    ) { try BenchWorkload.read(["w1", "w2pcaed"], connections: nil) }
    #expect(
      throws: BenchProblem(
        "there is no workload a?[31mb; there are w1 w2w16 w2w1 w2paced w3paced w3w1 w4 w5 echo")
    ) { try BenchWorkload.read(["a\u{1B}[31mb"], connections: nil) }
  }

  @Test(arguments: [
    (0, "0"), (999, "999"), (1_000, "1,000"), (-12_345, "-12,345"), (1_234_567, "1,234,567"),
  ])
  func `digits stand in groups of three`(number: Int, text: String) {
    #expect(Grouped.text(number) == text)
  }
}

@Suite struct BenchOptionsTests {
  private static func options(_ name: BenchWorkload.Name, _ connections: Int) -> BenchOptions {
    BenchOptions(
      workloads: [BenchWorkload(name, connections: connections)], seconds: 1, program: "roost",
      build: BenchBuild(version: "0.1.0", isRelease: true))
  }

  @Test func `what the descriptors do not allow is refused with both numbers`() throws {
    let options = Self.options(.w1, 15_000)
    try options.check(descriptors: 15_200, localPorts: 28_232)
    #expect(
      throws: BenchProblem(
        "w1 has 15,000 connections, for which a process needs 15,200 descriptors and may have "
          + "15,199: raise the hard limit (ulimit -Hn), or take fewer with --connections")
    ) { try options.check(descriptors: 15_199, localPorts: 28_232) }
  }

  @Test func `what the ports do not allow is refused, and two nodes have two ports`() throws {
    try Self.options(.w1, 28_232).check(descriptors: 1 << 20, localPorts: 28_232)
    try Self.options(.w5, 56_464).check(descriptors: 1 << 20, localPorts: 28_232)
    #expect(
      throws: BenchProblem(
        "w1 has 28,233 connections to one node, and net.ipv4.ip_local_port_range gives 28,232 "
          + "ports: widen it, or take fewer with --connections")
    ) { try Self.options(.w1, 28_233).check(descriptors: 1 << 20, localPorts: 28_232) }
    #expect(throws: BenchProblem.self) {
      try Self.options(.w5, 56_465).check(descriptors: 1 << 20, localPorts: 28_232)
    }
  }

  @Test(
    arguments: [
      ("32768\t60999\n", 28_232), ("1024 1024", 1), ("60999 32768", nil), ("", nil), ("x y", nil),
    ] as [(String, Int?)])
  func `the range of ports is read`(text: String, count: Int?) {
    #expect(BenchOptions.localPorts(inRange: text) == count)
  }
}
