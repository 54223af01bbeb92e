// TLS for a test's socket, in the client's role.

public import Gateway
import RoostCrypto
public import RoostEventLoop

extension TestCertificates {
  /// Certificates as the configuration lists them.
  public static func settings(_ certificates: [TestCertificate]) -> [SettingObject] {
    certificates.map {
      SettingObject(
        ["certificate": $0.certificateFile, "key": $0.keyFile], fields: Configuration.TLS.fields)
    }
  }
}

extension BlockingSocket {
  /// Connects and goes through the handshake as a client that wants a certificate for `name`.
  ///
  /// - Parameters:
  ///   - authority: who must have signed the certificate.
  ///   - identity: the client's own certificate.
  public convenience init(
    to address: SocketAddress, _ authority: TestCertificates, name: String,
    identity: TestCertificate? = nil, receiveBytes: Int? = nil
  ) throws {
    try self.init(to: address, receiveBytes: receiveBytes)
    try secure(authority, name: name, identity: identity)
  }

  /// Goes through the handshake.
  public func secure(
    _ authority: TestCertificates, name: String, identity: TestCertificate? = nil
  ) throws {
    let context = try TLSContext.client(
      caFile: authority.caFile, certificateFile: identity?.certificateFile,
      keyFile: identity?.keyFile)
    session = try TLSSession(context, serverName: name)
    while true {
      let outcome = session?.handshake() ?? .ended
      try sendCiphertext()
      switch outcome {
      case .done: return
      case .needsInput: if try !feed() { throw TestFailure("the peer ended in the handshake") }
      case .needsDrain, .ended, .failed: throw TestFailure("the handshake came to \(outcome)")
      }
    }
  }

  /// The version of TLS that was agreed on; empty without any.
  public var version: String { session?.version ?? "" }

  /// Tells the peer that nothing more comes.
  public func endTLS() throws {
    session?.end()
    try sendCiphertext()
  }

  /// Encrypts and sends; every call makes records of its own.
  func writeSecured(_ bytes: [UInt8]) throws {
    var written = 0
    while written < bytes.count {
      let outcome = session?.write(bytes.span.extracting(written...)) ?? .ended
      guard case .done(let count) = outcome else { throw TestFailure("write: \(outcome)") }
      written += count
      try sendCiphertext()
    }
  }

  func readSecured() throws -> ReadOutcome {
    while true {
      if let outcome = try decrypt() { return outcome }
      switch try readRaw() {
      case .bytes(let bytes): feed(bytes)
      case .end: return .end
      case .reset: return .reset
      }
    }
  }

  func readSecuredWithoutWaiting() throws -> ReadOutcome? {
    while true {
      if let outcome = try decrypt() { return outcome }
      switch try readRawWithoutWaiting(atMost: 65_536) {
      case .bytes(let bytes): feed(bytes)
      case .end: return .end
      case .reset: return .reset
      case nil: return nil
      }
    }
  }

  private func decrypt() throws -> ReadOutcome? {
    var buffer = [UInt8](repeating: 0, count: 16_384)
    switch buffer.withUnsafeMutableBytes({ session?.read(into: $0) ?? .ended }) {
    case .done(let count): return .bytes(Array(buffer[..<count]))
    case .needsInput, .needsDrain: return nil
    case .ended: return .end
    case .failed(let failure): throw TestFailure("\(failure)")
    }
  }

  private func feed() throws -> Bool {
    guard case .bytes(let bytes) = try readRaw() else { return false }
    feed(bytes)
    return true
  }

  private func feed(_ bytes: [UInt8]) {
    let taken = session?.feed(bytes.span) ?? 0
    precondition(taken == bytes.count, "\(taken) of \(bytes.count) bytes")
  }

  private func sendCiphertext() throws {
    var ciphertext: [UInt8] = []
    session?.drain(into: &ciphertext, most: .max)
    try writeRaw(ciphertext)
  }
}
