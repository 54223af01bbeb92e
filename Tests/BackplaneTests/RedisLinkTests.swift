// A link to a real Redis: the ways to it, logging in, what is refused and with which words.

import Backplane
import Glibc
import RoostEventLoop
import TestSupport
import Testing

@Suite(.enabled(if: RedisServer.isAvailable, "redis-server is not installed"))
struct RedisLinkTests {
  /// Whether this machine has IPv6.
  static let hasIPv6: Bool = {
    guard let address = SocketAddress(text: "[::1]:0") else { return false }
    return (try? Socket.listen(on: address, sharesPort: false, backlog: 1)) != nil
  }()

  private static func refused(_ event: RedisLink.Event) -> String? {
    if case .lost(.refused(let words)) = event { words } else { nil }
  }

  @Test func `a link opens over TCP by address and by name, and over a Unix socket`() throws {
    let server = try RedisServer()
    for url in [server.url, "redis://localhost:\(server.port)", server.unixURL] {
      var harness = try LinkHarness(url)
      #expect(try harness.open() == .opened, "\(url)")
      #expect(try harness.ask("ECHO", "hello") == "$hello")
      #expect(harness.stages.link.bytesReceived > 0)
      #expect(harness.stages.link.bytesSent > 0)
      #expect(harness.stages.link.unsentBytes == 0)
      #expect(harness.stages.link.nextDeadline() == nil)
    }
  }

  @Test(.enabled(if: Self.hasIPv6, "there is no IPv6 here"))
  func `a link opens over IPv6`() throws {
    let server = try RedisServer(["bind ::1"])
    var harness = try LinkHarness("redis://[::1]:\(server.port)")
    #expect(try harness.open() == .opened)
  }

  @Test func `the database and the name are those that were asked for`() throws {
    let server = try RedisServer(door: .none)
    var harness = try LinkHarness(server.unixURL + "?db=3", clientName: "roost:node-1")
    #expect(try harness.open() == .opened)
    #expect(try harness.ask("SET", "key", "value") == "+OK")
    #expect(try server.cli("-n", "3", "GET", "key") == "value")
    #expect(try server.cli("CLIENT", "LIST").contains("name=roost:node-1 "))
    #expect(harness.stages.replies == ["+OK"])
  }

  @Test(
    arguments: [
      (":secret@", 0, nil),
      ("default:secret@", 2, nil),
      ("bob:hunter2@", 0, nil),
      ("nobody:@", 0, nil),
      ("", 0, "NOAUTH Authentication required."),
      (":wrong@", 0, "WRONGPASS invalid username-password pair or user is disabled."),
      ("bob:secret@", 0, "WRONGPASS invalid username-password pair or user is disabled."),
      ("nobody@", 0, nil),
      ("bob:hunter2@", 1, "NOPERM this user has no permissions to run the 'select' command"),
      (":secret@", 99, "ERR DB index is out of range"),
    ] as [(String, Int, String?)])
  func `a login is taken, or refused in the words of Redis`(
    credentials: String, database: Int, words: String?
  ) throws {
    let server = try RedisServer(
      [
        "requirepass secret", "user bob on >hunter2 ~roost:* &roost:* +ping +get",
        "user nobody on nopass +ping",
      ], door: .none)
    var harness = try LinkHarness(
      "redis+unix://\(credentials)\(server.socketPath)?db=\(database)")
    let event = try harness.open()
    if let words {
      #expect(Self.refused(event)?.hasPrefix(words) == true, "\(event)")
      #expect(harness.stages.link.isClosed == true)
    } else {
      #expect(event == .opened)
    }
  }

  @Test func `a password where none is wanted is refused`() throws {
    let server = try RedisServer(door: .none)
    var harness = try LinkHarness("redis+unix://:secret@\(server.socketPath)")
    let event = try harness.open()
    #expect(Self.refused(event)?.contains("without any password configured") == true)
    #expect(!"\(event)".contains("secret"))
  }

  @Test func `a Redis with too many clients says so`() throws {
    let server = try RedisServer(["maxclients 1"], door: .none)
    var first = try LinkHarness(server.unixURL)
    #expect(try first.open() == .opened)
    var second = try LinkHarness(server.unixURL)
    #expect(try second.open() == .lost(.refused("ERR max number of clients reached")))
  }

  @Test func `a Redis that goes away is noticed, and one that comes back is found`() throws {
    let server = try RedisServer()
    var harness = try LinkHarness(server.url)
    #expect(try harness.open() == .opened)
    try server.kill()
    #expect(try harness.nextEvent() == .lost(.closedByPeer))
    #expect(harness.stages.link.loss == .closedByPeer)
    #expect(try harness.open() == .lost(.connect(Errno(code: ECONNREFUSED))))
    try server.restart()
    #expect(try harness.open() == .opened)
    #expect(try harness.ask("PING") == "+PONG")
  }

  @Test func `pipelined commands are answered in order while the Redis is slow to read`() throws {
    let server = try RedisServer()
    var harness = try LinkHarness(server.url)
    #expect(try harness.open() == .opened)
    server.pause()
    // More than the kernel takes without a reader, less than the bound.
    let filling = String(repeating: "x", count: 10_000)
    var commands = 0
    while harness.stages.link.unsentBytes < 600_000 {
      try #require(commands < 10_000)
      harness.send(["ECHO", "\(commands):\(filling)"])
      commands += 1
      #expect(harness.stages.link.flush(now: .now()) == nil)
    }
    server.resume()
    try harness.run { $0.replies.count == commands || !$0.events.contains(.opened) }
    let areRight = harness.stages.replies == (0..<commands).map { "$\($0):\(filling)" }
    #expect(areRight, "\(harness.stages.replies.count) of \(commands) replies")
    #expect(harness.stages.events == [.opened])
    #expect(harness.stages.link.unsentBytes == 0)
  }

  @Test func `a link that its owner closes is closed on the other side, too`() throws {
    let server = try RedisServer(door: .none)
    var harness = try LinkHarness(server.unixURL)
    #expect(try harness.open() == .opened)
    harness.stages.link.close("enough")
    harness.stages.link.close("a second time")
    #expect(harness.stages.link.isClosed == true)
    #expect(harness.stages.link.loss == .closed("enough"))
    #expect(harness.stages.link.nextDeadline() == nil)
    #expect(try harness.open() == .opened)
    #expect(try server.cli("CLIENT", "LIST").matches("name=roost-test ") == 1)
  }
}

extension String {
  /// How often a text is in this one.
  fileprivate func matches(_ text: String) -> Int { ranges(of: text).count }
}
