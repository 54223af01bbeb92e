// roost.js as a file and as Swift: the same code, small enough, and what is told with it.

import Pages
import Testing

/// What stays of a source when the lines that hold only a comment, indentation and empty lines go.
private func code(_ text: String) -> [Substring] {
  var isComment = false
  return text.split(separator: "\n").compactMap { line in
    let code = line.drop { $0 == " " }
    if isComment || code.hasPrefix("/**") {
      isComment = !code.hasSuffix("*/")
      return nil
    }
    return code.isEmpty || code.hasPrefix("//") ? nil : code
  }
}

/// The words of a line, and what stands between them.
private func parts(_ line: Substring) -> (words: [Substring], between: [Substring]) {
  let word = /[\w$]+/
  return (
    line.matches(of: word).map(\.output),
    line.split(separator: word, omittingEmptySubsequences: false)
  )
}

@Test func `the Swift file holds roost.js with short names, and all of its types`() throws {
  let lines = ClientScript.module.split(separator: "\n")
  let original = code(try source("roost.js"))
  try #require(lines.count == original.count, "run ops/pages")
  var short: [String: Substring] = [:]
  var long: [String: Substring] = [:]
  for (line, code) in zip(lines, original) {
    let (served, written) = (parts(line), parts(code))
    try #require(served.between == written.between, "\(line)")
    try #require(served.words.count == written.words.count, "\(line)")
    for (index, (word, name)) in zip(served.words, written.words).enumerated() {
      // Private names are apart from all others.
      let kind = written.between[index].hasSuffix("#") ? "#" : ""
      #expect(short.updateValue(word, forKey: kind + name) ?? word == word, "\(name)")
      #expect(long.updateValue(name, forKey: kind + word) ?? name == name, "\(word)")
      if word != name, kind.isEmpty {
        #expect(name.wholeMatch(of: /[A-Z][A-Z_]+|(?:is|was|has)[A-Z]\w+/) != nil, "\(name)")
      }
    }
  }
  #expect(Array(ClientScript.types.utf8) == Array(try source("roost.d.ts").utf8), "run ops/pages")
  #expect(lines.count > 300)
}

@Test func `the module as it is served packs into 6 KB`() throws {
  // The generator packs it and writes the figure down; tests have no packer that makes gzip's bytes.
  let swift = try source("ClientScript.swift")
  let sentence = /UTF-8, (\d+) bytes, (\d+) of them after gzip -9/
  let figures = try #require(swift.firstMatch(of: sentence))
  #expect(Int(figures.output.1) == ClientScript.module.utf8.count)
  #expect(try #require(Int(figures.output.2)) <= 6_144)
}

@Test func `the module needs no other and says what it gives`() {
  #expect(ClientScript.module.firstMatch(of: /\b(?:import|require|eval|Function)\b/) == nil)
  for name in ["Roost", "RoostError"] {
    #expect(ClientScript.module.contains("\nexport class \(name) "))
    #expect(ClientScript.types.contains("\nexport class \(name) "))
  }
}

@Test(arguments: ["/roost.js", "/roost.d.ts"])
func `a file is served with what a browser has to know of it`(path: String) throws {
  let file = try #require(ServedFile(at: path))
  let fields = Dictionary(uniqueKeysWithValues: file.fields)
  #expect(
    fields["Content-Type"]
      == (path == "/roost.js" ? "text/javascript; charset=utf-8" : "text/plain; charset=utf-8"))
  #expect(fields["Cache-Control"] == "no-cache")
  #expect(fields["X-Content-Type-Options"] == "nosniff")
  #expect(fields["Access-Control-Allow-Origin"] == "*")
  let tag = try #require(fields["ETag"])
  #expect(tag.wholeMatch(of: /"[0-9a-f]{16}"/) != nil)
  #expect(file.status(ifNoneMatch: nil) == 200)
  for known in [tag, "W/\(tag)", "*", "\"other\", \(tag)", "\"a\",W/\(tag) "] {
    #expect(file.status(ifNoneMatch: known) == 304, "\(known)")
  }
  for known in ["", ",", "\"\"", "\"other\"", String(tag.dropLast()), "x\(tag)", "W/"] {
    #expect(file.status(ifNoneMatch: known) == 200, "\(known)")
  }
}

@Test(arguments: ["/", "", "/roost", "/roost.js/", "/Roost.js", "/roost.d.ts?"])
func `no other path is a file`(path: String) {
  #expect(ServedFile(at: path) == nil)
}
