// A second thread of a test, with its result or error brought back to the first.

import RoostEventLoop

/// Work that goes on beside the test.
public struct Background<Value: Sendable>: Sendable {
  private let thread: LoopThread
  private let result: Lock<Result<Value, any Error>?>

  /// Starts the work.
  public init(_ body: @escaping @Sendable () throws -> Value) throws {
    let result = Lock<Result<Value, any Error>?>(nil)
    self.result = result
    thread = try LoopThread(name: "test") {
      let outcome = Result { try body() }
      result.withLock { $0 = outcome }
    }
  }

  /// Waits for the work's end, once; its value or its error.
  public func join() throws -> Value {
    thread.join()
    let outcome = result.withLock { $0 }
    guard let outcome else { throw TestFailure("the thread ended without a result") }
    return try outcome.get()
  }
}
