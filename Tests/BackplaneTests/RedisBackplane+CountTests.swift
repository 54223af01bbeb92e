// Connections that are counted over all nodes: each is told its place once, whoever ends takes its
// count away, and a Redis that forgets, a node that dies and a name that changes leave nothing behind.

import RoostRooms
import TestRandom
import TestSupport
import Testing

@testable import Backplane

extension RedisBackplaneTests {
  @Suite(.enabled(if: RedisServer.isAvailable, "redis-server is not installed"))
  struct CountTests {
    private let ada = CountKey(.user, Array("ada".utf8).span)

    private func connection(_ number: Int) -> ConnectionID {
      ConnectionID(process: 7, shard: 0, slot: UInt32(number), generation: 1)
    }

    private func count(_ numbers: ClosedRange<Int>, on node: Int, _ stage: Stage) {
      for number in numbers {
        stage.harness.submit(.count(ada, connection(number), shard: node), on: node)
      }
    }

    private func uncount(_ number: Int, on node: Int, _ stage: Stage) {
      stage.harness.submit(.uncount(ada, connection(number)), on: node)
    }

    /// The places that connections of a node were told, by their numbers.
    private func places(_ node: Int, _ stage: Stage) -> [Int: Int] {
      var places: [Int: Int] = [:]
      for case .counted(.user, let connection, let place) in stage.harness.take(node) {
        let former = places.updateValue(place, forKey: Int(connection.slot))
        #expect(former == nil, "\(connection) was told twice")
      }
      return places
    }

    private func key(_ stage: Stage) -> String { "\(stage.cluster.prefix)sys:\(ada.name)" }

    /// The figures in Redis, without their times.
    private func figures(_ stage: Stage) throws -> [Int] {
      try stage.server.cli("HVALS", key(stage)).split(whereSeparator: \.isNewline)
        .compactMap { $0.split(separator: " ").first.flatMap { Int($0) } }.sorted()
    }

    @Test func `users and addresses have names of their own, and none is readable`() {
      let names = [
        CountKey(.user, Array("ada".utf8).span), CountKey(.address, Array("ada".utf8).span),
        CountKey(.user, Array("adb".utf8).span),
      ].map(\.name)
      #expect(
        names == [
          "{user:fdee430d40bd57deeac186cd9790033d}:counts",
          "{address:fdee430d40bd57deeac186cd9790033d}:counts",
          "{user:7e16a033d8a9e716f5572ef0b23b2960}:counts",
        ])
    }

