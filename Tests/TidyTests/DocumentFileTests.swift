// What the documents tell people to run or to open is there.

import Testing

/// References from documents to files.
enum References {
  /// Scripts of `ops/` that a text names.
  static func scripts(in text: String) -> Set<String> {
    var scripts: Set<String> = []
    for part in text.components(after: "ops/") {
      let name = part.prefix { $0.isLetter || $0 == "-" || $0 == "." }
      // A sentence's full stop does not belong to the name.
      let path = "ops/" + name.reversed().drop { $0 == "." }.reversed().map(String.init).joined()
      if path != "ops/" { scripts.insert(path) }
    }
    return scripts
  }

  /// The types that a file declares.
  static func types(in code: SwiftCode) -> [String] {
    let kinds: Set = ["struct", "class", "enum", "protocol", "actor", "typealias"]
    return zip(code.words, code.words.dropFirst()).filter { kinds.contains($0.0.text) }
      .map(\.1.text)
  }

  /// The folder that a path stands in.
  static func folder(of path: String) -> String {
    path.lastIndex(of: "/").map { String(path[..<$0]) } ?? ""
  }
}

extension String {
  /// What follows each occurrence of a text.
  fileprivate func components(after text: String) -> [Substring] {
    ranges(of: text).map { self[$0.upperBound...] }
  }
}

@Suite struct DocumentFileTests {
  private static let documents = SourceTree.files(under: "", endingIn: ".md")

  @Test func `the commands of the documents are there and can be run`() {
    let scripts = Self.documents.reduce(into: Set<String>()) {
      $0.formUnion(References.scripts(in: $1.text))
    }
    #expect(scripts.isSuperset(of: ["ops/run", "ops/test"]))
    for script in scripts.sorted() where !SourceTree.isFolder(script) {
      #expect(SourceTree.isExecutable(script), "\(script)")
    }
  }

  @Test func `the first page names every script`() {
    let named = References.scripts(in: SourceTree.file("README.md").text)
    let scripts = SourceTree.names(in: "ops").map { "ops/\($0)" }.filter(SourceTree.isExecutable)
    #expect(scripts.filter { !named.contains($0) } == [])
  }

  @Test func `links lead to files`() {
    for document in Self.documents {
      let folder = References.folder(of: document.path)
      for link in Document(document).fileLinks {
        #expect(
          SourceTree.exists(folder.isEmpty ? link : "\(folder)/\(link)"),
          "\(document.path): \(link)")
      }
    }
  }

  @Test func `the catalogue's articles are those that its first page lists`() {
    let folder = "Sources/Gateway/Gateway.docc"
    let listed = SourceTree.file("\(folder)/Gateway.md").text.components(between: "<doc:", and: ">")
    let articles = SourceTree.names(in: folder).filter { $0.hasSuffix(".md") && $0 != "Gateway.md" }
    #expect(
      differences(
        in: articles.map { String($0.dropLast(3)) }, folder, and: listed, "Gateway.md") == [])
  }

  @Test func `no article has the name of a type, which would hide it from DocC`() {
    let folder = "Sources/Gateway"
    let types = SwiftCode.ofSources.filter { $0.file.path.hasPrefix(folder + "/") }
      .flatMap { References.types(in: $0) }
    #expect(types.contains("Configuration"))
    let articles = SourceTree.names(in: folder + "/Gateway.docc").map { $0.dropLast(3) }
    #expect(articles.filter { types.contains(String($0)) } == [])
  }

  @Test func `the decisions are numbered without a hole and short`() {
    let names = SourceTree.names(in: "ops/decisions")
    for (place, name) in names.enumerated() {
      #expect(
        name.hasPrefix(String(repeating: "0", count: 4 - "\(place + 1)".count) + "\(place + 1)-"))
      #expect(SourceTree.file("ops/decisions/\(name)").lines.count <= 41, "\(name)")
    }
  }

  @Test func `every fuzz target is documented and has inputs to begin with`() {
    let list = SourceTree.file("Tests/Fuzz/FuzzTarget.swift").lines
    let targets = list.filter { $0.hasPrefix("  case ") }.map { String($0.dropFirst(7)) }
    let rows = Document(SourceTree.file("Tests/Fuzz/README.md")).rows(under: "target")
    #expect(
      differences(
        in: targets, "FuzzTarget", and: rows.compactMap(\.first).map(Document.unquoted), "README.md"
      )
        == [])
    let corpus = "Tests/Fuzz/Corpus"
    #expect(differences(in: targets, "FuzzTarget", and: SourceTree.names(in: corpus), corpus) == [])
    #expect(targets.filter { SourceTree.names(in: "\(corpus)/\($0)").isEmpty } == [])
  }

  @Test func `scripts are read out of sentences`() {
    #expect(
      References.scripts(in: "Run ops/run, then `ops/test --tsan`. Not ops/; see ops/format.")
        == ["ops/run", "ops/test", "ops/format"])
  }

  @Test func `declared types are read`() {
    let text = "public final class A {}\nenum B: C { struct D {} }\n// struct E\nlet f = 1"
    #expect(References.types(in: SwiftCode("A.swift", text)) == ["A", "B", "D"])
  }

  @Test func `links are read without anchors and without those to the net`() {
    let text = "[a](A.md#b), [b](#b), [c](https://example.com/), [d](doc:D), [e](../E)"
    #expect(Document(SourceFile("a.md", text)).fileLinks == ["A.md", "../E"])
  }

  @Test func `rows of a section's tables are read`() {
    let text = """
      # A
      ## B
      | `x` | y |
      |---|---|
      | `one` | a\\|b |
      ### C
      | z |
      |---|
      | two |
      ## D
      | z |
      |---|
      | three |
      """
    let document = Document(SourceFile("a.md", text))
    #expect(document.rows(inSection: "B") == [["`one`", "a|b"], ["two"]])
    #expect(document.rows(inSection: "C") == [["two"]])
    #expect(document.rows(under: "z") == [["two"], ["three"]])
    #expect(document.codeSpans == ["x", "one"])
  }
}
