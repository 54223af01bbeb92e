// Defaults as the documentation promises them, ranges at their borders, and the pairs that must fit.

import Gateway
import Testing

struct LimitsTests {
  @Test func `the defaults are those of the documentation`() {
    let limits = Limits()
    #expect(limits.connections == 0)
    #expect(limits.connectionsPerAddress == 1000)
    #expect(limits.connectionsPerUser == 100)
    #expect(limits.handshakesPerSecond == 1000)
    #expect(limits.handshakesPerSecondPerAddress == 50)
    #expect(limits.userOverflow == .refuse)
    #expect(limits.handshakesAtOnce == 4096)
    #expect(limits.handshakeTimeout == .seconds(10))
    #expect(limits.requestHeadBytes == 8192)
    #expect(limits.messagesPerSecond == 100)
    #expect(limits.messagesBurst == 200)
    #expect(limits.bytesPerSecond == 1_048_576)
    #expect(limits.messagesPerSecondPerUser == 1000)
    #expect(limits.bytesPerSecondPerUser == 10_485_760)
    #expect(limits.messagesPerSecondPerAddress == 10_000)
    #expect(limits.bytesPerSecondPerAddress == 104_857_600)
    #expect(!limits.dryRun)
    #expect(limits.messageBytes == 65_536)
    #expect(limits.batchRequests == 1000)
    #expect(limits.roomsPerConnection == 128)
    #expect(limits.outboundBytes == 1_048_576)
    #expect(limits.pingInterval == .seconds(25))
    #expect(limits.pongTimeout == .seconds(10))
    #expect(limits.closeTimeout == .seconds(5))
    #expect(limits.idleTimeout == .zero)
    #expect(limits.idempotencyWindow == .seconds(300))
    #expect(limits.idempotencyKeys == 500_000)
    #expect(limits.historyBytes == 268_435_456)
    #expect(limits.presencePage == 1000)
    #expect(limits.historyPage == 1000)
  }

  @Test func `the defaults have no problems`() {
    #expect(Limits().problems() == [])
  }

  @Test(arguments: [
    (124, false), (125, true), (126, true), (33_554_431, true), (33_554_432, true),
    (33_554_433, false),
  ])
  func `a message limit is accepted within its range`(bytes: Int, isAccepted: Bool) {
    var limits = Limits()
    limits.messageBytes = bytes
    limits.outboundBytes = 1_073_741_824
    let problem = ConfigurationProblem(
      "limits.message_bytes", "\(bytes) is not in 125...33554432")
    #expect(limits.problems() == (isAccepted ? [] : [problem]))
  }

  @Test(arguments: [(1_048_575, true), (1_048_576, true), (1_048_577, false)])
  func `a message must fit into the outbound queue`(bytes: Int, isAccepted: Bool) {
    var limits = Limits()
    limits.messageBytes = bytes
    let problem = ConfigurationProblem(
      "limits.message_bytes",
      "1048577 is more than limits.outbound_bytes (1048576): such a message could be taken and never"
        + " delivered")
    #expect(limits.problems() == (isAccepted ? [] : [problem]))
  }

  @Test(arguments: [(4999, true), (5000, true), (5001, false)])
  func `a pong is due before the next ping`(timeout: Int, isAccepted: Bool) {
    var limits = Limits()
    limits.pingInterval = .seconds(5)
    limits.pongTimeout = .milliseconds(timeout)
    let problem = ConfigurationProblem(
      "limits.pong_timeout",
      "5.001 is more than limits.ping_interval (5): the next ping would wait for the pong of the "
        + "last one")
    #expect(limits.problems() == (isAccepted ? [] : [problem]))
    limits.pingInterval = .zero
    #expect(limits.problems() == [])
  }

  @Test func `every limit refuses a negative number and names itself`() {
    var limits = Limits()
    limits.connections = -1
    limits.connectionsPerAddress = -1
    limits.messagesBurst = .min
    limits.historyPage = -1
    limits.pingInterval = .seconds(-1)
    limits.idleTimeout = .milliseconds(-1)
    #expect(
      limits.problems().map(\.description) == [
        "limits.connections: -1 is not in 1...10000000, nor 0 (what descriptors and memory allow)",
        "limits.connections_per_address: -1 is not in 1...10000000, nor 0 (no limit)",
        "limits.messages_burst: -9223372036854775808 is not in 1...1000000, nor 0 (no limit)",
        "limits.ping_interval: -1 is not in 0.1...3600, nor 0 (no pings)",
        "limits.idle_timeout: -0.001 is not in 0.1...604800, nor 0 (off)",
        "limits.history_page: -1 is not in 1...100000",
      ])
  }

  @Test func `zero switches off what may be switched off`() {
    var limits = Limits()
    limits.connectionsPerAddress = 0
    limits.connectionsPerUser = 0
    limits.handshakesPerSecond = 0
    limits.handshakesPerSecondPerAddress = 0
    limits.messagesPerSecond = 0
    limits.messagesBurst = 0
    limits.bytesPerSecond = 0
    limits.roomsPerConnection = 0
    limits.pingInterval = .zero
    limits.idleTimeout = .zero
    limits.idempotencyWindow = .zero
    #expect(limits.problems() == [])
  }

  @Test(arguments: [(100, 200, true), (0, 200, false), (100, 0, false), (0, 0, false)])
  func `requests are limited when both rate and burst are set`(
    rate: Int, burst: Int, isLimited: Bool
  ) {
    var limits = Limits()
    limits.messagesPerSecond = rate
    limits.messagesBurst = burst
    #expect(limits.limitsMessages == isLimited)
  }

  @Test func `a connection may always send one message of the largest size`() {
    var limits = Limits()
    #expect(limits.bytesBurst == 1_048_576)
    limits.bytesPerSecond = 1000
    #expect(limits.bytesBurst == 65_536)
  }
}
