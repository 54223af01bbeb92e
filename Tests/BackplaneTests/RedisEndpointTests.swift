// URLs of a Redis: what they mean, their one canonical form, and what is refused with which words.

import Backplane
import Testing

struct RedisEndpointTests {
  static let tcp: [(text: String, host: String, port: UInt16, isEncrypted: Bool, database: Int)] = [
    ("redis://localhost", "localhost", 6379, false, 0),
    ("redis://localhost/", "localhost", 6379, false, 0),
    ("redis://Cache-1.Example.COM:7000/15", "cache-1.example.com", 7000, false, 15),
    ("REDIS://10.0.0.1:1", "10.0.0.1", 1, false, 0),
    ("rediss://[2001:DB8::0:1]:65535/1000000", "2001:db8::1", 65535, true, 1_000_000),
    ("redis://[::1]", "::1", 6379, false, 0),
    ("redis://user:pa%40ss@h:1/007", "h", 1, false, 7),
  ]

  @Test(arguments: tcp)
  func `host, port and database are read`(
    text: String, host: String, port: UInt16, isEncrypted: Bool, database: Int
  ) throws {
    let endpoint = try RedisEndpoint(text)
    #expect(endpoint.place == .tcp(host: host, port: port, isEncrypted: isEncrypted))
    #expect(endpoint.isEncrypted == isEncrypted)
    #expect(endpoint.database == database)
  }

  @Test(
    arguments: [
      ("redis://h", nil, nil),
      ("redis://bob@h", "bob", nil),
      ("redis://bob:@h", "bob", ""),
      ("redis://bob:secret@h", "bob", "secret"),
      ("redis://:secret@h", nil, "secret"),
      ("redis://:@h", nil, nil),
      ("redis://b%c3%b6b:a:b@c%2F%25@h", "b\u{f6}b", "a:b@c/%"),
      ("redis+unix://bob:secret@/run/s", "bob", "secret"),
    ] as [(String, String?, String?)])
  func `user and password are decoded`(text: String, user: String?, password: String?) throws {
    let endpoint = try RedisEndpoint(text)
    #expect(endpoint.user == user)
    #expect(endpoint.password == password)
  }

  @Test(arguments: [
    ("unix:///run/redis.sock", "/run/redis.sock", 0),
    ("redis+unix:///run/a%20b.sock?db=3", "/run/a b.sock", 3),
    ("unix:///\(String(repeating: "a", count: 106))", "/" + String(repeating: "a", count: 106), 0),
  ])
  func `a Unix socket is a path`(text: String, path: String, database: Int) throws {
    let endpoint = try RedisEndpoint(text)
    #expect(endpoint.place == .unix(path: path))
    #expect(endpoint.database == database)
    #expect(!endpoint.isEncrypted)
  }

  @Test(arguments: [
    ("redis://LOCALHOST", "redis://localhost:6379/0", "redis://localhost:6379/0"),
    ("redis://bob:secret@h:1/2", "redis://h:1/2", "redis://bob:***@h:1/2"),
    ("redis://:secret@h", "redis://h:6379/0", "redis://:***@h:6379/0"),
    ("redis://b%40b@h", "redis://h:6379/0", "redis://b%40b@h:6379/0"),
    ("rediss://[::0001]", "rediss://[::1]:6379/0", "rediss://[::1]:6379/0"),
    ("unix:///a b?db=1", "redis+unix:///a%20b?db=1", "redis+unix:///a%20b?db=1"),
    ("redis+unix://:secret@/a", "redis+unix:///a?db=0", "redis+unix://:***@/a?db=0"),
  ])
  func `one place has one canonical form, and no form shows a password`(
    text: String, canonical: String, description: String
  ) throws {
    let endpoint = try RedisEndpoint(text)
    #expect(endpoint.canonical == canonical)
    #expect(endpoint.description == description)
    #expect(try RedisEndpoint(canonical).canonical == canonical)
  }

