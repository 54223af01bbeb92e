// The one allowed direction of imports, from the entry point down to the C libraries. The compiler
// refuses cycles and undeclared imports; only this table refuses a shortcut that Package.swift
// allows.

import Testing

/// Which modules each directory of `Sources` may import.
enum Layers {
  /// The modules by directory.
  ///
  /// What is not listed may not be imported, the toolchain's own modules included.
  static let allowed: [String: Set<String>] = [
    // C, each behind one Swift target.
    "CLinux": [], "COpenSSL": [], "CZlib": [], "CHiredis": [], "CCurl": [],
    "Crypto": ["RoostCOpenSSL"],
    "Deflate": ["RoostCZlib"],
    "EventLoop": ["RoostCLinux", "Glibc", "Synchronization"],
    "Telemetry": ["Glibc", "Synchronization"],
    "Pages": [],
    // Pure: no I/O, no clock, no lock, no thread, so not even the C library.
    "JSON": [],
    "HTTP": [],
    "Rooms": ["RoostJSON"],
    "Wire": ["RoostRooms", "RoostJSON"],
    "WebSocket": ["RoostHTTP", "RoostCrypto", "RoostDeflate"],
    // Edges.
    "Fetch": ["RoostEventLoop", "RoostCCurl"],
    "Auth": ["RoostCrypto", "RoostJSON", "RoostRooms"],
    "Backplane": [
      "Glibc", "Synchronization", "RoostEventLoop", "RoostRooms", "RoostJSON", "RoostCrypto",
      "Telemetry",
      "RoostCHiredis",
    ],
    "Gateway": [
      "Glibc", "Synchronization", "RoostCrypto", "RoostDeflate", "RoostEventLoop", "Telemetry",
      "Pages", "RoostJSON", "RoostRooms", "RoostWire", "RoostHTTP", "RoostWebSocket", "Auth",
      "Backplane", "Fetch",
    ],
    "Admin": [
      "Gateway", "RoostEventLoop", "RoostHTTP", "Telemetry", "RoostJSON", "RoostRooms",
      "RoostWire", "Auth", "Backplane", "Pages",
    ],
    "Client": [
      "Glibc", "Synchronization", "RoostEventLoop", "RoostHTTP", "RoostWebSocket", "RoostDeflate",
      "RoostCrypto", "RoostWire", "RoostRooms", "RoostJSON",
    ],
    "Examples": ["Glibc", "RoostClient"],
    "Soak": [
      "Glibc", "Synchronization", "RoostClient", "RoostEventLoop", "RoostHTTP", "RoostWebSocket",
      "RoostDeflate", "RoostCrypto", "RoostRooms", "RoostJSON",
    ],
    "roost": [
      "Glibc", "Synchronization", "Admin", "Soak", "Gateway", "Fetch", "Auth", "Backplane",
      "RoostWebSocket", "RoostHTTP", "RoostCrypto", "RoostEventLoop", "Telemetry", "RoostJSON",
      "RoostRooms",
    ],
  ]

  /// The modules that a Swift file imports.
  static func imports(of code: SwiftCode) -> [String] {
    let words = code.words
    // `import struct Module.Type` names a kind first.
    let kinds = ["struct", "class", "enum", "protocol", "func", "let", "var", "typealias"]
    return words.indices.compactMap { index in
      guard words[index].text == "import", index + 1 < words.count else { return nil }
      let next = words[index + 1].text
      guard kinds.contains(next), index + 2 < words.count else { return next }
      return words[index + 2].text
    }
  }

  /// The imports of a file that the table does not allow.
  static func violations(in code: SwiftCode) -> [String] {
    let file = code.file
    let parts = file.path.split(separator: "/")
    guard parts.count >= 3, parts[0] == "Sources" else { return [] }
    guard let allowed = allowed[String(parts[1])] else {
      return ["\(file.path): the directory \(parts[1]) is not in the table of layers"]
    }
    return imports(of: code).filter { !allowed.contains($0) }
      .map { "\(file.path): \(parts[1]) may not import \($0)" }
  }
}

@Suite struct LayerTests {
  @Test func `every import goes downwards`() {
    #expect(SwiftCode.ofSources.count > 50)
    #expect(SwiftCode.ofSources.flatMap(Layers.violations) == [])
  }

  @Test func `the table has every directory and no other`() {
    #expect(
      differences(
        in: SourceTree.names(in: "Sources").filter { SourceTree.isFolder("Sources/\($0)") },
        "Sources", and: Layers.allowed.keys, "the table of layers") == [])
  }

  @Test func `a C module is allowed to one directory only`() {
    for module in [
      "RoostCLinux", "RoostCOpenSSL", "RoostCZlib", "RoostCHiredis", "RoostCCurl",
    ] {
      #expect(Layers.allowed.count { $0.value.contains(module) } == 1, "\(module)")
    }
  }

  @Test func `the first page shows every directory`() {
    let page = SourceTree.file("README.md").text
    let picture = page.components(between: "```\n", and: "```").joined(separator: "\n")
    let shown = SwiftCode("picture", picture).words.map(\.text)
    #expect(Layers.allowed.keys.filter { !shown.contains($0) }.sorted() == [])
  }

  @Test(arguments: [
    ("Sources/JSON/A.swift", "import Glibc", ["JSON may not import Glibc"]),
    ("Sources/Wire/A.swift", "public import RoostRooms\nimport struct RoostJSON.JSONScanner", []),
    (
      "Sources/Wire/A.swift", "@preconcurrency import Gateway", ["Wire may not import Gateway"]
    ),
    (
      "Sources/Gateway/A.swift", "import RoostCLinux", ["Gateway may not import RoostCLinux"]
    ),
    ("Sources/Gateway/A.swift", "// import RoostCLinux\nlet text = \"import Foundation\"", []),
    ("Sources/New/A.swift", "", ["the directory New is not in the table of layers"]),
  ])
  func `an import upwards is found`(path: String, text: String, findings: [String]) {
    #expect(Layers.violations(in: SwiftCode(path, text)) == findings.map { "\(path): \($0)" })
  }
}

extension String {
  /// The texts that stand between two marks.
  func components(between start: String, and end: String) -> [String] {
    var parts: [String] = []
    var rest = self[...]
    while let from = rest.firstRange(of: start) {
      rest = rest[from.upperBound...]
      guard let to = rest.firstRange(of: end) else { break }
      parts.append(String(rest[..<to.lowerBound]))
      rest = rest[to.upperBound...]
    }
    return parts
  }
}
