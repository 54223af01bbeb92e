// The Autobahn suite against the codec in the client's role: a small client that sends back what the
// suite's server sends, and breaks off where RFC 6455 says that a client has to.

import RoostDeflate
import RoostEventLoop
import RoostWebSocket
import TestSupport
import Testing

extension ConformanceTests {
  @Suite(
    .enabled(if: InteropDriver.python != nil, InteropDriver.pythonIsMissing),
    .enabled(if: InteropDriver.wstest != nil, InteropDriver.wstestIsMissing),
    .enabled(if: InteropDriver.runsLongGroups, "ops/test --conformance plays the client"))
  struct AutobahnClientTests {
    @Test func `the codec in the client's role passes every Autobahn case`() throws {
      let suite = try InteropDriver.start(
        "autobahn.py",
        InteropDriver.autobahnCases(["--server"], output: "autobahn-client", expectedShort: 301))
      let line = try suite.line()
      let address = try #require(
        SocketAddress(text: String(line.dropFirst("listening ws://".count))), "\(line)")
      let count = try #require(Int(try ask(address, "/getCaseCount")))
      for number in 1...count {
        try echo(address, "/runCase?case=\(number)&agent=roost")
      }
      // The suite is ended as soon as its report is there, at times before it has answered. Whether
      // there is one, its end tells.
      _ = try? ask(address, "/updateReports?agent=roost")
      let end = try suite.wait(within: .seconds(30))
      #expect(end == .exited(0), "\(suite.outputs)")
    }

    /// What the suite's server says at a path, before it closes.
    private func ask(_ address: SocketAddress, _ path: String) throws -> String {
      let client = TestClient(try BlockingSocket(to: address, deadline: .seconds(60)))
      try client.upgrade(path: path, subprotocols: [])
      var answer = ""
      while true {
        switch try client.next() {
        case .text(let text): answer = text
        case .close: try client.sendClose(1000)
        case .end, .reset: return answer
        case .binary, .ping, .pong: break
        }
      }
    }

    /// Sends every message back until the connection is closed.
    private func echo(_ address: SocketAddress, _ path: String) throws {
      let client = TestClient(try BlockingSocket(to: address, deadline: .seconds(120)))
      try client.upgrade(
        path: path, subprotocols: [],
        deflate: DeflateConfiguration(
          isEnabled: true, allowsServerContextTakeover: true, allowsClientContextTakeover: true,
          serverWindowBits: 15))
      while true {
        do {
          switch try client.next() {
          case .text(let text): try client.send(text)
          case .binary(let bytes): try client.send(.binary, bytes)
          case .close(let code, _):
            try client.sendClose(code)
            return try waitForEnd(client)
          case .end, .reset: return
          case .ping, .pong: break
          }
        } catch let violation as WebSocketViolation {
          // § 7.1.7: the connection is failed with the code that says why.
          try client.sendClose(violation.closeCode)
          return try waitForEnd(client)
        } catch is TestFailure {
          // The suite closes the transport in the middle of some cases; that is its verdict's affair.
          return
        }
      }
    }

    private func waitForEnd(_ client: TestClient) throws {
      client.socket.endSending()
      _ = try client.socket.readToEnd()
    }
  }
}
