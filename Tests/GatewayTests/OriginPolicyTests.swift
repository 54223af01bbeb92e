// Which pages may connect: the exact border between a host and its look-alikes.

import Gateway
import Testing

struct OriginPolicyTests {
  @Test(arguments: [
    ("https://app.example.com", "app.example.com", true),
    ("https://app.example.com", "APP.example.com:443", true),
    ("https://app.example.com:443", "app.example.com", true),
    ("http://app.example.com", "app.example.com", true),
    ("http://app.example.com:8080", "app.example.com:8080", true),
    ("http://[::1]:8080", "[::1]:8080", true),
    ("http://app.example.com:8080", "app.example.com", false),
    ("http://app.example.com", "app.example.com:443", false),
    ("https://evil.example.com", "app.example.com", false),
    ("https://app.example.com.evil.org", "app.example.com", false),
    ("null", "null", false),
    ("", "", false),
    ("https://", "", false),
    ("https://app.example.com/", "app.example.com", false),
    ("https://user@app.example.com", "app.example.com", false),
    ("https://app.example.com", "app.example.com/", false),
    ("https://app.example.com:99999", "app.example.com:99999", false),
  ])
  func `with nothing configured only pages of the same host connect`(
    origin: String, host: String, isAllowed: Bool
  ) {
    #expect(
      OriginPolicy(patterns: []).allows(origin: origin, host: host, isSecure: nil) == isAllowed)
  }

  @Test(arguments: [
    ("https://app.example.com", true, true), ("http://app.example.com", true, false),
    ("https://app.example.com", false, false), ("http://app.example.com", false, true),
    ("https://app.example.com:443", true, true), ("https://app.example.com:80", false, false),
  ])
  func `where the scheme of the connection is known the page must have it`(
    origin: String, isSecure: Bool, isAllowed: Bool
  ) {
    let policy = OriginPolicy(patterns: [])
    #expect(policy.allows(origin: origin, host: "app.example.com", isSecure: isSecure) == isAllowed)
  }

  @Test(arguments: [
    ("https://app.example.com", true),
    ("HTTPS://App.Example.Com", true),
    ("https://app.example.com:443", true),
    ("https://app.example.com:8443", false),
    ("http://app.example.com", false),
    ("https://sub.app.example.com", false),
    ("https://xapp.example.com", false),
    ("https://own.host", false),
    ("http://local.example:3000", true),
    ("http://local.example", false),
    ("capacitor://localhost", true),
    ("null", false),
  ])
  func `configured origins are exact and replace the same host`(origin: String, isAllowed: Bool) {
    let policy = OriginPolicy(patterns: [
      "https://app.example.com", "http://local.example:3000", "capacitor://localhost",
    ])
    #expect(policy.allows(origin: origin, host: "own.host", isSecure: nil) == isAllowed)
  }

  @Test(arguments: [
    ("https://a.example.com", true),
    ("https://a.b.example.com", true),
    ("https://example.com", false),
    ("https://.example.com", false),
    ("https://aexample.com", false),
    ("https://a.example.com.evil.org", false),
    ("http://a.example.com", false),
    ("https://a.example.com:8443", false),
  ])
  func `a wildcard covers the hosts below it and nothing else`(origin: String, isAllowed: Bool) {
    let policy = OriginPolicy(patterns: ["https://*.example.com"])
    #expect(policy.allows(origin: origin, host: "x", isSecure: nil) == isAllowed)
  }

  @Test(arguments: ["https://a.example", "null", "file://", "nonsense", ""])
  func `a star covers everything`(origin: String) {
    #expect(OriginPolicy(patterns: ["*"]).allows(origin: origin, host: "x", isSecure: nil))
    #expect(OriginPolicy.anywhere.allows(origin: origin, host: "x", isSecure: nil))
  }

  @Test(arguments: [[], ["*"], ["https://a.example"]])
  func `what is no browser sends no origin and is let through`(patterns: [String]) {
    #expect(OriginPolicy(patterns: patterns).allows(origin: nil, host: "x", isSecure: nil))
  }

  @Test(arguments: [
    "https://a.example/", "https://a.example/path", "a.example", "https://", "https://*",
    "https://a.*.example", "https://*.*.example", "*.example.com", "https://a b", "https://a:x",
    "https://a:", "https://a?b", "null", "", "**", "https://ä.example",
  ])
  func `what is no origin is refused and matches nothing`(pattern: String) {
    #expect(
      OriginPolicy.problem(with: pattern)
        == "is not an origin: write https://app.example.com, https://*.example.com or *")
    #expect(
      !OriginPolicy(patterns: [pattern]).allows(origin: pattern, host: "a.example", isSecure: nil))
  }

  @Test(arguments: [
    "https://a.example", "http://a.example:1", "https://*.a.example", "*", "http://127.0.0.1:3000",
    "http://[::1]:3000", "chrome-extension://abcdef",
  ])
  func `what is an origin is taken`(pattern: String) {
    #expect(OriginPolicy.problem(with: pattern) == nil)
  }
}