  static let longest = "redis://" + String(repeating: "a", count: 253)

  @Test(arguments: [
    ("", "a Redis URL begins with redis://, rediss:// or redis+unix://"),
    ("localhost:6379", "a Redis URL begins with redis://, rediss:// or redis+unix://"),
    (
      "http://secret@h",
      "a Redis URL begins with redis://, rediss:// or redis+unix://, not with another scheme"
    ),
    (
      "redis+sentinel://h", "redis+sentinel:// is not built yet; name one primary with redis://"
    ),
    ("redis+cluster://h", "redis+cluster:// is not built yet; name one primary with redis://"),
    ("redis://", "a Redis URL names a host"),
    ("redis://:6379", "a Redis URL names a host"),
    ("redis://bob:secret@", "a Redis URL names a host"),
    ("redis://[::1", "brackets in a Redis URL hold an IPv6 address"),
    ("redis://[1.2.3.4]", "brackets in a Redis URL hold an IPv6 address"),
    ("redis://[fe80::1%25eth0]", "brackets in a Redis URL hold an IPv6 address"),
    ("redis://h:", "the port of a Redis URL is a number of 1 to 65535"),
    ("redis://h:0", "the port of a Redis URL is a number of 1 to 65535"),
    ("redis://h:65536", "the port of a Redis URL is a number of 1 to 65535"),
    ("redis://h:+1", "the port of a Redis URL is a number of 1 to 65535"),
    ("redis://h/1000001", "the database of a Redis URL is a number of 0 to 1000000"),
    ("redis://h/-1", "the database of a Redis URL is a number of 0 to 1000000"),
    ("redis://h/a", "the database of a Redis URL is a number of 0 to 1000000"),
    ("redis://h/1/2", "the database of a Redis URL is a number of 0 to 1000000"),
    ("redis://h?db=1", "behind the host of a Redis URL come only :port and /database"),
    ("redis://[::1]x", "behind the host of a Redis URL come only :port and /database"),
    (
      "redis://a%zz:secret@h",
      "in the user of a Redis URL % begins a byte in hexadecimal; write %25 for % itself"
    ),
    (
      "redis://:secret%4@h",
      "in the password of a Redis URL % begins a byte in hexadecimal; write %25 for % itself"
    ),
    ("redis://:%ff@h", "the password of a Redis URL is UTF-8 without a zero byte"),
    ("redis://:a%00@h", "the password of a Redis URL is UTF-8 without a zero byte"),
    (
      "unix://run/redis.sock",
      "the URL of a Unix socket names an absolute path, as in redis+unix:///run/redis.sock"
    ),
    (
      "unix:///",
      "the URL of a Unix socket names an absolute path, as in redis+unix:///run/redis.sock"
    ),
    (
      "unix:///\(String(repeating: "a", count: 107))",
      "the path of a Unix socket has at most 107 bytes"
    ),
    ("unix:///a?x=1", "behind the path of a Unix socket comes only ?db=number"),
    ("unix:///a?db=", "the database of a Redis URL is a number of 0 to 1000000"),
    (
      longest + "a",
      "the host of a Redis URL is a name of at most 253 letters, digits, '-', '.' and '_',"
        + " or an address; in a user or password write / ? # and % as %2F %3F %23 and %25"
    ),
    ("redis://\(String(repeating: "a", count: 4089))", "a Redis URL has at most 4096 bytes"),
  ])
  func `what is not understood is refused with a sentence`(text: String, sentence: String) {
    do {
      let endpoint = try RedisEndpoint(text)
      Issue.record("\(text) became \(endpoint)")
    } catch {
      #expect(error.description == sentence)
      #expect(!error.description.contains("secret"))
    }
  }

  @Test func `a name of 253 bytes is taken`() throws {
    #expect(try RedisEndpoint(Self.longest).canonical == "\(Self.longest):6379/0")
  }
}
