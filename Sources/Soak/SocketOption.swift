// Options of sockets that only a harness wants.

import Glibc
import RoostEventLoop

/// Sets options; what the system refuses is left as it is.
enum SocketOption {
  /// The kernel's buffer for what was not read yet, so that a slow reader is felt early.
  static func setReceiveBuffer(_ descriptor: Int32, bytes: Int32) {
    var bytes = bytes
    _ = setsockopt(
      descriptor, SOL_SOCKET, SO_RCVBUF, &bytes, UInt32(MemoryLayout<Int32>.size))
  }

  /// A TCP port of 127.0.0.1 that nobody listens on just now; throws when there is none.
  static func freePort() throws(Errno) -> UInt16 {
    let socket = try Socket.listen(
      on: SocketAddress(ipv4: 0x7F00_0001, port: 0), sharesPort: false, backlog: 1)
    return try Socket.localAddress(of: socket).port
  }
}
