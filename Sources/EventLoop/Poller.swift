// epoll: level-triggered, one reused buffer of events, a 64-bit token with each descriptor (slot and
// generation, so that an event for a closed descriptor never meets its successor).

import Glibc
import RoostCLinux

/// What a descriptor is watched for.
public struct Interest: OptionSet, Sendable {
  /// The bits of epoll_ctl(2).
  public let rawValue: UInt32

  /// Wraps epoll's bits.
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// Readable, or ended.
  public static let readable = Interest(rawValue: EPOLLIN.rawValue)
  /// Writable again.
  public static let writable = Interest(rawValue: EPOLLOUT.rawValue)
}

/// What happened to a descriptor.
public struct Readiness: Sendable {
  /// The token with which the descriptor was added.
  public let token: UInt64
  /// A read will not block: bytes, the end, or an error.
  public let isReadable: Bool
  /// A write may move bytes, or will tell the error.
  public let isWritable: Bool
}

/// An epoll instance.
///
/// Owned by one loop; a class, because the loop and what it drives both hold it.
public final class Poller {
  private let epoll: Descriptor
  private let events: UnsafeMutableBufferPointer<epoll_event>

  /// Opens an epoll instance that reports at most 512 descriptors a wait.
  public init() throws(Errno) {
    let number = epoll_create1(Int32(EPOLL_CLOEXEC))
    guard number >= 0 else { throw Errno.current }
    epoll = Descriptor(taking: number)
    events = .allocate(capacity: 512)
    events.initialize(repeating: epoll_event())
  }

  deinit { events.deallocate() }

  /// Watches a descriptor.
  public func add(_ descriptor: Int32, _ interest: Interest, token: UInt64) throws(Errno) {
    try control(EPOLL_CTL_ADD, descriptor, interest, token)
  }

  /// Watches a descriptor for reading whose registration cannot fail but by a bug.
  func watch(_ descriptor: Int32, token: UInt64) {
    do {
      try add(descriptor, .readable, token: token)
    } catch {
      preconditionFailure("epoll_ctl on \(descriptor): \(error)")
    }
  }

  /// Changes what a watched descriptor is watched for.
  public func modify(_ descriptor: Int32, _ interest: Interest, token: UInt64) {
    do {
      try control(EPOLL_CTL_MOD, descriptor, interest, token)
    } catch {
      preconditionFailure("epoll_ctl on \(descriptor): \(error)")
    }
  }

  /// Stops watching; closing a descriptor does so, too.
  public func remove(_ descriptor: Int32) {
    do {
      try control(EPOLL_CTL_DEL, descriptor, [], 0)
    } catch {
      preconditionFailure("epoll_ctl on \(descriptor): \(error)")
    }
  }

  /// Watches a descriptor that a C library opens and closes, or changes what it is watched for.
  ///
  /// The library may have closed the number and got it again, so whichever call fits is made.
  public func watchForeign(
    _ descriptor: Int32, _ interest: Interest, token: UInt64
  ) throws(Errno) {
    do {
      try control(EPOLL_CTL_MOD, descriptor, interest, token)
    } catch {
      guard error.code == ENOENT else { throw error }
      try control(EPOLL_CTL_ADD, descriptor, interest, token)
    }
  }

  /// Stops watching a descriptor that a C library may have closed already.
  public func forgetForeign(_ descriptor: Int32) {
    do {
      try control(EPOLL_CTL_DEL, descriptor, [], 0)
    } catch {
      let isGone = error.code == ENOENT || error.code == EBADF
      precondition(isGone, "epoll_ctl on \(descriptor): \(error)")
    }
  }

  /// Waits for events; nil waits without end, zero looks only.
  ///
  /// Returns how many came.
  ///
  /// A timeout is rounded up to whole milliseconds, so that a timer is due when the wait returns.
  public func wait(_ timeout: Duration?) -> Int {
    let milliseconds: Int32
    if let timeout {
      let (whole, rest) = timeout.nanosecondsClamped.quotientAndRemainder(dividingBy: 1_000_000)
      milliseconds = Int32(clamping: whole + (rest > 0 ? 1 : 0))
    } else {
      milliseconds = -1
    }
    let count = epoll_wait(epoll.number, events.baseAddress, Int32(events.count), milliseconds)
    if count < 0 {
      precondition(errno == EINTR, "epoll_wait: \(Errno.current)")
      return 0
    }
    return Int(count)
  }

  /// The event at a position below what `wait` returned.
  public func readiness(at position: Int) -> Readiness {
    let event = events[position]
    let failed = EPOLLERR.rawValue | EPOLLHUP.rawValue
    return Readiness(
      token: event.data.u64,
      isReadable: event.events & (EPOLLIN.rawValue | failed) != 0,
      isWritable: event.events & EPOLLOUT.rawValue != 0)
  }

  private func control(
    _ operation: Int32, _ descriptor: Int32, _ interest: Interest, _ token: UInt64
  ) throws(Errno) {
    var event = roost_epoll_event(interest.rawValue, token)
    guard epoll_ctl(epoll.number, operation, descriptor, &event) == 0 else { throw Errno.current }
  }
}
