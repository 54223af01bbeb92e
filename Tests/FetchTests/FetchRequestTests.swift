import Fetch
import Testing

@Suite struct FetchRequestTests {
  private static func request() throws -> FetchRequest {
    FetchRequest(
      url: try FetchURL("http://localhost/"), body: nil, timeout: .seconds(1),
      connectTimeout: .seconds(1), responseBytesMax: 1, authorityFile: nil)
  }

  @Test(arguments: [
    ("Content-Type", "application/json"), ("X", "a b"), ("x-1!#$%&'*+-.^_`|~", "\"~!"),
  ])
  func `a field of visible characters is taken`(name: String, value: String) throws {
    var request = try Self.request()
    try request.add(name, value)
  }

  @Test(arguments: [
    ("", "x"), ("A:", "x"), ("A B", "x"), ("A\r\nB", "x"), ("Ä", "x"), ("A", ""),
    ("A", "x\r\nB: y"),
    ("A", "x\ny"), ("A", "x\u{0}"), ("A", "x\ty"), ("A", "ä"), ("A", "\u{7F}"),
    (String(repeating: "a", count: 65), "x"), ("A", String(repeating: "a", count: 4097)),
  ])
  func `a field that would end its line is refused`(name: String, value: String) throws {
    var request = try Self.request()
    #expect(throws: FetchProblem.field) { try request.add(name, value) }
  }
}
