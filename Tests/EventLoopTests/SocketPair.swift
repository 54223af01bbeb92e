import Glibc
import RoostEventLoop
import Testing

/// Two connected, non-blocking sockets without a port.
final class SocketPair {
  let near: Descriptor
  let far: Descriptor

  /// - Parameter sendBytes: SO_SNDBUF of both ends; the kernel raises it to its least value.
  init(sendBytes: Int32? = nil) throws {
    var numbers: [Int32] = [-1, -1]
    let type =
      Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
    try #require(socketpair(AF_UNIX, type, 0, &numbers) == 0)
    near = Descriptor(taking: numbers[0])
    far = Descriptor(taking: numbers[1])
    if var sendBytes {
      let size = UInt32(MemoryLayout<Int32>.size)
      setsockopt(near.number, SOL_SOCKET, SO_SNDBUF, &sendBytes, size)
      setsockopt(far.number, SOL_SOCKET, SO_SNDBUF, &sendBytes, size)
    }
  }

  /// Takes what has arrived at the far end, at most `bytesMax` bytes; past Syscalls and its faults.
  func takeAtFarEnd(_ bytesMax: Int = .max) -> [UInt8] {
    var all: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 16_384)
    while all.count < bytesMax {
      let count = recv(far.number, &buffer, min(buffer.count, bytesMax - all.count), 0)
      guard count > 0 else { break }
      all.append(contentsOf: buffer[0..<count])
    }
    return all
  }

  /// Writes at the far end, so that the near one becomes readable.
  func writeAtFarEnd(_ bytes: [UInt8]) {
    _ = bytes.withUnsafeBytes { Glibc.send(far.number, $0.baseAddress, $0.count, 0) }
  }
}

/// Whether a read would not block, waiting for that long at most.
func isReadable(_ descriptor: Int32, within milliseconds: Int32 = 0) -> Bool {
  var wanted = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
  return poll(&wanted, 1, milliseconds) == 1
}

/// A door between threads that opens once; waiting has a deadline.
final class Gate: Sendable {
  private let reading: Int32
  private let writing: Int32

  init() throws {
    var numbers: [Int32] = [-1, -1]
    try #require(pipe(&numbers) == 0)
    reading = numbers[0]
    writing = numbers[1]
  }

  deinit {
    close(reading)
    close(writing)
  }

  func open() {
    var byte: UInt8 = 1
    _ = write(writing, &byte, 1)
  }

  /// Waits for `open`; false after twenty seconds.
  func wait() -> Bool {
    guard isReadable(reading, within: 20_000) else { return false }
    var byte: UInt8 = 0
    return read(reading, &byte, 1) == 1
  }
}
