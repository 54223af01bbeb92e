// `roost doctor` from outside, against a Redis that is set up as it should be and one that is not.

import RoostEventLoop
import RoostJSON
import TestSupport
import Testing

@testable import roost

struct DoctorCommandTests {
  /// The levels of all findings by their checks, the worst of each, and the exit status.
  private struct Run {
    let status: Int32
    let levels: [String: [String]]
    let whats: [String: String]

    init(_ arguments: [String]) throws {
      let program = try SpawnedProgram.run(["doctor", "--json"] + arguments)
      status = program.status
      #expect(program.errors == "")
      let tree = try JSONTree(
        parsing: Array(program.output.utf8), depthMax: 8, bytesMax: 1 << 20)
      var levels: [String: [String]] = [:]
      var whats: [String: String] = [:]
      for finding in tree["findings"]?.elements ?? [] {
        let check = finding["check"]?.string ?? ""
        levels[check, default: []].append(finding["level"]?.string ?? "")
        whats[check] = finding["what"]?.string
      }
      self.levels = levels
      self.whats = whats
    }
  }

  /// A configuration with free ports, and what a test wants.
  private func configuration(_ folder: TemporaryFolder, _ more: String = "") throws -> String {
    try folder.file(
      "roost.json",
      Array(
        #"{"listen":"127.0.0.1:0","admin":"127.0.0.1:0","auth":{"anonymous":true}\#(more)}"#.utf8))
  }

  @Test func `a machine is looked at without a Redis`() throws {
    let folder = try TemporaryFolder()
    let run = try Run(["--config", try configuration(folder)])
    #expect(run.levels["ports"] == ["ok", "ok"])
    #expect(run.levels["descriptors"]?.count == 1 && run.levels["memory"]?.count == 1)
    #expect(run.levels["redis"] == nil && run.levels["configuration"] == nil)
  }

  @Test(.enabled(if: RedisServer.isAvailable, "no redis-server is installed"))
  func `a Redis that is set up well is all right`() throws {
    let folder = try TemporaryFolder()
    let redis = try RedisServer([
      "maxmemory 512mb", "maxmemory-policy noeviction", "appendonly yes",
    ])
    let run = try Run([
      "--config", try configuration(folder), "--redis", "redis://127.0.0.1:\(redis.port)/0",
    ])
    let expected = [
      "redis_version", "redis_role", "redis_rights", "redis_memory", "redis_eviction",
      "redis_output", "redis_persistence", "redis_replicas", "clock",
    ]
    for check in expected { #expect(run.levels[check] == ["ok"], "\(check): \(run.whats)") }
  }

  @Test(.enabled(if: RedisServer.isAvailable, "no redis-server is installed"))
  func `a Redis that is set up badly is told of, and the exit status says so`() throws {
    let folder = try TemporaryFolder()
    let redis = try RedisServer([
      "maxmemory 20mb", "maxmemory-policy allkeys-lru", "save \"\"",
      "client-output-buffer-limit pubsub 1mb 512kb 10", "min-replicas-to-write 1",
    ])
    let history =
      #","namespaces":{"":{"history":{"messages":100,"seconds":60}}}"#
    let run = try Run([
      "--config", try configuration(folder, history), "--redis",
      "redis://127.0.0.1:\(redis.port)/0",
    ])
    #expect(run.status == 1)
    let expected = [
      "redis_version": "ok", "redis_role": "ok", "redis_memory": "warning",
      "redis_eviction": "problem", "redis_output": "warning", "redis_persistence": "warning",
      "redis_replicas": "problem",
    ]
    for (check, level) in expected {
      #expect(run.levels[check] == [level], "\(check): \(run.whats)")
    }
  }

  @Test(.enabled(if: RedisServer.isAvailable, "no redis-server is installed"))
  func `what the user of a Redis may not do is named`() throws {
    let folder = try TemporaryFolder()
    let redis = try RedisServer()
    let rules = ["on", ">secret", "~roost:*", "&roost:*", "+@all", "-eval", "-xadd", "-config"]
    _ = try redis.cli(["ACL", "SETUSER", "roost"] + rules)
    _ = try redis.cli(["ACL", "SETUSER", "elsewhere", "on", ">secret", "~other:*", "&*", "+@all"])
    func run(_ user: String) throws -> Run {
      try Run([
        "--config", try configuration(folder), "--redis",
        "redis://\(user):secret@127.0.0.1:\(redis.port)/0",
      ])
    }
    let limited = try run("roost")
    #expect(limited.status == 1 && limited.levels["redis_rights"] == ["problem"])
    let what = try #require(limited.whats["redis_rights"])
    #expect(what.hasPrefix("its user may not do: XADD, EVAL ("), "\(what)")
    #expect(limited.levels["redis_eviction"] == ["warning"])
    #expect(limited.whats["redis"]?.contains("secret") == false)
    let elsewhere = try run("elsewhere")
    #expect(elsewhere.whats["redis_rights"]?.hasPrefix("its user may not do: SET, GET,") == true)
    let nobody = try run("nobody")
    #expect(nobody.levels["redis"] == ["problem"])
    #expect(nobody.whats["redis"]?.contains("WRONGPASS") == true)
    // Nothing of the doctor's is left behind.
    #expect(try redis.cli("KEYS", "*sys:doctor*") == "")
  }

  @Test func `a Redis that is not there is a problem`() throws {
    let folder = try TemporaryFolder()
    let address = try freeAddress()
    let run = try Run(["--config", try configuration(folder), "--redis", "redis://\(address)"])
    #expect(run.status == 1 && run.levels["redis"] == ["problem"])
    #expect(run.whats["redis"]?.contains("Connection refused") == true)
  }

  @Test func `a port that is taken and files that are not there are problems`() throws {
    let folder = try TemporaryFolder()
    let holder = try Socket.listen(on: .loopback, sharesPort: false, backlog: 1)
    let address = try Socket.localAddress(of: holder)
    let file = try folder.file(
      "roost.json",
      Array(
        """
        {"listen": "\(address)", "admin": "127.0.0.1:0", "auth": {"anonymous": true},
         "tls": {"certificates": [{"certificate": "/nonexistent", "key": "/nonexistent"}]}}
        """.utf8))
    let run = try Run(["--config", file])
    #expect(run.status == 1)
    #expect(run.levels["ports"] == ["problem", "ok"])
    #expect(run.levels["certificates"] == ["problem"])
  }

  @Test(arguments: [
    (
      ["--through", "http://a"],
      "--through http://a is no URL like ws://host:port/ws or wss://host/ws"
    ),
    (["--idle-max", "5s"], "--idle-max is for --through"),
    (["--through", "ws://a", "--idle-max", "0"], "--idle-max 0 is no span from 1s to 2h"),
    (["--through", "ws://a", "--idle-max", "3h"], "--idle-max 3h is no span from 1s to 2h"),
  ])
  func `a wrong command line exits 2`(arguments: [String], sentence: String) throws {
    #expect(
      try SpawnedProgram.run(["doctor"] + arguments)
        == SpawnedProgram(status: 2, output: "", errors: "roost doctor: \(sentence)\n"))
  }

  @Test(arguments: [
    ("redis://user:pass@host:1/0", String?.some("host")), ("https://h.example/x", "h.example"),
    ("rediss://[::1]:1", "::1"), ("redis+unix:///path", nil), ("", nil), ("x", nil),
  ])
  func `the host of a URL is looked up`(url: String, host: String?) {
    #expect(DoctorGatherer.host(ofURL: url) == host)
  }

  @Test func `what INFO says is read`() {
    var facts = RedisFacts()
    DoctorGatherer.read(
      "# Server\r\nredis_version:7.2.4\r\nrole:slave\r\nconnected_slaves:2\r\nused_memory:1000\r\n"
        + "cluster_enabled:1\r\nmaster_link_status:down\r\nrdb_last_bgsave_status:err\r\n",
      into: &facts)
    #expect(facts.version == "7.2.4" && facts.role == "slave" && facts.replicas == 2)
    #expect(facts.usedMemoryBytes == 1000 && facts.isCluster && facts.lastSaveFailed)
    #expect(facts.isReplicaLinkUp == false)
  }
}
