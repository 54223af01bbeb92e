// What several silences say together, and silences through real ways: a node, and HAProxy before it.

import Gateway
import Glibc
import RoostEventLoop
import TestSupport
import Testing

@testable import roost

struct PathProbeTests {
  @Test func `silences go up to the longest one`() {
    #expect(PathProbe.silences(upTo: .seconds(1)) == [.seconds(1)])
    #expect(
      PathProbe.silences(upTo: .milliseconds(5500)) == [
        .seconds(1), .seconds(2), .seconds(5), .milliseconds(5500),
      ])
    #expect(PathProbe.silences(upTo: .seconds(7200)).last == .seconds(7200))
  }

  @Test func `the shortest end and the longest survival count`() {
    let facts = PathProbe.combined(
      [
        (.survived(milliseconds: 1000), 0), (.ended(milliseconds: 2100), 0),
        (.unanswered(milliseconds: 2050), 0), (.survived(milliseconds: 2000), 0),
        (.failed("refused"), 0),
      ], PathFacts())
    #expect(facts.failure == nil)
    #expect(facts.survivedMilliseconds == 2000)
    #expect(facts.endedMilliseconds == 2050 && facts.isEndSilent)
  }

  @Test func `nothing but failures is a failure`() {
    let facts = PathProbe.combined([(.failed("a"), 0), (.failed("b"), 0)], PathFacts())
    #expect(facts.failure == "a")
    #expect(PathProbe.combined([], PathFacts()).failure == "nothing was tried")
  }

  private static func configuration(pings interval: Duration) -> Configuration {
    Configuration.forTests { configuration in
      configuration.limits.pingInterval = interval
      configuration.limits.pongTimeout = .seconds(60)
    }
  }

  private static func probe(_ address: SocketAddress, longest: Duration) throws -> PathFacts {
    let url = try #require(WebSocketURL("ws://\(address)/ws"))
    return PathProbe.run(
      url, shown: "ws://\(address)/ws", PeerOptions(patience: .seconds(30)), longest: longest
    ) { _ in }
  }

  @Test func `a node without pings lets silence last`() async throws {
    try await withNode(Self.configuration(pings: .zero)) { node in
      let facts = try Self.probe(node.address, longest: .milliseconds(1200))
      #expect(facts.failure == nil)
      #expect(facts.pingMilliseconds == 0 && facts.endedMilliseconds == nil)
      #expect(facts.survivedMilliseconds >= 1200 && !facts.isInterrupted)
    }
  }

  @Test func `pings of the node end the trial early`() async throws {
    try await withNode(Self.configuration(pings: .milliseconds(500))) { node in
      let facts = try Self.probe(node.address, longest: .seconds(3600))
      #expect(facts.failure == nil)
      #expect(facts.pingMilliseconds == 500 && facts.endedMilliseconds == nil)
      #expect(facts.isInterrupted && facts.survivedMilliseconds < 60_000)
      #expect(DoctorChecks.path(facts).map(\.level) == [.ok])
    }
  }

  @Test(
    .enabled(if: Environment["ROOST_TEST_HAPROXY"] != nil, "ROOST_TEST_HAPROXY is not set"))
  func `the timeout of a balancer is found through it`() async throws {
    try await withNode(Self.configuration(pings: .zero)) { node in
      let address = try freeAddress()
      let folder = try TemporaryFolder()
      let file = try folder.file(
        "haproxy.cfg",
        Array(
          """
          defaults
            mode http
            timeout connect 30s
            timeout client 30s
            timeout server 30s
            timeout tunnel 1500ms
          listen nodes
            bind \(address)
            server node \(node.address)

          """.utf8))
      let program = try #require(Environment["ROOST_TEST_HAPROXY"])
      let balancer = try Subprocess(program, ["-db", "-f", file])
      let deadline = MonotonicInstant.now().advanced(by: .seconds(60))
      while (try? Socket.connect(to: address)) == nil, MonotonicInstant.now() < deadline {
        _ = poll(nil, 0, 20)
      }
      let facts = try Self.probe(address, longest: .seconds(60))
      #expect(facts.failure == nil)
      let ended = try #require(facts.endedMilliseconds)
      // How near to its number it is found depends on the machine.
      #expect(ended < 60_000 && !facts.isEndSilent)
      #expect(DoctorChecks.path(facts).map(\.level) == [.problem])
      balancer.kill(SIGTERM)
      _ = try balancer.wait()
    }
  }

  @Test func `what is no node is told`() throws {
    let facts = try Self.probe(try freeAddress(), longest: .seconds(1))
    #expect(try #require(facts.failure).contains("Connection refused"))
  }

  @Test func `a node that wants a token is told with its status`() async throws {
    var configuration = Configuration.forTests(dev: false)
    configuration.auth.anonymous = false
    try await withNode(configuration) { node in
      let facts = try Self.probe(node.address, longest: .seconds(1))
      #expect(facts.failure == "the handshake was answered 401")
    }
  }
}
