// The tests' own Redis: what the other tests do with it must really happen.

import TestSupport
import Testing

@Suite(.enabled(if: RedisServer.isAvailable, "redis-server is not installed"))
struct RedisServerTests {
  @Test func `a restart keeps the port and loses what was not written down`() throws {
    let server = try RedisServer()
    let port = server.port
    #expect(try server.cli("SET", "name", "old") == "OK")
    try server.restart()
    #expect(server.port == port)
    #expect(try server.cli("EXISTS", "name") == "0")
  }

  @Test func `an append-only file outlives a crash, and goes when it is told to`() throws {
    let server = try RedisServer(door: .none, appendOnly: true)
    try server.cli("SET", "name", "old")
    try server.kill()
    try server.restart()
    #expect(try server.cli("GET", "name") == "old")
    try server.restart(keepingFiles: false)
    #expect(try server.cli("EXISTS", "name") == "0")
  }

  @Test func `a frozen server goes on where it was`() throws {
    let server = try RedisServer(door: .none)
    server.pause()
    let question = try Background { [path = server.socketPath] in
      try RedisServer.ask("PING\r\n", at: path)
    }
    server.resume()
    #expect(try question.join() == "+PONG\r\n")
  }

  @Test func `settings are lines of its configuration, and a bad one is told at once`() throws {
    let server = try RedisServer(["requirepass secret"], door: .none)
    #expect(try server.cli("-a", "secret", "PING") == "PONG")
    #expect(throws: TestFailure.self) { try RedisServer(["no-such-setting 1"], door: .none) }
  }
}
