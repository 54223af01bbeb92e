// What `roost top` draws, line by line, and what it writes where nobody looks.

import Fetch
import Testing

@testable import roost

private let nodes = """
  {"nodes":[
  {"node":"node-1","incarnation":"node-1~a","self":true,"figures_age_ms":100,"phase":"serving",
   "version":"0.1.0","connections":402,"connections_max":10000,"rooms":61,"members":900,
   "queue_bytes":4096,"resident_bytes":14680064,"handshakes_per_second":500,"uptime_seconds":60,
   "rates":{"messages_in":130,"messages_out":3010.0,"bytes_in":1,"bytes_out":2,"handshakes":1.1},
   "redis":{"commands":true,"subscriptions":true,"late":false,"probe_age_ms":4}},
  {"node":"node-2","incarnation":"node-2~b","self":false,"phase":"serving","connections":5,
   "not_ready":"no message has come back through Redis for 9 s",
   "redis":{"commands":true,"subscriptions":false,"late":true}},
  {"node":"node-3","incarnation":"node-3~c","self":false,"phase":"draining","connections":75,
   "redis":{"commands":true,"subscriptions":true,"late":true}}
  ]}
  """

private let top = """
  {"rooms":[{"room":"chat:lobby","members":17,"messages_per_second":4.5},
  {"room":"\\u001b[31mred","members":3,"messages_per_second":0}],
  "busiest_rooms":[{"room":"chat:lobby","messages_per_second":4.5}],
  "queues":[{"connection":"ae45622d535d6a84-1.0.1","node":"node-1","user":"ada",
   "address":"192.0.2.7","room_count":3,"queue_bytes":65536,"messages_per_second":0.5}],
  "busiest_connections":[{"connection":"ae45622d535d6a84-1.0.1","node":"node-1",
   "address":"192.0.2.7","room_count":3,"queue_bytes":0,"messages_per_second":12}]}
  """

private func snapshot(_ nodes: String = nodes, _ top: String = top) throws -> ClusterSnapshot {
  try #require(ClusterSnapshot(nodes: Array(nodes.utf8), top: Array(top.utf8)))
}

struct TopScreenTests {
  private func lines(
    _ width: Int, _ height: Int, _ snapshot: ClusterSnapshot, problem: String? = nil
  ) -> [StyledLine] {
    TopScreen(width: width, height: height).lines(
      snapshot, problem: problem, draining: ["node-3~c": 100], clock: "12:34:56")
  }

  @Test func `24 lines of 80 columns hold everything`() throws {
    let lines = lines(80, 24, try snapshot())
      .map { $0.rendered(width: 80, isColoured: false) }
      .map { String($0.reversed().drop { $0 == " " }.reversed()) }
    #expect(
      lines == [
        "roost top  3 nodes, 1 ready, 482 connections                            12:34:56",
        "in 130/s  out 3010/s  handshakes 1.1/s  queued 4096B",
        "node-2 is not ready: no message has come back through Redis for 9 s",
        "NODE             PHASE       CONN USED ROOMS  IN/S OUT/S  HS/S QUEUE   RSS REDIS",
        "node-2           serving        5          0     0     0     0     0     0  down",
        "node-3           drain 25%     75          0     0     0     0     0     0  late",
        "node-1           serving      402   4%    61   130  3010   1.1  4096   14M    ok",
        "",
        "LARGEST ROOMS               MEMB  MSG/S  BUSIEST ROOMS                     MSG/S",
        "chat:lobby                    17    4.5  chat:lobby                          4.5",
        "?[31mred                       3      0",
        "", "", "", "",
        "",
        "DEEPEST QUEUES                    BYTES  BUSIEST CONNECTIONS               MSG/S",
        "ada 192.0.2.7                       64K  ae45622d535d6a84-1.0.1 192.0.2.7     12",
        "", "", "", "", "",
        "q quits",
      ])
  }

  @Test(arguments: [(80, 24), (200, 60), (40, 12), (20, 6), (10, 3), (1, 1), (300, 8)])
  func `whatever the size, nothing is wider or higher`(width: Int, height: Int) throws {
    var crowded = try snapshot()
    for number in 0..<100 {
      var node = crowded.nodes[0]
      node.name = "host-\(number).漢字.example.com:8080"
      crowded.nodes.append(node)
    }
    for shown in [ClusterSnapshot(), try snapshot(), crowded] {
      let lines = lines(width, height, shown, problem: shown.nodes.isEmpty ? "asking" : nil)
      #expect(lines.count == height)
      for line in lines {
        let text = line.rendered(width: width, isColoured: false)
        #expect(TerminalText.columns(of: text) <= width, "\(text)")
      }
    }
  }

  @Test func `nodes that do not fit are counted`() throws {
    var crowded = try snapshot()
    crowded.nodes += Array(repeating: crowded.nodes[0], count: 20)
    let texts = lines(80, 24, crowded).map(\.text)
    #expect(texts.contains { $0.hasPrefix("and ") && $0.hasSuffix(" more") })
  }

  @Test func `colours are sent only where they are wanted`() throws {
    let lines = lines(80, 24, try snapshot())
    #expect(lines[4].rendered(width: 80, isColoured: true).contains("\u{1B}[31mserving"))
    #expect(lines[5].rendered(width: 80, isColoured: true).contains("\u{1B}[33mdrain 25%"))
    #expect(!lines.contains { $0.rendered(width: 80, isColoured: false).contains("\u{1B}") })
  }

  @Test func `a problem is told, with the figures of before`() throws {
    let lines = lines(80, 24, try snapshot(), problem: "http://a:1: refused\u{1B}[2J")
    #expect(lines[2].text == "http://a:1: refused?[2J")
    #expect(lines[6].text.hasPrefix("node-1 "))
  }

  @Test(arguments: [
    ("", top), ("[]", top), ("{}", top), ("{\"nodes\":1}", top), (nodes, ""), (nodes, "<html>"),
  ])
  func `what no node says is no snapshot`(nodes: String, top: String) {
    #expect(ClusterSnapshot(nodes: Array(nodes.utf8), top: Array(top.utf8)) == nil)
  }

  @Test func `figures that cannot be are not believed`() throws {
    let odd = try snapshot(
      #"{"nodes":[{"node":1,"connections":-5,"connections_max":9223372036854775807,"#
        + #""rates":{"messages_in":-1,"messages_out":1e400}},3]}"#,
      #"{"rooms":[{}],"queues":[[]]}"#)
    #expect(odd.nodes.count == 2)
    #expect(odd.nodes[0].connections == 0)
    #expect(odd.nodes[0].messagesIn == 0)
    #expect(odd.sum { Double($0.connectionsMax) } < 1e18)
    #expect(lines(80, 24, odd).count == 24)
  }
}

