// What a machine affords, and what is kept from connections.

import Gateway
import Testing

@Suite struct NodeBudgetTests {
  private func budget(
    _ configured: Int = 0, handshakes: Int = 4096, descriptors: Int, gigabytes: Int = 64,
    shards: Int = 1, outgoing: Int = 0, isSecured: Bool = false
  ) -> NodeBudget {
    NodeBudget(
      configured: configured, handshakes: handshakes, outgoing: outgoing, descriptors: descriptors,
      memoryBytes: gigabytes << 30, shards: shards, isSecured: isSecured)
  }

  @Test(arguments: [
    (1024, 1, 773, 824), (1024, 4, 750, 800), (300, 1, 94, 100), (10, 1, 15, 16),
    (1_048_576, 2, 982_845, 1_044_336),
  ])
  func `descriptors are kept for the operator, Redis and outgoing requests`(
    _ descriptors: Int, _ shards: Int, _ connections: Int, _ sockets: Int
  ) {
    let budget = budget(descriptors: descriptors, shards: shards)
    #expect([budget.connections, budget.sockets] == [connections, sockets])
    if descriptors > 208 { #expect(budget.sockets + 192 + 8 * shards <= descriptors) }
  }

  @Test(arguments: [(0, 824), (64, 824), (65, 823), (500, 388)])
  func `requests to other servers have descriptors of their own`(
    _ outgoing: Int, _ sockets: Int
  ) {
    #expect(budget(descriptors: 1024, outgoing: outgoing).sockets == sockets)
  }

  @Test func `half of the memory bounds connections`() {
    #expect(budget(descriptors: 1_048_576, gigabytes: 1).connections == 43_690)
    // TLS takes its part of it.
    let secured = budget(descriptors: 1_048_576, gigabytes: 1, isSecured: true)
    #expect(secured.connections == 18_724)
  }

  @Test(arguments: [(1, 1), (500, 500), (773, 773), (774, 773)])
  func `what is configured is taken as far as it is affordable`(
    _ configured: Int, _ connections: Int
  ) {
    #expect(budget(configured, descriptors: 1024).connections == connections)
  }

  @Test(arguments: [
    (4096, 1_048_576, 4096), (4096, 1024, 206), (100, 1024, 100), (0, 1024, 206), (4096, 10, 4),
  ])
  func `most sockets are for those who finish their handshake`(
    _ configured: Int, _ descriptors: Int, _ handshakes: Int
  ) {
    #expect(
      budget(handshakes: configured, descriptors: descriptors).handshakes == handshakes)
  }
}
