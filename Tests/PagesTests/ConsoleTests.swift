// The console page as a file and as Swift: both the same, self-contained, and fit for a strict policy.

import Pages
import RoostCrypto
import Testing

/// The text between the only opening and closing tag of a kind.
private func body(of tag: String) throws -> Substring {
  let opened = ConsolePage.html.components(
    around: tag == "script" ? "<script type=\"module\">" : "<\(tag)>")
  try #require(opened.count == 2, "one <\(tag)>")
  let closed = String(opened[1]).components(around: "</\(tag)>")
  try #require(closed.count == 2, "one </\(tag)>")
  return closed[0]
}

/// The page without the text of its script and style: elements and attributes only.
private func markup() throws -> String {
  let withoutScript = ConsolePage.html.components(around: String(try body(of: "script")))
  let withoutStyle = withoutScript.joined().components(around: String(try body(of: "style")))
  return withoutStyle.joined()
}

extension String {
  fileprivate func components(around separator: String) -> [Substring] {
    split(separator: separator, omittingEmptySubsequences: false)
  }
}

@Test func `the Swift file holds console.html byte for byte`() throws {
  let html = try source("console.html")
  #expect(Array(ConsolePage.html.utf8) == Array(html.utf8), "run ops/pages")
  let swift = try source("Console.swift")
  #expect(swift.hasSuffix("##\"\"\"\n\(html)\n\"\"\"##\n}\n"), "run ops/pages")
}

@Test func `the Swift file holds openapi.json byte for byte`() throws {
  let json = try source("openapi.json")
  #expect(Array("\(OpenAPIDocument.json)".utf8) == Array(json.utf8), "run ops/pages")
}

@Test func `the page is one document of 45 KB at most`() {
  #expect(ConsolePage.html.utf8.count <= 45_000)
  #expect(ConsolePage.html.hasPrefix("<!doctype html>\n<html lang=\"en\">\n"))
  #expect(ConsolePage.html.hasSuffix("</html>\n"))
  #expect(ConsolePage.contentType == "text/html; charset=utf-8")
}

@Test(arguments: ["http://", "https://", "url(", "@import", "import(", "fetch(", "src=", "XMLHttp"])
func `nothing in the page asks another host for anything`(text: String) {
  #expect(!ConsolePage.html.contains(text))
}

@Test func `the script imports the client that the node serves, and nothing else`() throws {
  let script = try body(of: "script")
  #expect(script.hasPrefix("\nimport { Roost } from \"/roost.js\";\n"))
  #expect(script.ranges(of: "import ").count == 1)
}

@Test func `the only links are the icon of the page and its own symbol`() throws {
  let targets = try markup().matches(of: /href="([^"]*)"/).map { String($0.output.1) }
  #expect(Set(targets) == ["data:,", "#bird"])
}

@Test func `no element has a script or a style in an attribute`() throws {
  let tags = try markup().matches(of: /<[a-z][^>]*>/).map { String($0.output) }
  #expect(tags.count > 100)
  for tag in tags {
    #expect(tag.firstMatch(of: /\s(?:on[a-z]+|style)\s*=/) == nil, "\(tag)")
  }
}

@Test(arguments: [
  "innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "Function(",
  "setAttribute(\"on", "setAttribute(\"style",
])
func `data cannot become markup or script`(text: String) {
  #expect(!ConsolePage.html.contains(text))
}

@Test func `the policy allows this script and this style by hash and nothing else`() throws {
  let script = base64(Digest.sha256(Array(try body(of: "script").utf8).span))
  let style = base64(Digest.sha256(Array(try body(of: "style").utf8).span))
  #expect(
    ConsolePage.contentSecurityPolicy
      == "default-src 'none'; script-src 'sha256-\(script)' 'self'; style-src 'sha256-\(style)'; "
      + "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
      + "frame-ancestors 'none'; require-trusted-types-for 'script'")
}

@Test func `each id stands once, and each one that the script names exists`() throws {
  let ids = try markup().matches(of: /\sid="([^"]*)"/).map { String($0.output.1) }
  #expect(ids.count == Set(ids).count)
  let script = try body(of: "script")
  let names =
    script.matches(of: /\bui\.([A-Za-z]+)/).map { $0.output.1 }
    + script.matches(of: /\bwrite\("([A-Za-z]+)"/).map { $0.output.1 }
    + script.matches(of: /\n  ([A-Za-z]+): (?:\(\) => |connect,|disconnect,)/).map { $0.output.1 }
  #expect(names.count > 80)
  for name in Set(names) {
    let id = name.map { $0.isUppercase ? "-\($0.lowercased())" : String($0) }.joined()
    #expect(ids.contains(id), "\(name)")
  }
}

@Test(arguments: [
  "connect-button", "disconnect-button", "user-field", "status", "room-field", "join-button",
  "join-error", "room-list", "leave-button", "history-button", "message-list", "message-input",
  "publish-button", "publish-result", "member-list", "member-count", "close-code", "close-reason",
  "close-explanation", "retry-seconds", "rtt", "frame-list",
])
func `the ids that browser tests rely on are there`(id: String) {
  #expect(ConsolePage.html.contains(" id=\"\(id)\""))
}

@Test func `each field and each button has a name to be read out`() throws {
  let page = try markup()
  for match in page.matches(of: /<(?:input|select|textarea)\b[^>]*>/) {
    let tag = String(match.output)
    let id = tag.firstMatch(of: /id="([^"]*)"/)?.output.1 ?? ""
    let isLabelled =
      tag.contains("aria-label=\"") || page.contains("<label for=\"\(id)\"")
      || page.contains("<label>\(tag)")
    #expect(isLabelled, "\(tag)")
  }
}

@Test(
  arguments: [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1011, 1012, 1013]
    + [4000, 4001, 4002, 4003, 4004, 4005, 4006, 4007])
func `each close code of the protocol is explained`(code: Int) throws {
  #expect(try body(of: "script").contains("\n  \(code): [\""))
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