struct TopReportTests {
  @Test func `lines have a word for each figure`() throws {
    let text = TopReport.plain(try snapshot(), at: "2026-11-23T12:34:56")
    let lines = text.split(separator: "\n").map(String.init)
    #expect(
      lines[0] == "2026-11-23T12:34:56 nodes=3 ready=1 connections=482 messages_in=130 "
        + "messages_out=3010 handshakes=1.1 queue_bytes=4096")
    #expect(
      lines[1] == "node node-1 phase=serving connections=402 connections_max=10000 rooms=61 "
        + "messages_in=130 messages_out=3010 handshakes=1.1 queue_bytes=4096 "
        + "resident_bytes=14680064 redis=ok")
    #expect(
      lines[2] == "node node-2 phase=serving connections=5 connections_max=0 rooms=0 "
        + "messages_in=0 messages_out=0 handshakes=0 queue_bytes=0 resident_bytes=0 redis=down "
        + "not_ready=\"no message has come back through Redis for 9 s\"")
    #expect(text.contains("\nroom chat:lobby members=17 messages_per_second=4.5\n"))
    #expect(text.contains("\nbusy_room chat:lobby messages_per_second=4.5\n"))
    #expect(
      text.contains(
        "\nqueue ae45622d535d6a84-1.0.1 node=node-1 user=ada address=192.0.2.7 rooms=3 "
          + "queue_bytes=65536 messages_per_second=0.5\n"))
  }

  @Test func `JSON is one line, with both answers as they came`() {
    let text = TopReport.json(
      nodes: Array("{\n\"nodes\": []}\n".utf8), top: Array("{}".utf8), milliseconds: 5)
    #expect(text == "{\"at\":5,\"nodes\":{ \"nodes\": []},\"top\":{}}\n")
    #expect(
      TopReport.json(problem: "a \"b\"", milliseconds: 5)
        == "{\"at\":5,\"error\":\"a \\\"b\\\"\"}\n")
  }
}

struct TopOptionsTests {
  private func problem(_ arguments: [String]) -> TopOptions.Problem? {
    guard case .run(let invocation) = Invocation.parse(["top"] + arguments) else { return nil }
    do throws(TopOptions.Problem) {
      _ = try TopOptions(invocation, environment: [:])
      return nil
    } catch {
      return error
    }
  }

  private func place(_ arguments: [String]) -> String? {
    guard case .run(let invocation) = Invocation.parse(["top"] + arguments) else { return nil }
    return try? TopOptions(invocation, environment: [:]).place.text
  }

  @Test(arguments: [
    ("http://a:1", "http://a:1"), ("https://a:1/", "https://a:1"), ("a:1", "http://a:1"),
    ("[::1]:8081", "http://[::1]:8081"),
  ])
  func `an admin port is given as URL or as host and port`(text: String, url: String) {
    #expect(place(["--admin", text]) == url)
  }

  @Test func `without a flag it is the configured one`() {
    #expect(place([]) == "http://127.0.0.1:8081")
  }

  @Test(arguments: [
    (["--admin", "ftp://a:1"], "--admin does not begin with https:// or http://"),
    (["--admin", "http://a:1/v1"], "--admin has a path: give only https://HOST:PORT"),
    (
      ["--admin", "http://me:secret@a"],
      "--admin holds a user name: what it is to be secret has a setting of its own"
    ),
    (
      ["--admin", "a:1", "--interval", "0.4"], "--interval is a number of seconds from 0.5 to 3600"
    ),
    (
      ["--admin", "a:1", "--interval", "3601"], "--interval is a number of seconds from 0.5 to 3600"
    ),
    (
      ["--admin", "a:1", "--interval", "nan"], "--interval is a number of seconds from 0.5 to 3600"
    ),
  ])
  func `what cannot be meant is refused`(arguments: [String], sentence: String) {
    #expect(problem(arguments) == .usage(sentence))
  }

  @Test(arguments: ["0.5", "3600", "2"])
  func `intervals up to the limits are taken`(seconds: String) {
    #expect(problem(["--admin", "a:1", "--interval", seconds]) == nil)
  }

  @Test func `a key file that is not there is named`() {
    #expect(
      problem(["--admin", "a:1", "--key-file", "/nonexistent/key"])
        == .refused("/nonexistent/key cannot be read: No such file or directory (errno 2)"))
  }
}
