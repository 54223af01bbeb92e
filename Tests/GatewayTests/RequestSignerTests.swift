import Testing

@testable import Gateway

struct RequestSignerTests {
  // Made with Python: hmac.new(secret, b"1700000000." + body, "sha256").hexdigest()
  @Test(arguments: [
    ("", "3e0153239c488f9cbe8103099169ba4aa1fb4c71fee92bb6f1fc768e7ebdcfe0"),
    (#"{"event":"connect"}"#, "3dfa538d35d518b644053bd3fcd0e9712e56d40573400e92cf9ba21c494d45ab"),
  ])
  func `a signature is a code over time and body`(body: String, code: String) {
    let signer = RequestSigner(secret: "0123456789abcdef")
    #expect(
      signer.signature(of: Array(body.utf8), wallSeconds: 1_700_000_000)
        == "t=1700000000,v1=\(code)")
  }
}
