import Testing

@testable import RoostClient

@Suite struct JSONValueTests {
  @Test func `literals are the JSON that they look like`() {
    let value: JSONValue = ["a": [1, -2, true, nil, "é\"\n"], "b": [:], "c": []]
    #expect(value.description == #"{"a":[1,-2,true,null,"é\"\n"],"b":{},"c":[]}"#)
    #expect(JSONValue(1.5)?.description == "1.5")
    #expect(JSONValue(Double.nan) == nil && JSONValue(Double.infinity) == nil)
  }

  @Test func `values are looked into without losing a digit`() throws {
    let value = try JSONValue(text: #"{"n":12345678901234567890,"s":"\u00e9","a":[1,2.5],"a":[3]}"#)
    #expect(value["n"]?.description == "12345678901234567890")
    #expect(value["n"]?.integer == nil && value["n"]?.double == 12_345_678_901_234_567_168)
    #expect(value["s"]?.string == "é")
    #expect(value["a"]?.elements?.map(\.integer) == [3])
    #expect(value["missing"] == nil && value["s"]?["deeper"] == nil)
    #expect(value.keys == ["n", "s", "a", "a"] && value["s"]?.keys == nil)
    #expect(try JSONValue(text: "true").bool == true)
    #expect(try JSONValue(text: "null").isNull)
    #expect(JSONValue("text").integer == nil && JSONValue(1).string == nil)
  }

  @Test func `line breaks between tokens become spaces, white space around goes`() throws {
    #expect(try JSONValue(text: " [1,\n2]\n").description == "[1, 2]")
  }

  @Test(arguments: ["", " ", "{", "[1,]", "tru", "1 2", "\"\u{1}\"", "NaN", "{'a':1}"])
  func `what is no JSON is refused`(text: String) {
    #expect(throws: ClientFailure.self) { _ = try JSONValue(text: text) }
  }

  @Test func `nesting has a bound`() throws {
    func nested(_ levels: Int) -> String {
      String(repeating: "[", count: levels) + String(repeating: "]", count: levels)
    }
    _ = try JSONValue(text: nested(JSONValue.depthMax))
    #expect(throws: ClientFailure.self) {
      _ = try JSONValue(text: nested(JSONValue.depthMax + 1))
    }
  }
}
