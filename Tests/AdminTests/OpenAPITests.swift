// The description of the server API against what is there: paths, methods, query names, codes of
// problems, both ways.

import Gateway
import Pages
import RoostEventLoop
import RoostHTTP
import RoostJSON
import RoostWire
import TestSupport
import Testing

@testable import Admin

struct OpenAPITests {
  private let document: JSONTree

  init() throws {
    document = try JSONTree(
      parsing: Array("\(OpenAPIDocument.json)".utf8), depthMax: 64, bytesMax: 1 << 20)
  }

  /// Follows a `$ref` into the document.
  private func resolved(_ tree: JSONTree) throws -> JSONTree {
    guard let reference = tree["$ref"]?.string else { return tree }
    var target = document
    for key in reference.split(separator: "/").dropFirst() {
      target = try #require(target[String(key)], "\(reference)")
    }
    return target
  }

  private func operations() throws -> [(path: String, method: String, body: JSONTree)] {
    try #require(document["paths"]?.members).flatMap { path, methods in
      (methods.members ?? []).map { (path, $0.key, $0.value) }
    }
  }

  @Test func `every operation is described under its path, method and id, and no other`() throws {
    let described = try operations().filter { $0.path.hasPrefix("/v1") }
      .map { "\($0.method.uppercased()) \($0.path) \($0.body["operationId"]?.string ?? "")" }
    let routes = APIOperation.allCases.map { "\($0.method.name) \($0.path) \($0.rawValue)" }
    #expect(described.sorted() == routes.sorted())
  }

  @Test func `every name that a path or query may have is described, and no other`() throws {
    for (path, _, body) in try operations() where path.hasPrefix("/v1") {
      let id = try #require(body["operationId"]?.string)
      let operation = try #require(APIOperation(rawValue: id))
      let parameters = try (body["parameters"]?.elements ?? []).map(resolved)
      func names(_ place: String) -> [String] {
        parameters.filter { $0["in"]?.string == place }.compactMap { $0["name"]?.string }.sorted()
      }
      #expect(names("query") == operation.queryNames.sorted(), "\(id)")
      let fields =
        operation.takesKey
        ? ["Idempotency-Key"] : operation == .streamEvents ? ["Last-Event-ID"] : []
      #expect(names("header") == fields, "\(id)")
      let braces = path.split(separator: "/").filter { $0.hasPrefix("{") }
        .map { String($0.dropFirst().dropLast()) }
      #expect(names("path") == braces.sorted(), "\(id)")
      #expect(
        (body["requestBody"] != nil) == (operation.method == .post && !operation.isLocal),
        "\(id): only POST has a body, and none that is about the asked node alone")
    }
  }

  @Test func `every code of a problem is described, and no other`() throws {
    let codes = document["components"]?["schemas"]?["Problem"]?["properties"]?["code"]?["enum"]
    let described = try #require(codes?.elements).compactMap(\.string)
    let known = ErrorCode.allCases.map(\.rawValue) + Problem.Word.allCases.map(\.rawValue)
    #expect(described.sorted() == known.sorted())
  }

  @Test func `the version is that of the program`() {
    #expect(document["openapi"]?.string == "3.1.0")
    #expect(document["info"]?["version"]?.string == RoostVersion.text)
  }

  @Test func `the paths without a key are there and need none`() async throws {
    let open = try operations().filter { !$0.path.hasPrefix("/v1") }
    #expect(open.map(\.path).sorted() == ["/healthz", "/metrics", "/openapi.json", "/readyz"])
    #expect(open.allSatisfy { $0.body["security"]?.elements?.isEmpty == true })
    try await withAdmin(.forTests(dev: false)) { _, admin in
      for path in open.map(\.path) {
        let response = try api("GET \(path)", on: admin)
        #expect(response.status == 200)
      }
      let served = try api("GET /openapi.json", on: admin)
      #expect(served["Content-Type"] == "application/json")
      #expect(served.text == "\(OpenAPIDocument.json)")
    }
  }
}
