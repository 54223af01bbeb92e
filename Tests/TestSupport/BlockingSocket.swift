// A blocking TCP socket whose every wait has a deadline: what a test holds against a server.

import Glibc
import RoostCrypto
public import RoostEventLoop

/// What a read came to.
public enum ReadOutcome: Equatable, Sendable {
  /// Bytes, at least one.
  case bytes([UInt8])
  /// The peer sends nothing more.
  case end
  /// The connection was reset.
  case reset
}

extension SocketAddress {
  /// 127.0.0.1 with any free port.
  public static let loopback = SocketAddress(ipv4: 0x7F00_0001, port: 0)
}

/// A connected socket.
///
/// One thread at a time.
public final class BlockingSocket {
  /// Whom it is connected to.
  public let address: SocketAddress
  private var descriptor: Int32
  /// TLS that was begun with `secure`.
  var session: TLSSession?

  /// Connects; every wait on the socket ends after `deadline`.
  ///
  /// - Parameters:
  ///   - source: the address of this end, for tests in which several clients are not one.
  ///   - receiveBytes: the kernel's receive buffer, for a reader that is soon full.
  public init(
    to address: SocketAddress, from source: SocketAddress? = nil,
    deadline: Duration = .seconds(60), receiveBytes: Int? = nil
  ) throws {
    self.address = address
    let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
    descriptor = socket(address.isIPv6 ? AF_INET6 : AF_INET, type, 0)
    guard descriptor >= 0 else { throw TestFailure("socket: errno \(errno)") }
    if let receiveBytes { set(SO_RCVBUF, SOL_SOCKET, Int32(receiveBytes)) }
    set(TCP_NODELAY, Int32(IPPROTO_TCP), 1)
    setTimeout(SO_RCVTIMEO, deadline)
    setTimeout(SO_SNDTIMEO, deadline)
    let number = descriptor
    if let source {
      let bound = Self.withKernelForm(source) { bind(number, $0, $1) }
      guard bound == 0 else {
        let code = errno
        close()
        throw TestFailure("bind to \(source): errno \(code)")
      }
    }
    let result = Self.withKernelForm(address) { connect(number, $0, $1) }
    guard result == 0 else {
      let code = errno
      close()
      throw TestFailure("connect to \(address): errno \(code)")
    }
  }

  deinit { close() }

  private static func withKernelForm(
    _ address: SocketAddress, _ body: (UnsafePointer<sockaddr>, UInt32) -> Int32
  ) -> Int32 {
    var target = sockaddr_in()
    target.sin_family = sa_family_t(AF_INET)
    target.sin_port = address.port.bigEndian
    target.sin_addr.s_addr = UInt32(truncatingIfNeeded: address.low).bigEndian
    return withUnsafePointer(to: &target) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        body($0, UInt32(MemoryLayout<sockaddr_in>.size))
      }
    }
  }

  /// Sends all bytes.
  public func write(_ bytes: [UInt8]) throws {
    try session == nil ? writeRaw(bytes) : writeSecured(bytes)
  }

  /// Sends all bytes as they are, under TLS, too.
  public func writeRaw(_ bytes: [UInt8]) throws {
    var sent = 0
    while sent < bytes.count {
      let count = bytes.withUnsafeBytes {
        send(descriptor, $0.baseAddress.map { $0 + sent }, $0.count - sent, Int32(MSG_NOSIGNAL))
      }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else {
        throw TestFailure("send: errno \(errno) after \(sent) of \(bytes.count) bytes")
      }
      sent += count
    }
  }

  /// Sends what the kernel takes without waiting; the number of bytes it took.
  public func writeWithoutWaiting(_ bytes: [UInt8]) -> Int {
    let flags = Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT)
    return max(0, send(descriptor, bytes, bytes.count, flags))
  }

  /// Waits for bytes; throws when the deadline passes.
  public func read(atMost count: Int = 65_536) throws -> ReadOutcome {
    try session == nil ? readRaw(atMost: count) : readSecured()
  }

  /// Waits for bytes as they are, under TLS, too.
  public func readRaw(atMost count: Int = 65_536) throws -> ReadOutcome {
    var buffer = [UInt8](repeating: 0, count: count)
    while true {
      let received = recv(descriptor, &buffer, count, 0)
      if received > 0 { return .bytes(Array(buffer[..<received])) }
      if received == 0 { return .end }
      switch errno {
      case EINTR: continue
      case ECONNRESET, EPIPE: return .reset
      case EAGAIN: throw TestFailure("nothing came before the deadline")
      default: throw TestFailure("recv: errno \(errno)")
      }
    }
  }

  /// What is there already; nil when nothing is.
  public func readWithoutWaiting(atMost count: Int = 65_536) throws -> ReadOutcome? {
    try session == nil ? readRawWithoutWaiting(atMost: count) : readSecuredWithoutWaiting()
  }

  /// What is there already, as it is, under TLS, too.
  func readRawWithoutWaiting(atMost count: Int) throws -> ReadOutcome? {
    var buffer = [UInt8](repeating: 0, count: count)
    while true {
      let received = recv(descriptor, &buffer, count, Int32(MSG_DONTWAIT))
      if received > 0 { return .bytes(Array(buffer[..<received])) }
      if received == 0 { return .end }
      switch errno {
      case EINTR: continue
      case EAGAIN: return nil
      case ECONNRESET, EPIPE: return .reset
      default: throw TestFailure("recv: errno \(errno)")
      }
    }
  }

  /// The descriptor, for `poll`; -1 when the socket is closed.
  public var pollable: Int32 { descriptor }

  /// Reads to the end; what came, and whether it ended without a reset.
  public func readToEnd() throws -> (bytes: [UInt8], isClean: Bool) {
    var all: [UInt8] = []
    while true {
      switch try read() {
      case .bytes(let bytes): all += bytes
      case .end: return (all, true)
      case .reset: return (all, false)
      }
    }
  }

  /// Ends sending; reading goes on.
  public func endSending() {
    shutdown(descriptor, Int32(SHUT_WR))
  }

  /// Ends the connection with a reset, as a crashed machine would.
  public func abort() {
    var linger = linger(l_onoff: 1, l_linger: 0)
    setsockopt(
      descriptor, SOL_SOCKET, SO_LINGER, &linger, UInt32(MemoryLayout<Glibc.linger>.size))
    close()
  }

  /// Closes the socket; a second time does nothing.
  public func close() {
    guard descriptor >= 0 else { return }
    Glibc.close(descriptor)
    descriptor = -1
  }

  private func set(_ option: Int32, _ level: Int32, _ value: Int32) {
    var value = value
    setsockopt(descriptor, level, option, &value, UInt32(MemoryLayout<Int32>.size))
  }

  private func setTimeout(_ option: Int32, _ duration: Duration) {
    let (seconds, attoseconds) = duration.components
    var time = timeval(tv_sec: Int(seconds), tv_usec: Int(attoseconds / 1_000_000_000_000))
    setsockopt(descriptor, SOL_SOCKET, option, &time, UInt32(MemoryLayout<timeval>.size))
  }
}
