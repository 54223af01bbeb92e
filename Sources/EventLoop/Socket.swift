// Sockets as descriptors with an owner: listeners (one per shard through SO_REUSEPORT) and the
// options that accepted connections inherit from them.

import Glibc

/// Makes listening sockets and sets options.
///
/// Any thread.
public enum Socket {
  /// Bytes that the kernel takes for a socket before the ones in front of them have left: enough to
  /// keep a fast network busy, little enough that a slow reader is noticed.
  static let unsentBytesMax: Int32 = 131_072

  /// Opens a non-blocking TCP listener.
  ///
  /// TCP_NODELAY is set on the listener: Linux hands it down to accepted sockets, which saves a
  /// call per connection. Port 0 takes a free port; read it with `localAddress`.
  /// - Parameter sharesPort: SO_REUSEPORT, so that several sockets of this process share a port.
  public static func listen(
    on address: SocketAddress, sharesPort: Bool, backlog: Int32
  ) throws(Errno) -> Descriptor {
    let family = address.isIPv6 ? AF_INET6 : AF_INET
    let type =
      Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
    let number = socket(family, type, 0)
    guard number >= 0 else { throw Errno.current }
    let descriptor = Descriptor(taking: number)
    try set(SO_REUSEADDR, level: SOL_SOCKET, on: descriptor.number, to: 1)
    if sharesPort { try set(SO_REUSEPORT, level: SOL_SOCKET, on: descriptor.number, to: 1) }
    if address.isIPv6 {
      // [::] takes IPv4 connections, too, whatever the system's default is.
      try set(IPV6_V6ONLY, level: Int32(IPPROTO_IPV6), on: descriptor.number, to: 0)
    }
    try set(TCP_NODELAY, level: Int32(IPPROTO_TCP), on: descriptor.number, to: 1)
    // What was not sent yet waits in the connection's own queue, where it is counted and bounded,
    // not in megabytes of the kernel's memory.
    try set(
      25 /* TCP_NOTSENT_LOWAT */, level: Int32(IPPROTO_TCP), on: descriptor.number,
      to: Self.unsentBytesMax)
    let bound = address.withKernelForm { bind(descriptor.number, $0, $1) }
    guard bound == 0 else { throw Errno.current }
    guard Glibc.listen(descriptor.number, backlog) == 0 else { throw Errno.current }
    return descriptor
  }

  /// The address that a socket is bound to.
  public static func localAddress(of descriptor: borrowing Descriptor) throws(Errno)
    -> SocketAddress
  {
    var storage = sockaddr_storage()
    var length = UInt32(MemoryLayout<sockaddr_storage>.size)
    let result = withUnsafeMutablePointer(to: &storage) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        getsockname(descriptor.number, $0, &length)
      }
    }
    guard result == 0 else { throw Errno.current }
    return SocketAddress(storage)
  }

  /// Opens a blocking TCP connection; for commands and tests, never on a loop.
  public static func connect(to address: SocketAddress) throws(Errno) -> Descriptor {
    let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
    let number = socket(address.isIPv6 ? AF_INET6 : AF_INET, type, 0)
    guard number >= 0 else { throw Errno.current }
    let descriptor = Descriptor(taking: number)
    try set(TCP_NODELAY, level: Int32(IPPROTO_TCP), on: descriptor.number, to: 1)
    while true {
      let result = address.withKernelForm { Glibc.connect(descriptor.number, $0, $1) }
      if result == 0 { return descriptor }
      guard errno == EINTR else { throw Errno.current }
    }
  }

  /// setsockopt(2) of an integer option.
  static func set(_ option: Int32, level: Int32, on descriptor: Int32, to value: Int32)
    throws(Errno)
  {
    var value = value
    let size = UInt32(MemoryLayout<Int32>.size)
    guard setsockopt(descriptor, level, option, &value, size) == 0 else { throw Errno.current }
  }

  /// Has the close of a socket drop what the peer has not taken yet, and reset the connection.
  ///
  /// Else the kernel goes on sending it, behind what is sent over a new connection meanwhile.
  public static func resetsOnClose(_ descriptor: Int32) {
    var value = linger(l_onoff: 1, l_linger: 0)
    let size = UInt32(MemoryLayout<linger>.size)
    _ = setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &value, size)
  }

  /// Ends sending on a socket (FIN); receiving goes on.
  public static func shutdownSending(_ descriptor: Int32) {
    _ = shutdown(descriptor, Int32(SHUT_WR))
  }
}
