// A connection for commands: every call waits, and none waits longer than it is told. Names are looked
// up, addresses tried one after the other, TLS spoken where it is wanted. Never on a loop.

import Glibc
import RoostCrypto
import RoostEventLoop

/// Why a command has no connection, or no more; a sentence part without its full stop.
struct StreamFailure: Error, Equatable, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }
}

/// What reading came to.
enum StreamInput: Equatable {
  case bytes([UInt8])
  /// The other side has ended the stream in order.
  case ended
  /// It was cut: why.
  case cut(String)
  /// Nothing has come until the deadline.
  case nothing
}

/// A stream of bytes over TCP or a Unix socket, with TLS or without.
///
/// Owner: one thread.
final class BlockingStream {
  private let socket: Descriptor
  private var session: TLSSession?
  private var buffer = [UInt8](repeating: 0, count: TLSSession.inputBytesMax)

  /// The TLS version that is spoken; nil without TLS.
  var tlsVersion: String? { session?.version }

  /// Connects to a host; `context` is nil without TLS.
  init(
    host: String, port: UInt16, context: TLSContext?, deadline: MonotonicInstant
  ) throws(StreamFailure) {
    let addresses = try Self.lookUp(host, port: port, deadline: deadline)
    var reason = "\(host) has no address"
    var connected: Descriptor?
    for address in addresses {
      do throws(StreamFailure) {
        connected = try Self.connect(to: address, deadline: deadline)
        break
      } catch {
        reason = "\(address): \(error)"
      }
    }
    guard let connected else { throw StreamFailure(reason) }
    socket = connected
    guard let context else { return }
    do throws(TLSFailure) {
      session = try TLSSession(context, serverName: host)
    } catch {
      throw StreamFailure("\(error)")
    }
    try secure(deadline: deadline)
  }

  /// Connects to a Unix socket.
  init(path: String) throws(StreamFailure) {
    guard (1...Socket.pathBytesMax).contains(path.utf8.count) else {
      throw StreamFailure("a socket's path has 1 to \(Socket.pathBytesMax) bytes")
    }
    do throws(Errno) {
      socket = try Socket.beginConnecting(toPath: path)
    } catch {
      throw StreamFailure("\(path): \(error)")
    }
  }

