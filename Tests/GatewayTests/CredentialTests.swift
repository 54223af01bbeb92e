// Where a token may stand in a request, and which of several counts: none, when they differ.

import RoostHTTP
import Testing

@testable import Gateway

struct CredentialTests {
  private func credential(
    _ lines: [String], path: String = "/ws", cookie: String = "sid", inQuery: Bool = true
  ) throws -> Credential {
    let text = (["GET \(path) HTTP/1.1", "Host: a"] + lines).joined(separator: "\r\n")
    let bytes = Array((text + "\r\n\r\n").utf8)
    let head = try RequestHead(
      parsing: bytes.span, requestLineBytesMax: 4096, headBytesMax: 8192, fieldsMax: 64)
    return Credential(of: head, cookie: cookie, inQuery: inQuery)
  }

  private static let abc = Credential.token(Array("abc".utf8))

  @Test(
    arguments: [
      (["Authorization: Bearer abc"], abc), (["authorization: BEARER   abc"], abc),
      (["Authorization: Bearer"], .none), (["Authorization: Basic abc"], .none),
      (["Authorization: Bearer abc", "Authorization: Basic x"], abc),
      (["Authorization: Bearer abc", "Authorization: Bearer abc"], abc),
      (["Authorization: Bearer abc", "Authorization: Bearer abd"], .contradictory),
      (["Sec-WebSocket-Protocol: bearer.abc"], abc),
      (["Sec-WebSocket-Protocol: roost.v1.json, bearer.abc"], abc),
      (["Sec-WebSocket-Protocol: roost.v1.json", "Sec-WebSocket-Protocol: bearer.abc"], abc),
      (["Sec-WebSocket-Protocol: Bearer.abc"], .none), (["Sec-WebSocket-Protocol: bearer"], .none),
      (["Sec-WebSocket-Protocol: bearer.abc", "Authorization: Bearer abc"], abc),
      (["Sec-WebSocket-Protocol: bearer.abc", "Authorization: Bearer x"], .contradictory),
      (["Cookie: sid=abc"], abc), (["Cookie: a=b; sid=abc; c=d"], abc),
      (["Cookie: sid=\"abc\""], abc),
      (["Cookie: SID=abc"], .none), (["Cookie: xsid=abc"], .none), (["Cookie: sid"], .none),
      (["Cookie: sid=abc; sid=abd"], .contradictory),
      (["Cookie: sid=abc", "Cookie: sid=abd"], .contradictory),
      (["Cookie: sid=abc; sid=abc"], abc),
      ([], .none),
    ] as [([String], Credential)])
  func `a token is found in each place, and two that differ contradict`(
    lines: [String], expected: Credential
  ) throws {
    #expect(try credential(lines) == expected)
  }

  @Test(
    arguments: [
      ("/ws?token=abc", true, abc), ("/ws?a=b&token=abc&c=d", true, abc),
      ("/ws?token=%61bc", true, abc), ("/ws?token=abc&token=abc", true, abc),
      ("/ws?token=abc&token=x", true, .contradictory), ("/ws?Token=abc", true, .none),
      ("/ws?token=abc", false, .none), ("/ws", true, .none),
    ] as [(String, Bool, Credential)])
  func `the query counts where it is allowed`(
    path: String, inQuery: Bool, expected: Credential
  ) throws {
    #expect(try credential([], path: path, inQuery: inQuery) == expected)
  }

  @Test func `without a configured name no cookie counts`() throws {
    #expect(try credential(["Cookie: =abc; sid=abc"], cookie: "") == .none)
  }
}
