// Both ends of a session in one test, with the ciphertext carried by hand in pieces of any size.

import RoostCrypto
import TestSupport
import Testing

struct TLSSessionTests {
  /// Carries what one end has for the other, `piece` bytes at a time; whether anything moved.
  private static func carry(
    from sender: inout TLSSession, to receiver: inout TLSSession, piece: Int
  ) -> Bool {
    var bytes: [UInt8] = []
    sender.drain(into: &bytes, most: piece)
    guard !bytes.isEmpty else { return false }
    #expect(receiver.feed(bytes.span) == bytes.count)
    return true
  }

  /// Handshakes until both ends have an outcome other than waiting, or nothing moves any more.
  private static func handshake(
    _ client: inout TLSSession, _ server: inout TLSSession, piece: Int = 65_536
  ) -> (TLSOutcome, TLSOutcome) {
    while true {
      let outcomes = (client.handshake(), server.handshake())
      let (there, back) = (
        carry(from: &client, to: &server, piece: piece),
        carry(from: &server, to: &client, piece: piece)
      )
      if !there, !back { return outcomes }
    }
  }

  private static func read(_ session: inout TLSSession) -> ([UInt8], TLSOutcome) {
    var all: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1000)
    while true {
      let outcome = buffer.withUnsafeMutableBytes { session.read(into: $0) }
      guard case .done(let count) = outcome else { return (all, outcome) }
      all += buffer[..<count]
    }
  }

  private static func client(
    _ authority: TestCertificates, name: String?, identity: TestCertificate? = nil
  ) throws -> TLSSession {
    let context = try TLSContext.client(
      caFile: authority.caFile, certificateFile: identity?.certificateFile,
      keyFile: identity?.keyFile)
    return try TLSSession(context, serverName: name)
  }

  private static func server(_ certificate: TestCertificate, caFile: String? = nil) throws
    -> TLSSession
  {
    let context = try TLSContext.server(
      certificateFile: certificate.certificateFile, keyFile: certificate.keyFile, caFile: caFile)
    return try TLSSession(context, serverName: nil)
  }

  @Test(arguments: [1, 7, 65_536])
  func `plaintext comes out as it went in, in pieces of any size`(piece: Int) throws {
    let authority = try TestCertificates()
    var server = try Self.server(try authority.issue(names: "DNS:localhost"))
    var client = try Self.client(authority, name: "localhost")
    #expect(client.isReady == false)
    #expect(Self.handshake(&client, &server, piece: piece) == (.done(0), .done(0)))
    #expect(client.isReady == true)
    #expect(client.version == "TLSv1.3")
    let text = (0..<50_000).map { UInt8(truncatingIfNeeded: $0) }
    #expect(client.write(text.span) == .done(50_000))
    var received: [UInt8] = []
    while Self.carry(from: &client, to: &server, piece: piece) {
      let (bytes, outcome) = Self.read(&server)
      received += bytes
      try #require(outcome == .needsInput)
    }
    #expect(received == text)
    #expect(server.write(Array("answer".utf8).span) == .done(6))
    while Self.carry(from: &server, to: &client, piece: piece) {}
    #expect(Self.read(&client) == (Array("answer".utf8), .needsInput))
  }

  @Test func `an end in order is told from needing more`() throws {
    let authority = try TestCertificates()
    var server = try Self.server(try authority.issue(names: "DNS:localhost"))
    var client = try Self.client(authority, name: "localhost")
    _ = Self.handshake(&client, &server)
    server.end()
    #expect(Self.read(&client).1 == .needsInput)
    #expect(Self.carry(from: &server, to: &client, piece: 65_536))
    #expect(Self.read(&client).1 == .ended)
  }

  @Test(
    arguments: [
      ("DNS:localhost", 2, "localhost", nil),
      ("DNS:*.example.com", 2, "redis.example.com", nil),
      ("DNS:other,IP:127.0.0.1,IP:0:0:0:0:0:0:0:1", 2, "127.0.0.1", nil),
      ("DNS:other,IP:127.0.0.1,IP:0:0:0:0:0:0:0:1", 2, "::1", nil),
      ("DNS:localhost", -1, "localhost", "certificate has expired"),
      ("DNS:other", 2, "localhost", "hostname mismatch"),
      ("DNS:127.0.0.1", 2, "127.0.0.1", "IP address mismatch"),
      ("DNS:*.example.com", 2, "a.b.example.com", "hostname mismatch"),
    ] as [(String, Int, String, String?)])
  func `a certificate is verified, its name included`(
    names: String, days: Int, expected: String, reason: String?
  ) throws {
    let authority = try TestCertificates()
    var server = try Self.server(try authority.issue(names: names, days: days))
    var client = try Self.client(authority, name: expected)
    let (outcome, atServer) = Self.handshake(&client, &server)
    guard let reason else {
      #expect(outcome == .done(0))
      return
    }
    #expect(outcome == .failed(.certificate(reason)))
    #expect(client.handshake() == .failed(.certificate(reason)))
    guard case .failed(.handshake) = atServer else {
      Issue.record("the server was not told: \(atServer)")
      return
    }
  }

  @Test func `a certificate of an unknown authority is refused`() throws {
    let (authority, stranger) = (try TestCertificates(), try TestCertificates())
    var server = try Self.server(try stranger.issue(names: "DNS:localhost"))
    var client = try Self.client(authority, name: "localhost")
    #expect(
      Self.handshake(&client, &server).0
        == .failed(.certificate("unable to get local issuer certificate")))
  }

  @Test(arguments: [true, false])
  func `a server that wants a certificate takes only those with one`(hasOne: Bool) throws {
    let authority = try TestCertificates()
    let certificate = try authority.issue(names: "DNS:localhost")
    var server = try Self.server(certificate, caFile: authority.caFile)
    var client = try Self.client(
      authority, name: "localhost", identity: hasOne ? certificate : nil)
    let (_, outcome) = Self.handshake(&client, &server)
    #expect((outcome == .done(0)) == hasOne)
  }

  @Test func `bytes that are no TLS end the session`() throws {
    let authority = try TestCertificates()
    var client = try Self.client(authority, name: "localhost")
    #expect(client.handshake() == .needsInput)
    let bytes = Array("-ERR this is a plain Redis\r\n".utf8)
    #expect(client.feed(bytes.span) == bytes.count)
    #expect(client.handshake() == .failed(.handshake("wrong version number")))
    #expect(Self.read(&client).1 == .failed(.handshake("wrong version number")))
  }

  @Test func `what waits is bounded in both directions`() throws {
    let authority = try TestCertificates()
    var server = try Self.server(try authority.issue(names: "DNS:localhost"))
    var client = try Self.client(authority, name: "localhost")
    _ = Self.handshake(&client, &server)
    let much = [UInt8](repeating: 7, count: 1_000_000)
    guard case .done(let taken) = client.write(much.span) else {
      Issue.record("nothing was written")
      return
    }
    #expect(taken < TLSSession.outputBytesMax + 16_385)
    #expect(client.outgoingBytes < TLSSession.outputBytesMax + 17_000)
    #expect(client.write(much.span) == .needsDrain)
    var ciphertext: [UInt8] = []
    client.drain(into: &ciphertext, most: .max)
    #expect(server.feed(ciphertext.span) == TLSSession.inputBytesMax)
    #expect(server.feed(ciphertext.span) == 0)
    var received = 0
    var fed = TLSSession.inputBytesMax
    while true {
      let (bytes, outcome) = Self.read(&server)
      received += bytes.count
      try #require(outcome == .needsInput)
      guard fed < ciphertext.count else { break }
      let rest = Array(ciphertext[fed...])
      fed += server.feed(rest.span)
    }
    #expect(received == taken)
  }
}
