// A thousand connections of one process, one after the other: descriptors and memory stay where they were.

import Gateway
import Glibc
import RoostClient
import RoostEventLoop
import TestSupport
import Testing

extension ClientSocketTests {
  /// Descriptors of this process.
  private static func descriptors() -> Int {
    guard let directory = opendir("/proc/self/fd") else { return -1 }
    defer { closedir(directory) }
    var count = 0
    while readdir(directory) != nil { count += 1 }
    return count
  }

  @Test func `a loop that is stopped lets go of all its descriptors at once`() async throws {
    try await withNode(.forTests()) { node in
      let before = Self.descriptors()
      let loop = try ClientLoop()
      let clients = try (0..<20).map { _ in try Client(node.address, loop: loop) }
      for client in clients { client.connect() }
      for client in clients { try await client.connected() }
      // Its closes are not answered yet; it once kept their sockets, and its poller, for ever.
      loop.stop()
      try await node.empties()
      // Its mailbox stays until it is let go of, so that a letter to it meets nobody, and no end.
      try await settles { Self.descriptors() <= before + 1 }
    }
  }

  @Test func `a thousand reconnects leave no descriptor, no room and no connection`() async throws {
    try await withNode(.forTests()) { node in
      let loop = try ClientLoop()
      let relay = try TestRelay(to: node.address)
      let clients = try (0..<50).map { _ in try Client(relay.address, loop: loop) }
      for client in clients { client.connect() }
      for client in clients { _ = try await client.join("lobby") }
      try await node.settles { $0.members == 50 }
      let before = Self.descriptors()
      // Cut from outside: each client waits, comes back and joins again.
      for round in 1...3 {
        relay.cut()
        try await settles { relay.accepted >= 50 * (round + 1) }
        try await node.settles(within: .seconds(60)) { $0.members == 50 && $0.sockets == 50 }
      }
      // Told by the application, which need not wait.
      for round in 0..<17 {
        for client in clients {
          client.close()
          client.connect()
        }
        for client in clients { try await client.connected() }
        try await node.settles(within: .seconds(60)) { $0.members == 50 && $0.sockets == 50 }
        if round == 0 { #expect(Self.descriptors() <= before + 60) }
      }
      try await settles { Self.descriptors() <= before }
      for client in clients { client.close() }
      try await node.empties()
      loop.stop()
    }
  }
}
