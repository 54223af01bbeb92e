// Connections that a loop makes: begun without waiting, finished when the poller reports the socket
// writable.

import Glibc

/// How far a connection that was begun has come.
public enum ConnectOutcome: Equatable, Sendable {
  /// It is there.
  case connected
  /// Not yet: wait until the socket is writable.
  case pending
  /// It will not come.
  case failed(Errno)
}

/// How a kernel finds out that a silent peer is gone.
public struct KeepAlive: Equatable, Sendable {
  /// Seconds of silence before the first probe, at least 1.
  public var idleSeconds: Int32
  /// Seconds between probes, at least 1.
  public var intervalSeconds: Int32
  /// Unanswered probes after which the connection is gone, at least 1.
  public var probes: Int32

  /// Names all three.
  public init(idleSeconds: Int32, intervalSeconds: Int32, probes: Int32) {
    self.idleSeconds = idleSeconds
    self.intervalSeconds = intervalSeconds
    self.probes = probes
  }
}

extension Socket {
  /// Bytes of the longest path of a Unix socket, without the zero behind it.
  public static let pathBytesMax = MemoryLayout.size(ofValue: sockaddr_un().sun_path) - 1

  /// Begins a TCP connection without waiting for it; TCP_NODELAY is set.
  ///
  /// Watch the socket for writability, then ask `connectOutcome`. Any thread.
  public static func beginConnecting(
    to address: SocketAddress, keepAlive: KeepAlive
  ) throws(Errno) -> Descriptor {
    let descriptor = try unblocked(family: address.isIPv6 ? AF_INET6 : AF_INET)
    let tcp = Int32(IPPROTO_TCP)
    try set(TCP_NODELAY, level: tcp, on: descriptor.number, to: 1)
    try set(SO_KEEPALIVE, level: SOL_SOCKET, on: descriptor.number, to: 1)
    try set(TCP_KEEPIDLE, level: tcp, on: descriptor.number, to: keepAlive.idleSeconds)
    try set(TCP_KEEPINTVL, level: tcp, on: descriptor.number, to: keepAlive.intervalSeconds)
    try set(TCP_KEEPCNT, level: tcp, on: descriptor.number, to: keepAlive.probes)
    let result = address.withKernelForm { Glibc.connect(descriptor.number, $0, $1) }
    // An interrupted connect goes on by itself, like one that has to wait.
    guard result == 0 || errno == EINPROGRESS || errno == EINTR else { throw Errno.current }
    return descriptor
  }

  /// Begins a connection to a Unix socket by its path, of 1 to `pathBytesMax` bytes without a zero.
  ///
  /// It is there at once or fails: EAGAIN says that the listener's queue is full. Any thread.
  public static func beginConnecting(toPath path: String) throws(Errno) -> Descriptor {
    let count = path.utf8.count
    precondition((1...pathBytesMax).contains(count), "a path of \(count) bytes")
    let descriptor = try unblocked(family: AF_UNIX)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    let result = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        Glibc.connect(descriptor.number, $0, UInt32(MemoryLayout<sockaddr_un>.size))
      }
    }
    guard result == 0 || errno == EINPROGRESS || errno == EINTR else { throw Errno.current }
    return descriptor
  }

  /// How far a connection that was begun has come.
  ///
  /// Any thread. Takes the socket's pending error away.
  public static func connectOutcome(of descriptor: borrowing Descriptor) -> ConnectOutcome {
    var code: Int32 = 0
    var size = UInt32(MemoryLayout<Int32>.size)
    guard getsockopt(descriptor.number, SOL_SOCKET, SO_ERROR, &code, &size) == 0 else {
      return .failed(Errno.current)
    }
    guard code == 0 else { return .failed(Errno(code: code)) }
    // A report that was meant for an earlier socket of the same owner says nothing about this one.
    var storage = sockaddr_storage()
    var length = UInt32(MemoryLayout<sockaddr_storage>.size)
    let result = withUnsafeMutablePointer(to: &storage) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        getpeername(descriptor.number, $0, &length)
      }
    }
    if result == 0 { return .connected }
    return errno == ENOTCONN ? .pending : .failed(Errno.current)
  }

  private static func unblocked(family: Int32) throws(Errno) -> Descriptor {
    let type =
      Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
    let number = socket(family, type, 0)
    guard number >= 0 else { throw Errno.current }
    return Descriptor(taking: number)
  }
}
