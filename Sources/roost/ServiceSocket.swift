// The socket of the supervisor, named by NOTIFY_SOCKET: a path, or a name of Linux' abstract namespace
// behind an @. Spoken to without libsystemd, which is ten lines of C for all that a node needs.

import Glibc
import RoostEventLoop

/// Sends datagrams to a Unix socket; one that nobody reads loses them.
///
/// One thread at a time.
struct ServiceSocket: ~Copyable {
  private let descriptor: Descriptor
  private let address: sockaddr_un
  private let length: socklen_t

  /// Opens a socket that speaks to this name; nil where the name is none, or nothing can be opened.
  init?(name: String) {
    let bytes = Array(name.utf8)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    guard bytes.count >= 2, bytes[0] == UInt8(ascii: "/") || bytes[0] == UInt8(ascii: "@"),
      bytes.count < MemoryLayout.size(ofValue: address.sun_path), !bytes.contains(0)
    else { return nil }
    withUnsafeMutableBytes(of: &address.sun_path) { path in
      path.copyBytes(from: bytes)
      // An abstract name begins with a zero byte, and its length ends it.
      if bytes[0] == UInt8(ascii: "@") { path[0] = 0 }
    }
    let number = socket(
      AF_UNIX,
      Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        | Int32(SOCK_NONBLOCK.rawValue), 0)
    guard number >= 0 else { return nil }
    descriptor = Descriptor(taking: number)
    self.address = address
    let familyBytes = MemoryLayout<sa_family_t>.size
    length = socklen_t(familyBytes + bytes.count + (bytes[0] == UInt8(ascii: "/") ? 1 : 0))
  }

  /// Sends one datagram; whether the kernel took it.
  @discardableResult
  func send(_ text: String) -> Bool {
    let bytes = Array(text.utf8)
    var address = address
    let sent = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        sendto(descriptor.number, bytes, bytes.count, Int32(MSG_NOSIGNAL), $0, length)
      }
    }
    return sent == bytes.count
  }
}
