// What the kernel's scheduler counts of one thread.

/// How long a thread has run, and how long it was ready to and had no processor.
public struct ThreadTime: Sendable, Equatable {
  /// Nanoseconds on a processor.
  public let ran: UInt64
  /// Nanoseconds in the queue for one.
  public let waited: UInt64

  /// The calling thread's; nil where the kernel does not tell (`CONFIG_SCHED_INFO`).
  public static func ofCaller() -> ThreadTime? {
    Machine.contents(of: "/proc/thread-self/schedstat", bytesMax: 256).flatMap {
      ThreadTime(reading: $0)
    }
  }

  /// Reads the line of `schedstat`: both times, and how often it was given a processor.
  init?(reading text: String) {
    let numbers = text.split(whereSeparator: \.isWhitespace).map { UInt64($0) }
    guard numbers.count == 3, let ran = numbers[0], let waited = numbers[1] else { return nil }
    self.ran = ran
    self.waited = waited
  }
}
