// What is never right in the sources. Each rule is a function over one file, so that a made-up file
// can show that the rule finds what it is for.

import Testing

/// Rules about single files.
enum SourceRules {
  /// The files that may step around the compiler's checks of sharing.
  ///
  /// Each has its proof in a comment.
  static let filesWithProof = [
    "Sources/EventLoop/Lock.swift", "Sources/EventLoop/AtomicCells.swift",
    "Sources/Gateway/TLSHandover.swift",
  ]

  /// Ways around the checks of sharing between threads.
  static func escapes(in code: SwiftCode) -> [String] {
    let hasPlace = filesWithProof.contains(code.file.path)
    let isAllowed = hasPlace && code.file.text.contains("with this proof")
    guard !isAllowed else { return [] }
    return code.words.filter { word in
      (word.text == "unchecked" && word.before == UInt8(ascii: "@"))
        || (word.text == "nonisolated" && word.after == UInt8(ascii: "(")
          && code.literalWord(after: word) == "unsafe")
    }.map { "\(code.place(of: $0)): \($0.text) needs a proof and a place in the list" }
  }

  /// Calls that end the process or write where nobody asked for it.
  static func calls(of names: Set<String>, in code: SwiftCode) -> [String] {
    code.words
      .filter { names.contains($0.text) && $0.after == UInt8(ascii: "(") }
      .map { "\(code.place(of: $0)): \($0.text)" }
  }

  /// Modules that bring Foundation along.
  static func foundation(in code: SwiftCode) -> [String] {
    Layers.imports(of: code)
      .filter { $0.hasPrefix("Foundation") || $0 == "Dispatch" || $0 == "XCTest" }
      .map { "\(code.file.path): imports \($0)" }
  }

  /// Notes to come back to, without the number of an issue.
  static func unnumberedNotes(in file: SourceFile) -> [String] {
    // Put together, so that this file passes its own rule.
    let marks = ["TO" + "DO", "FIX" + "ME"]
    return file.lines.enumerated().filter { _, line in
      marks.contains { mark in
        line.components(after: mark).contains { !$0.startsWithNumberInParentheses }
      }
    }.map { "\(file.path):\($0.offset + 1): a note without the number of an issue" }
  }

  /// Paths that exist on one machine only.
  static func machinePaths(in file: SourceFile) -> [String] {
    let marks = ["ho" + "me", "Us" + "ers", "ro" + "ot", "wo" + "rk"].map { "/\($0)/" }
    return file.lines.enumerated().filter { _, line in
      marks.contains { mark in
        // `https://host/work/` is a path of another machine, and so is `$HOME/work/`.
        line.ranges(of: mark).contains { range in
          guard range.lowerBound > line.startIndex else { return true }
          return " \"'=`(:,<".contains(line[line.index(before: range.lowerBound)])
        }
      }
    }.map { "\(file.path):\($0.offset + 1): a path of one machine" }
  }
}

extension SwiftCode {
  /// The word in the parentheses behind a word.
  fileprivate func literalWord(after word: CodeWord) -> String? {
    words.firstIndex { $0.start == word.start }.flatMap {
      $0 + 1 < words.count ? words[$0 + 1].text : nil
    }
  }
}

extension String {
  /// What follows each occurrence of a word that stands by itself.
  fileprivate func components(after word: String) -> [Substring] {
    ranges(of: word).compactMap { range in
      let isInWord =
        (range.lowerBound > startIndex && self[index(before: range.lowerBound)].isLetter)
        || (range.upperBound < endIndex && self[range.upperBound].isLetter)
      return isInWord ? nil : self[range.upperBound...]
    }
  }
}

extension Substring {
  /// Whether this begins with `(#12)`.
  fileprivate var startsWithNumberInParentheses: Bool {
    guard hasPrefix("(#") else { return false }
    let digits = dropFirst(2).prefix { $0.isNumber }
    return !digits.isEmpty && dropFirst(2 + digits.count).hasPrefix(")")
  }
}

@Suite struct SourceRuleTests {
  /// Everything that belongs to the project and is text.
  private static let everything =
    SourceTree.files(under: "").filter { $0.path != "LICENSE" }

