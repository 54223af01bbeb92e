// The tree for configuration: shapes, order, places, and its two limits.

import RoostJSON
import Testing

@Suite struct JSONTreeTests {
  private func tree(_ text: String) throws(JSONViolation) -> JSONTree {
    try JSONTree(parsing: bytes(text), depthMax: testDepthMax, bytesMax: 10_000)
  }

  /// The tree as compact text, so that a whole expected value fits in a line.
  private func render(_ tree: JSONTree) -> String {
    switch tree {
    case .object(let members, let offset):
      "\(offset){" + members.map { "\($0.key):\(render($0.value))" }.joined(separator: ",") + "}"
    case .array(let elements, let offset):
      "\(offset)[" + elements.map(render).joined(separator: ",") + "]"
    case .string(let content, let offset): "\(offset)'\(content)'"
    case .number(let raw, let offset): "\(offset)#\(raw)"
    case .bool(let value, let offset): "\(offset)\(value)"
    case .null(let offset): "\(offset)null"
    }
  }

  @Test func `every value keeps its order, its raw number and its offset`() throws {
    let text =
      " {\"z\": [1, 2.50, {}], \"a\\u0062\": \"x\\n\", \"t\":true,\"f\":false, \"n\" :null}"
    #expect(
      render(try tree(text))
        == "1{z:7[8#1,11#2.50,17{}],ab:33'x\n',t:44true,f:53false,n:65null}")
  }

  @Test func `accessors give the value of their kind and nil for every other`() throws {
    let parsed = try tree("{\"s\":\"v\",\"i\":1e2,\"d\":1.5,\"b\":true,\"n\":null,\"a\":[1]}")
    #expect(parsed["s"]?.string == "v")
    #expect(parsed["i"]?.integer == 100)
    #expect(parsed["d"]?.integer == nil)
    #expect(parsed["d"]?.double == 1.5)
    #expect(parsed["b"]?.bool == true)
    #expect(parsed["n"]?.isNull == true)
    #expect(parsed["a"]?.elements?.count == 1)
    #expect(parsed.members?.map(\.key) == ["s", "i", "d", "b", "n", "a"])
    #expect(parsed["missing"] == nil)
    #expect(parsed["s"]?["s"] == nil)
    #expect(parsed["s"]?.integer == nil)
    #expect(parsed["i"]?.string == nil)
    #expect(parsed["s"]?.bool == nil)
    #expect(parsed["s"]?.elements == nil)
    #expect(parsed["s"]?.isNull == false)
    #expect(parsed.string == nil)
  }

  @Test func `a number that nobody scanned gives nothing rather than a trap`() {
    for raw in ["", "-", "x", "1e", " "] {
      #expect(JSONTree.number(raw, offset: 0).integer == nil)
    }
  }

  @Test(arguments: [
    ("{\"a\":1,\"a\":2}", 7), ("{\"a\":1,\"\\u0061\":2}", 7),
    ("[{\"x\":{\"k\":1,\"j\":2,\"k\":1}}]", 19),
  ])
  func `a key that occurs twice in one object is refused at the second`(
    _ text: String, _ offset: Int
  ) {
    #expect(throws: JSONViolation.duplicateKey(offset: offset)) { try tree(text) }
  }

  @Test func `the same key in different objects is fine`() throws {
    #expect(render(try tree("{\"a\":{\"a\":1}}")) == "0{a:5{a:10#1}}")
  }

  @Test func `keys that differ only in Unicode form are two keys`() throws {
    #expect(try tree("{\"\u{E9}\":1,\"e\u{301}\":2}").members?.count == 2)
  }

  @Test func `the size limit counts every byte of the text`() throws {
    let text = bytes("[1, 2]")
    for bytesMax in [7, 6] {
      _ = try JSONTree(parsing: text, depthMax: 4, bytesMax: bytesMax)
    }
    #expect(throws: JSONViolation.tooLarge(bytesMax: 5)) {
      try JSONTree(parsing: text, depthMax: 4, bytesMax: 5)
    }
  }

  @Test func `the depth limit is the scanner's`() throws {
    let text = bytes("[[[]]]")
    _ = try JSONTree(parsing: text, depthMax: 4, bytesMax: 100)
    _ = try JSONTree(parsing: text, depthMax: 3, bytesMax: 100)
    #expect(throws: JSONViolation.tooDeep(offset: 2)) {
      try JSONTree(parsing: text, depthMax: 2, bytesMax: 100)
    }
  }

  @Test(arguments: ["", "{", "[1,]", "{} x", "{\"a\":tru}"])
  func `what the scanner refuses has no tree`(_ text: String) {
    #expect(throws: JSONViolation.self) { try tree(text) }
  }

  @Test(arguments: [
    (0, 1, 1), (1, 1, 2), (3, 2, 1), (4, 2, 2), (6, 2, 3), (7, 2, 4), (8, 3, 1), (9, 3, 2),
    (99, 3, 2), (-1, 1, 1),
  ])
  func `a place is told by line and by character`(_ offset: Int, _ line: Int, _ column: Int) {
    // Line 2 holds `xéy`, of which the second letter has two bytes.
    let place = JSONTree.location(of: offset, in: bytes("ab\nxéy\nz"))
    #expect(place.line == line)
    #expect(place.column == column)
  }
}
