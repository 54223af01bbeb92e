// Every system call of the data path goes through here: EINTR is repeated, EBADF and EFAULT trap
// (they are bugs), and in debug builds a SyscallFaults plan can make the nth call fail.

public import Glibc
import RoostCLinux

/// What a read or write on a non-blocking socket came to.
public enum IOOutcome: Equatable, Sendable {
  /// That many bytes were moved, at least 1.
  case bytes(Int)
  /// Nothing could be moved now.
  case wouldBlock
  /// The peer will send nothing more (reads only).
  case endOfStream
  /// The connection is gone: reset, timed out, unreachable.
  case failed(Errno)
}

/// What an accept came to.
public enum AcceptOutcome: Equatable, Sendable {
  /// A new non-blocking, close-on-exec socket; the caller owns the number.
  case accepted(Int32, SocketAddress)
  /// The queue is empty.
  case wouldBlock
  /// The peer was gone before it was accepted: try the next one.
  case aborted
  /// No descriptor or memory: stop accepting for a while.
  case shortage(Errno)
}

/// Thin, checked wrappers of system calls.
///
/// Any thread.
public enum Syscalls {
  /// recv(2) into a buffer of at least one byte.
  public static func receive(_ descriptor: Int32, into buffer: UnsafeMutableRawBufferPointer)
    -> IOOutcome
  {
    precondition(buffer.count > 0, "a receive needs room")
    var capacity = buffer.count
    if let fault = SyscallFaults.next(.receive, bytes: &capacity) { return fault }
    while true {
      let count = recv(descriptor, buffer.baseAddress, capacity, 0)
      if count > 0 { return .bytes(count) }
      if count == 0 { return .endOfStream }
      if let outcome = outcome(of: errno, call: "recv") { return outcome }
    }
  }

  /// send(2) of one range; never raises SIGPIPE.
  public static func send(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> IOOutcome {
    precondition(bytes.count > 0, "a send needs bytes")
    var limit = bytes.count
    if let fault = SyscallFaults.next(.send, bytes: &limit) { return fault }
    while true {
      let count = Glibc.send(descriptor, bytes.baseAddress, limit, Int32(MSG_NOSIGNAL))
      if count >= 0 { return .bytes(count) }
      if let outcome = outcome(of: errno, call: "send") { return outcome }
    }
  }

  /// sendmsg(2) of several ranges, the socket's writev(2) without SIGPIPE.
  ///
  /// - Parameter vectors: 1 to 1,024 (`IOV_MAX`) ranges.
  public static func send(_ descriptor: Int32, vectors: UnsafeMutableBufferPointer<iovec>)
    -> IOOutcome
  {
    precondition((1...1024).contains(vectors.count), "vectors: \(vectors.count)")
    var limit = Int.max
    if let fault = SyscallFaults.next(.send, bytes: &limit) { return fault }
    var message = msghdr()
    message.msg_iov = vectors.baseAddress
    message.msg_iovlen = vectors.count
    if limit != Int.max {
      // A planned short write: as if the socket had room for some of the first range only.
      message.msg_iovlen = 1
      vectors[0].iov_len = min(vectors[0].iov_len, limit)
    }
    while true {
      let count = sendmsg(descriptor, &message, Int32(MSG_NOSIGNAL))
      if count >= 0 { return .bytes(count) }
      if let outcome = outcome(of: errno, call: "sendmsg") { return outcome }
    }
  }

  /// accept4(2), non-blocking and close-on-exec, with the peer's address.
  public static func accept(_ listener: Int32) -> AcceptOutcome {
    if let fault = SyscallFaults.nextAccept() { return fault }
    var storage = sockaddr_storage()
    var length = UInt32(MemoryLayout<sockaddr_storage>.size)
    let flags = Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
    while true {
      let descriptor = roost_accept4(listener, &storage, &length, flags)
      if descriptor >= 0 {
        return .accepted(descriptor, SocketAddress(storage))
      }
      switch errno {
      case EINTR: continue
      case EAGAIN: return .wouldBlock
      case EMFILE, ENFILE, ENOBUFS, ENOMEM: return .shortage(Errno.current)
      case EBADF, EFAULT, EINVAL, ENOTSOCK:
        preconditionFailure("accept4 on \(listener): \(Errno.current)")
      default:
        // Errors that were already pending on the new socket (accept(2), "Error handling").
        return .aborted
      }
    }
  }

  /// Closes a descriptor with close(2).
  ///
  /// On Linux the descriptor is gone whatever the call says, so it is never repeated.
  public static func close(_ descriptor: Int32) {
    if Glibc.close(descriptor) != 0 {
      precondition(errno != EBADF, "descriptor \(descriptor) was closed twice")
    }
  }

  /// nil means: interrupted, call again.
  private static func outcome(of code: Int32, call: StaticString) -> IOOutcome? {
    switch code {
    case EINTR: return nil
    case EAGAIN: return .wouldBlock
    case EBADF, EFAULT, EINVAL, ENOTSOCK:
      preconditionFailure("\(call): \(Errno(code: code))")
    default: return .failed(Errno(code: code))
    }
  }
}