    @Test func `each connection is told its place among those of all nodes`() throws {
      let stage = try Stage(2)
      count(1...2, on: 0, stage)
      stage.harness.settle()
      #expect(places(0, stage) == [1: 1, 2: 2])
      count(3...5, on: 1, stage)
      stage.harness.settle()
      #expect(places(1, stage) == [3: 3, 4: 4, 5: 5])
      uncount(1, on: 0, stage)
      uncount(5, on: 1, stage)
      count(6...6, on: 1, stage)
      stage.harness.settle()
      #expect(places(1, stage) == [6: 4])
      #expect(try figures(stage) == [1, 3])
      for (number, node) in [(2, 0), (3, 1), (4, 1), (6, 1)] { uncount(number, on: node, stage) }
      stage.harness.settle()
      #expect(try stage.server.cli("EXISTS", key(stage)).contains("0"))
      for node in stage.cluster.nodes { #expect(node.driver.backplane.counts.isEmpty) }
      #expect(stage.harness.isSilent())
    }

    @Test func `who comes and goes within a tick is told nothing, and leaves nothing`() throws {
      let stage = try Stage()
      count(1...1, on: 0, stage)
      uncount(1, on: 0, stage)
      stage.harness.settle()
      #expect(stage.harness.isSilent())
      #expect(stage.cluster.nodes[0].driver.backplane.counts.isEmpty)
    }

    @Test func `however they come and go, Redis has what is there`() throws {
      var generator = SeededGenerator.make()
      let stage = try Stage(3)
      var open: [Set<Int>] = [[], [], []]
      var told: Set<Int> = []
      for number in 1...600 {
        let node = Int.random(in: 0..<3, using: &generator)
        if Bool.random(using: &generator), let one = open[node].randomElement(using: &generator) {
          open[node].remove(one)
          uncount(one, on: node, stage)
        } else {
          open[node].insert(number)
          count(number...number, on: node, stage)
        }
        if number % 40 == 0 { try stage.server.cli("SCRIPT", "FLUSH") }
        if Bool.random(using: &generator) { stage.harness.step() }
        for node in 0..<3 {
          for (number, place) in places(node, stage) {
            told.insert(number)
            #expect((1...600).contains(place), "\(generator)")
          }
        }
      }
      stage.harness.settle()
      for node in 0..<3 { told.formUnion(places(node, stage).keys) }
      let sizes = open.map(\.count).filter { $0 > 0 }.sorted()
      #expect(try figures(stage) == sizes, "\(generator)")
      // Whoever is still there was told.
      #expect(open.allSatisfy { $0.isSubset(of: told) }, "\(generator)")
    }

    @Test func `a Redis that lost its data gets the figures again`() throws {
      let stage = try Stage(2)
      count(1...2, on: 0, stage)
      count(3...5, on: 1, stage)
      stage.harness.settle()
      try stage.server.cli("FLUSHALL")
      for _ in 0..<3 { stage.harness.settle() }
      #expect(try figures(stage) == [2, 3])
      _ = stage.harness.takeAll()
      count(6...6, on: 0, stage)
      stage.harness.settle()
      #expect(places(0, stage) == [6: 6])
    }

    // They stay, whatever their place would have been: nobody could say it.
    @Test func `who comes while Redis is away is told nothing and counted afterwards`() throws {
      let stage = try Stage(2)
      count(1...2, on: 0, stage)
      stage.harness.settle()
      _ = stage.harness.takeAll()
      try stage.server.kill()
      try stage.wait { !stage.cluster.nodes[0].status.isConnected }
      count(3...4, on: 0, stage)
      uncount(1, on: 0, stage)
      try stage.server.restart()
      stage.harness.settle()
      #expect(places(0, stage) == [:])
      count(5...5, on: 1, stage)
      stage.harness.settle()
      #expect(places(1, stage) == [5: 4])
      #expect(try figures(stage) == [1, 3])
    }

    @Test func `a node with a new name takes its figures with it`() throws {
      let stage = try Stage()
      count(1...3, on: 0, stage)
      stage.harness.settle()
      let before = stage.cluster.nodes[0].driver.backplane.incarnation
      try stage.server.cli("DEL", "\(stage.cluster.prefix)sys:node:\(before)")
      try stage.wait { stage.cluster.nodes[0].driver.backplane.incarnation != before }
      stage.harness.settle()
      #expect(try figures(stage) == [3])
      #expect(!(try stage.server.cli("HKEYS", key(stage)).contains(before)))
    }

    @Test func `the dead are not counted, and come back with what they have`() throws {
      let stage = try Stage(2)
      count(1...4, on: 1, stage)
      stage.harness.settle()
      let name = stage.cluster.nodes[1].driver.backplane.incarnation
      stage.cluster.frozen = [1]
      try stage.server.cli("DEL", "\(stage.cluster.prefix)sys:node:\(name)")
      try stage.wait { stage.cluster.nodes[0].driver.backplane.dead == [name] }
      count(5...5, on: 0, stage)
      stage.harness.settle()
      #expect(places(0, stage) == [5: 1])
      #expect(try figures(stage) == [1])
      stage.cluster.frozen = []
      try stage.wait { stage.cluster.nodes[1].driver.backplane.incarnation != name }
      stage.harness.settle()
      _ = stage.harness.takeAll()
      count(6...6, on: 0, stage)
      stage.harness.settle()
      #expect(places(0, stage) == [6: 6])
    }

    @Test func `figures that nobody writes any more, and what is none, go`() throws {
      let stage = try Stage()
      let now = stage.harness.now.wallMilliseconds
      try stage.server.cli(
        "HSET", key(stage), "old", "5 \(now - 90_001)", "young", "3 \(now - 90_000)", "odd", "x",
        "negative", "-5 \(now)")
      count(1...1, on: 0, stage)
      stage.harness.settle()
      #expect(places(0, stage) == [1: 4])
      #expect(try figures(stage) == [1, 3])
      let left = try stage.server.cli("PTTL", key(stage))
      #expect((80_000...90_000).contains(Int(left.filter(\.isNumber)) ?? 0))
    }

    @Test func `all figures are written again within twenty sweeps`() throws {
      let stage = try Stage()
      let keys = (0..<50).map { CountKey(.address, Array("\($0)".utf8).span) }
      for (number, key) in keys.enumerated() {
        stage.harness.submit(.count(key, connection(number), shard: 0), on: 0)
      }
      stage.harness.settle()
      stage.harness.advance(.seconds(60))
      for _ in 0..<20 { stage.harness.sweep() }
      let now = stage.harness.now.wallMilliseconds
      for key in keys {
        let name = "\(stage.cluster.prefix)sys:\(key.name)"
        #expect(try stage.server.cli("HVALS", name).contains("1 \(now)"))
      }
    }

    @Test func `a Redis that takes no writes is asked again later`() throws {
      let stage = try Stage()
      try stage.server.cli("CONFIG", "SET", "maxmemory", "1")
      count(1...2, on: 0, stage)
      for _ in 0..<20 { stage.harness.step() }
      try stage.server.cli("CONFIG", "SET", "maxmemory", "0")
      stage.harness.sweep()
      stage.harness.settle()
      #expect(try figures(stage) == [2])
      #expect(places(0, stage) == [:])
    }
  }
}