  /// The addresses of a host.
  static func lookUp(
    _ host: String, port: UInt16, deadline: MonotonicInstant
  ) throws(StreamFailure) -> [SocketAddress] {
    let numeric = host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]:\(port)" : "\(host):\(port)"
    if let address = SocketAddress(text: numeric) { return [address] }
    var lookup = try Self.lookup(host, port)
    while true {
      switch lookup.answer() {
      case .addresses(let addresses): return addresses
      case .failed(let reason): throw StreamFailure("\(host): \(reason)")
      case nil: break
      }
      guard MonotonicInstant.now() < deadline else {
        throw StreamFailure("\(host): no name server has answered")
      }
      // The thread that asks wakes a loop, and there is none here.
      pause(.milliseconds(5))
    }
  }

  private static func lookup(_ host: String, _ port: UInt16) throws(StreamFailure) -> HostLookup {
    do throws(Errno) {
      return try HostLookup(host: host, port: port, wakeup: try Wakeup())
    } catch {
      throw StreamFailure("\(host): \(error)")
    }
  }

  private static func connect(
    to address: SocketAddress, deadline: MonotonicInstant
  ) throws(StreamFailure) -> Descriptor {
    let keepAlive = KeepAlive(idleSeconds: 7200, intervalSeconds: 60, probes: 5)
    let descriptor: Descriptor
    do throws(Errno) {
      descriptor = try Socket.beginConnecting(to: address, keepAlive: keepAlive)
    } catch {
      throw StreamFailure("\(error)")
    }
    while true {
      guard wait(descriptor.number, Int16(POLLOUT), deadline) else {
        throw StreamFailure("no connection within the time")
      }
      switch Socket.connectOutcome(of: descriptor) {
      case .connected: return descriptor
      case .pending: continue
      case .failed(let errno): throw StreamFailure("\(errno)")
      }
    }
  }

  /// Waits for nothing but time; for those who look at what other threads do.
  static func pause(_ span: Duration) {
    _ = poll(nil, 0, Int32(clamping: span.milliseconds))
  }

  /// Waits for a socket; false when the deadline has passed.
  private static func wait(_ number: Int32, _ events: Int16, _ deadline: MonotonicInstant) -> Bool {
    while true {
      let now = MonotonicInstant.now()
      let left = now < deadline ? deadline.since(now) : .zero
      let milliseconds = left.milliseconds + (left > .zero ? 1 : 0)
      var entry = pollfd(fd: number, events: events, revents: 0)
      let count = poll(&entry, 1, Int32(clamping: milliseconds))
      if count > 0 { return true }
      if count == 0, MonotonicInstant.now() >= deadline { return false }
      guard count == 0 || errno == EINTR else { return false }
    }
  }

  /// Waits for bytes of the stream or of another descriptor; true when the other one has some.
  func wait(beside other: Int32?, for span: Duration) -> Bool {
    var entries = [pollfd(fd: socket.number, events: Int16(POLLIN), revents: 0)]
    if let other { entries.append(pollfd(fd: other, events: Int16(POLLIN), revents: 0)) }
    let count = poll(&entries, nfds_t(entries.count), Int32(clamping: span.milliseconds))
    return count > 0 && entries.count == 2 && entries[1].revents != 0
  }

  // MARK: Bytes

  /// Sends everything.
  func send(_ bytes: [UInt8], deadline: MonotonicInstant) throws(StreamFailure) {
    guard session != nil else { return try sendPlain(bytes, deadline: deadline) }
    var rest = bytes.span
    while rest.count > 0 {
      let piece = rest.extracting(first: min(rest.count, 16_384))
      switch session?.write(piece) {
      case .done(let count) where count > 0: rest = rest.extracting(droppingFirst: count)
      case .done, .needsDrain, nil: break
      case .needsInput: throw StreamFailure("the TLS session wants input before it sends")
      case .ended: throw StreamFailure("the other side has ended the connection")
      case .failed(let failure): throw StreamFailure("\(failure)")
      }
      try sendCiphertext(deadline: deadline)
    }
  }

  /// What has come, as soon as there is something.
  func receive(deadline: MonotonicInstant) -> StreamInput {
    guard session != nil else { return receivePlain(deadline: deadline) }
    while true {
      var plain = [UInt8](repeating: 0, count: 16_384)
      let outcome = plain.withUnsafeMutableBytes { session?.read(into: $0) }
      do throws(StreamFailure) {
        try sendCiphertext(deadline: deadline)
      } catch {
        return .cut(error.description)
      }
      switch outcome {
      case .done(let count) where count > 0: return .bytes(Array(plain.prefix(count)))
      case .ended: return .ended
      case .failed(let failure): return .cut("\(failure)")
      case .done, .needsInput, .needsDrain, nil: break
      }
      switch receivePlain(deadline: deadline) {
      case .bytes(let ciphertext): _ = session?.feed(ciphertext.span)
      // Without its own end, a TLS stream was cut (RFC 8446 6.1); few servers send one.
      case let other: return other
      }
    }
  }

  private func secure(deadline: MonotonicInstant) throws(StreamFailure) {
    while session?.isReady == false {
      let outcome = session?.handshake()
      try sendCiphertext(deadline: deadline)
      switch outcome {
      case .failed(let failure): throw StreamFailure("\(failure)")
      case .ended: throw StreamFailure("the connection ended within the TLS handshake")
      case .done, .needsDrain, nil: continue
      case .needsInput: break
      }
      switch receivePlain(deadline: deadline) {
      case .bytes(let ciphertext): _ = session?.feed(ciphertext.span)
      case .ended: throw StreamFailure("the connection ended within the TLS handshake")
      case .cut(let reason): throw StreamFailure(reason)
      case .nothing: throw StreamFailure("the TLS handshake has not ended within the time")
      }
    }
  }

  private func sendCiphertext(deadline: MonotonicInstant) throws(StreamFailure) {
    while let pending = session?.outgoingBytes, pending > 0 {
      var ciphertext: [UInt8] = []
      session?.drain(into: &ciphertext, most: 65_536)
      try sendPlain(ciphertext, deadline: deadline)
    }
  }

  private func sendPlain(_ bytes: [UInt8], deadline: MonotonicInstant) throws(StreamFailure) {
    var rest = bytes[...]
    while !rest.isEmpty {
      switch rest.withUnsafeBytes({ Syscalls.send(socket.number, $0) }) {
      case .bytes(let count): rest = rest.dropFirst(count)
      case .failed(let failure): throw StreamFailure("\(failure)")
      case .endOfStream: throw StreamFailure("the other side has ended the connection")
      case .wouldBlock:
        guard Self.wait(socket.number, Int16(POLLOUT), deadline) else {
          throw StreamFailure("nothing could be sent within the time")
        }
      }
    }
  }

  private func receivePlain(deadline: MonotonicInstant) -> StreamInput {
    let most = max(session?.inputRoom ?? buffer.count, 1)
    while true {
      let number = socket.number
      let outcome = buffer.withUnsafeMutableBytes {
        Syscalls.receive(number, into: UnsafeMutableRawBufferPointer(rebasing: $0[..<most]))
      }
      switch outcome {
      case .bytes(let count): return .bytes(Array(buffer.prefix(count)))
      case .endOfStream: return .ended
      case .failed(let failure): return .cut("\(failure)")
      case .wouldBlock:
        guard Self.wait(number, Int16(POLLIN), deadline) else { return .nothing }
      }
    }
  }
}

extension Duration {
  /// Whole milliseconds.
  var milliseconds: Int {
    let (seconds, attoseconds) = components
    return Int(seconds) * 1000 + Int(attoseconds / 1_000_000_000_000_000)
  }
}
