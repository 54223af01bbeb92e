// The check of a signature that the documents show, run as it stands there.

import TestSupport
import Testing

@testable import Gateway

extension ConformanceTests {
  @Suite(.enabled(if: InteropDriver.python != nil, InteropDriver.pythonIsMissing))
  struct SignatureConformanceTests {
    private static let secret = "a secret of thirty-two characters"
    private static let body = #"{"event":"connect","user":"ä"}"#

    private static func check(
      _ body: String, _ signature: String, secret: String = secret, now: Int = 1_700_000_000
    ) throws -> String {
      let root = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
      let program = try InteropDriver.start(
        "signature.py",
        [
          "/\(root)/Sources/Gateway/Gateway.docc/Callbacks.md", secret, body, signature, "\(now)",
        ])
      let end = try program.wait()
      return end == .exited(0) ? program.output : program.outputs
    }

    @Test func `a signature is accepted by what the documents show, a forged one is not`() throws {
      let signature = RequestSigner(secret: Self.secret)
        .signature(of: Array(Self.body.utf8), wallSeconds: 1_700_000_000)
      #expect(try Self.check(Self.body, signature) == "True\n")
      #expect(try Self.check(Self.body, signature, now: 1_700_000_299) == "True\n")
      #expect(try Self.check(Self.body, signature, now: 1_700_000_300) == "False\n")
      #expect(try Self.check(Self.body + " ", signature) == "False\n")
      #expect(try Self.check(Self.body, signature, secret: "another secret") == "False\n")
      let later = signature.replacing("1700000000", with: "1700000001")
      #expect(try Self.check(Self.body, later) == "False\n")
      for text in ["", "t=1", "v1=00", "t=x,v1=00", "t=1700000000,v1="] {
        #expect(try Self.check(Self.body, text) == "False\n", "\(text)")
      }
    }
  }
}
