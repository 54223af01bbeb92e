// The pages as files and as Swift: both the same, self-contained, and fit for a strict policy.

import Pages
import RoostCrypto
import Testing

/// One of the pages.
struct Page: Sendable, CustomTestStringConvertible {
  let name: String
  /// The Swift file that holds it.
  let file: String
  let html: String
  let policy: String
  let type: String
  /// What the tag of its script says, and what the policy allows scripts besides.
  let script: (attributes: String, sources: String)

  static let console = Page(
    name: "console", file: "Console", html: ConsolePage.html,
    policy: ConsolePage.contentSecurityPolicy, type: ConsolePage.contentType,
    script: (" type=\"module\"", " 'self'"))
  static let cluster = Page(
    name: "cluster", file: "Cluster", html: ClusterPage.html,
    policy: ClusterPage.contentSecurityPolicy, type: ClusterPage.contentType, script: ("", ""))
  static let all = [console, cluster]

  var testDescription: String { name }

  /// The text between the only opening and closing tag of a kind.
  func body(of tag: String) throws -> Substring {
    let attributes = tag == "script" ? script.attributes : ""
    let opened = html.components(around: "<\(tag)\(attributes)>")
    try #require(opened.count == 2, "one <\(tag)>")
    let closed = String(opened[1]).components(around: "</\(tag)>")
    try #require(closed.count == 2, "one </\(tag)>")
    return closed[0]
  }

  /// The page without the text of its script and style: elements and attributes only.
  func markup() throws -> String {
    let withoutScript = html.components(around: String(try body(of: "script")))
    let withoutStyle = withoutScript.joined().components(around: String(try body(of: "style")))
    return withoutStyle.joined()
  }
}

extension String {
  fileprivate func components(around separator: String) -> [Substring] {
    split(separator: separator, omittingEmptySubsequences: false)
  }
}

@Test(arguments: Page.all)
func `a Swift file holds its page byte for byte`(page: Page) throws {
  let html = try source("\(page.name).html")
  #expect(Array(page.html.utf8) == Array(html.utf8), "run ops/pages")
  let swift = try source("\(page.file).swift")
  #expect(swift.hasSuffix("##\"\"\"\n\(html)\n\"\"\"##\n}\n"), "run ops/pages")
}

@Test func `the Swift file holds openapi.json byte for byte`() throws {
  let json = try source("openapi.json")
  #expect(Array("\(OpenAPIDocument.json)".utf8) == Array(json.utf8), "run ops/pages")
}

@Test(arguments: Page.all)
func `a page is one document of 45 KB at most`(page: Page) {
  #expect(page.html.utf8.count <= 45_000)
  #expect(page.html.hasPrefix("<!doctype html>\n<html lang=\"en\">\n"))
  #expect(page.html.hasSuffix("</html>\n"))
  #expect(page.type == "text/html; charset=utf-8")
}

@Test(
  arguments: Page.all, ["http://", "https://", "url(", "@import", "import(", "src=", "XMLHttp"])
func `nothing in a page asks another host for anything`(page: Page, text: String) {
  // The one name that browsers want for drawings is no address.
  let html = page.html.replacing("http://www.w3.org/2000/svg", with: "")
  #expect(!html.contains(text))
}

@Test(arguments: Page.all)
func `the only links are the icon of a page, its own symbol and its own places`(page: Page) throws {
  let targets = try page.markup().matches(of: /href="([^"]*)"/).map { String($0.output.1) }
  #expect(Set(targets).isSubset(of: ["data:,", "#bird", "#main"]))
}

@Test(arguments: Page.all)
func `no element has a script or a style in an attribute`(page: Page) throws {
  let tags = try page.markup().matches(of: /<[a-z][^>]*>/).map { String($0.output) }
  #expect(tags.count > 100)
  for tag in tags {
    #expect(tag.firstMatch(of: /\s(?:on[a-z]+|style)\s*=/) == nil, "\(tag)")
  }
}

@Test(
  arguments: Page.all,
  [
    "innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "Function(",
    "setAttribute(\"on", "setAttribute(\"style",
  ])
func `data cannot become markup or script`(page: Page, text: String) {
  #expect(!page.html.contains(text))
}

@Test(arguments: Page.all)
func `the policy allows a page's script and style by hash and nothing else`(page: Page) throws {
  let script = base64(Digest.sha256(Array(try page.body(of: "script").utf8).span))
  let style = base64(Digest.sha256(Array(try page.body(of: "style").utf8).span))
  #expect(
    page.policy
      == "default-src 'none'; script-src 'sha256-\(script)'\(page.script.sources); style-src 'sha256-\(style)'; "
      + "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
      + "frame-ancestors 'none'; require-trusted-types-for 'script'")
}

@Test(arguments: Page.all)
func `each id stands once, and each one that the script names exists`(page: Page) throws {
  let ids = try page.markup().matches(of: /\sid="([^"]*)"/).map { String($0.output.1) }
  #expect(ids.count == Set(ids).count)
  let script = try page.body(of: "script")
  let names =
    script.matches(of: /\bui\.([A-Za-z]+)/).map { $0.output.1 }
    + script.matches(of: /\b(?:write|fill)\("([A-Za-z]+)"/).map { $0.output.1 }
    + script.matches(of: /\n  ([A-Za-z]+): (?:\(\) => |connect,|disconnect,)/).map { $0.output.1 }
  #expect(names.count > 80)
  for name in Set(names) {
    let id = name.map { $0.isUppercase ? "-\($0.lowercased())" : String($0) }.joined()
    #expect(ids.contains(id), "\(name)")
  }
}

@Test(arguments: Page.all)
func `each field has a name to be read out`(page: Page) throws {
  let markup = try page.markup()
  for match in markup.matches(of: /<(?:input|select|textarea)\b[^>]*>/) {
    let tag = String(match.output)
    let id = tag.firstMatch(of: /id="([^"]*)"/)?.output.1 ?? ""
    let isLabelled =
      tag.contains("aria-label=\"") || markup.contains("<label for=\"\(id)\"")
      || markup.contains("<label>\(tag)")
    #expect(isLabelled, "\(tag)")
  }
}

@Test(arguments: ["?key", "&key", "document.cookie", "EventSource("])
func `the key of the cluster page is never put into an address or a cookie`(text: String) {
  #expect(!ClusterPage.html.contains(text))
  #expect(ClusterPage.html.contains("credentials: \"omit\""))
}

/// Base64 as RFC 4648 section 4 writes it, with padding.
private func base64(_ bytes: [UInt8]) -> String {
  let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
  var result = ""
  for start in stride(from: 0, to: bytes.count, by: 3) {
    let group = bytes[start..<min(start + 3, bytes.count)]
    var bits = group.reduce(0) { $0 << 8 | Int($1) }
    bits <<= 8 * (3 - group.count)
    for position in 0...3 {
      let digit = alphabet[bits >> (18 - 6 * position) & 63]
      result.append(position <= group.count ? digit : "=")
    }
  }
  return result
}