  @Test func `nothing steps around the checks of sharing without a proof`() {
    #expect((SwiftCode.ofSources + SwiftCode.ofTests).flatMap(SourceRules.escapes) == [])
    for path in SourceRules.filesWithProof {
      #expect(
        SourceTree.file(path).text.contains("@unchecked Sendable"), "\(path) needs no place here")
    }
  }

  @Test func `sources end the process by preconditions only`() {
    #expect(
      SwiftCode.ofSources.flatMap { SourceRules.calls(of: ["fatalError", "abort"], in: $0) } == [])
  }

  @Test func `sources print nothing`() {
    let names: Set = ["print", "debugPrint", "dump", "NSLog", "printf"]
    #expect(SwiftCode.ofSources.flatMap { SourceRules.calls(of: names, in: $0) } == [])
  }

  @Test func `tests wait for events and never sleep`() {
    let names: Set = ["sleep", "usleep", "nanosleep", "clock_nanosleep"]
    #expect(SwiftCode.ofTests.flatMap { SourceRules.calls(of: names, in: $0) } == [])
  }

  @Test func `sources do without Foundation`() {
    #expect(SwiftCode.ofSources.flatMap(SourceRules.foundation) == [])
  }

  @Test func `a note to come back to has a number`() {
    #expect(Self.everything.flatMap(SourceRules.unnumberedNotes) == [])
  }

  @Test func `no file names a path of one machine`() {
    #expect(Self.everything.flatMap(SourceRules.machinePaths) == [])
  }

  @Test func `the package has no dependencies`() {
    let manifest = SourceTree.file("Package.swift").text
    #expect(manifest.contains("\n  dependencies: [],\n"))
    #expect(!manifest.contains(".package("))
  }

  // MARK: The rules find what they are for

  @Test(arguments: [
    ("final class A: @unchecked Sendable {}", 1),
    ("nonisolated(unsafe) var count = 0", 1),
    ("nonisolated let count = 0", 0),
    ("// @unchecked Sendable\nlet text = \"nonisolated(unsafe)\"", 0),
  ])
  func `a way around the checks is found`(text: String, count: Int) {
    #expect(SourceRules.escapes(in: SwiftCode("Sources/A/A.swift", text)).count == count)
  }

  @Test func `a place in the list without a proof does not count`() {
    let path = SourceRules.filesWithProof[0]
    #expect(
      SourceRules.escapes(in: SwiftCode(path, "class A: @unchecked Sendable {}"))
        == ["\(path):1: unchecked needs a proof and a place in the list"])
    #expect(
      SourceRules.escapes(
        in: SwiftCode(path, "/// … with this proof: …\nclass A: @unchecked Sendable {}")) == [])
  }

  @Test(arguments: [
    ("func f() {\n  print(1)\n}", ["A.swift:2: print"]),
    ("let f = Swift.print (1)", ["A.swift:1: print"]),
    ("let blueprint = fingerprint(1)", []),
    ("/* print(1) /* print(2) */ */ let text = \"\\(a) print(3)\"", []),
    ("let text = \"\\(print(\"a\"))\"", ["A.swift:1: print"]),
    ("let text = #\"\\(print(1)) \"# + \"\"\"\n  print(2)\n  \"\"\"", []),
  ])
  func `a call is found in code and only there`(text: String, findings: [String]) {
    #expect(SourceRules.calls(of: ["print"], in: SwiftCode("A.swift", text)) == findings)
  }

  @Test(arguments: ["import Foundation", "import FoundationEssentials", "import struct Dispatch.A"])
  func `Foundation is found under its names`(text: String) {
    #expect(SourceRules.foundation(in: SwiftCode("A.swift", text)).count == 1)
  }

  @Test(arguments: [
    (": later", 1), ("(#12): later", 0), ("(12)", 1), ("s are banned", 0), ("(#x)", 1),
  ])
  func `a note without a number is found`(rest: String, count: Int) {
    let file = SourceFile("A.swift", "// TO" + "DO" + rest)
    #expect(SourceRules.unnumberedNotes(in: file).count == count)
  }

  @Test(arguments: [
    ("cd /ho" + "me/ada/roost", 1), ("let path = \"/ro" + "ot/.ssh\"", 1),
    ("https://example.com/wo" + "rk/now", 0), ("PATH=$SWIFT/wo" + "rk/bin", 0), ("/opt/swift", 0),
  ])
  func `a path of one machine is found`(text: String, count: Int) {
    #expect(SourceRules.machinePaths(in: SourceFile("a", text)).count == count)
  }
}
