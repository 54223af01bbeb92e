// `roost health` where the admin port speaks TLS: one request over a blocking socket.

import RoostCrypto
public import RoostEventLoop

extension Configuration {
  /// Sends a request under TLS to the node of this configuration and returns the answer's beginning;
  /// empty when there was none.
  ///
  /// Blocks. The certificate is not verified: the node is asked how it is, nothing secret is said,
  /// and its certificate seldom has the name by which the check reaches it. Where clients need a
  /// certificate, the node's own is shown.
  public func askSecured(
    _ socket: borrowing Descriptor, _ request: [UInt8]
  ) throws(Errno) -> [UInt8] {
    guard let own = tls.certificates.first else { return [] }
    let shown = tls.clientCertificates == .required ? own : nil
    guard
      let context = try? TLSContext.probe(
        certificateFile: shown?["certificate"], keyFile: shown?["key"]),
      var session = try? TLSSession(context, serverName: "localhost")
    else { return [] }
    var isSent = false
    var buffer = [UInt8](repeating: 0, count: TLSSession.inputBytesMax)
    while true {
      var outcome = session.isReady ? TLSOutcome.done(0) : session.handshake()
      if case .done = outcome {
        if !isSent {
          isSent = true
          outcome = session.write(request.span)
        }
        if case .done = outcome {
          outcome = buffer.withUnsafeMutableBytes { session.read(into: $0) }
        }
      }
      while session.outgoingBytes > 0 {
        let sent = session.send { bytes in
          let sent = Syscalls.send(socket.number, bytes)
          guard case .bytes(let count) = sent else { return (sent, 0) }
          return (sent, count)
        }
        if case .failed(let failure) = sent { throw failure }
      }
      switch outcome {
      case .done(let count) where count > 0: return Array(buffer[..<count])
      case .needsInput, .done, .needsDrain: break
      case .ended, .failed: return []
      }
      let room = session.inputRoom
      switch buffer.withUnsafeMutableBytes({
        Syscalls.receive(socket.number, into: UnsafeMutableRawBufferPointer(rebasing: $0[..<room]))
      }) {
      case .bytes(let count): _ = session.feed(buffer.span.extracting(..<count))
      case .failed(let failure): throw failure
      case .wouldBlock, .endOfStream: return []
      }
    }
  }
}
