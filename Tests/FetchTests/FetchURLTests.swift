import Fetch
import Testing

@Suite struct FetchURLTests {
  @Test(arguments: [
    ("https://example.com", "https://example.com", true),
    ("https://example.com/keys.json?a=b&c=%20", "https://example.com", true),
    ("http://127.0.0.1:8080/hook", "http://127.0.0.1:8080", false),
    ("http://[::1]:65535?x", "http://[::1]:65535", false),
    ("http://[fe80::1]", "http://[fe80::1]", false),
    ("http://hooks_internal:1/", "http://hooks_internal:1", false),
  ])
  func `a URL is taken as it is written`(text: String, place: String, isEncrypted: Bool) throws {
    let url = try FetchURL(text)
    #expect(url.text == text)
    #expect(url.place == place)
    #expect(url.isEncrypted == isEncrypted)
  }

  @Test(arguments: [
    ("", FetchProblem.scheme), ("example.com", .scheme), ("ftp://example.com", .scheme),
    ("file:///etc/passwd", .scheme), ("HTTPS://example.com", .scheme), ("https:/example", .scheme),
    ("https://", .host), ("https:///path", .host), ("https://?x", .host), ("https://[]", .host),
    ("https://[::1", .host), ("https://[::1]x", .host), ("https://[::g]", .host),
    ("https://ex*mple.com", .host), ("https://\(String(repeating: "a", count: 254))", .host),
    ("https://example.com:", .port), ("https://example.com:0", .port),
    ("https://example.com:65536", .port), ("https://example.com:+80", .port),
    ("https://example.com:80:80", .port), ("https://[::1]:x", .port),
    ("https://user@example.com", .credentials), ("https://a:b@example.com/", .credentials),
    ("https://example.com\\@evil.com", .character), ("https://example.com/#part", .character),
    ("https://example.com/ x", .character), ("https://example.com/\r\nA: b", .character),
    ("https://example.com/ä", .character), ("https://example.com/\u{0}", .character),
  ])
  func `what could be read in two ways is refused`(text: String, problem: FetchProblem) {
    #expect(throws: problem) { try FetchURL(text) }
  }

  @Test func `a URL has at most 2048 bytes`() throws {
    let start = "https://example.com/"
    for count in [2047, 2048] {
      let text = start + String(repeating: "a", count: count - start.utf8.count)
      #expect(try FetchURL(text).text == text)
    }
    #expect(throws: FetchProblem.tooLong) {
      try FetchURL(start + String(repeating: "a", count: 2049 - start.utf8.count))
    }
  }

  @Test func `every problem continues a sentence about the URL`() {
    for problem: FetchProblem in [
      .scheme, .tooLong, .character, .credentials, .host, .port, .field,
    ] {
      #expect(["does", "is", "has", "holds"].contains(problem.description.prefix { $0 != " " }))
    }
  }
}
