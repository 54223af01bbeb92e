// One Redis for a whole suite; each test keeps apart by a prefix of its own.

import TestSupport
import Testing

/// Starts a Redis before a suite's first test and ends it behind the last.
struct SharedRedis: SuiteTrait, TestScoping {
  /// The URL of the suite's Redis.
  @TaskLocal static var url: String?

  func provideScope(
    for test: Test, testCase: Test.Case?,
    performing function: @Sendable @concurrent () async throws -> Void
  ) async throws {
    guard RedisServer.isAvailable else { return try await function() }
    let server = try RedisServer(door: .none)
    try await Self.$url.withValue(server.unixURL) { try await function() }
    try server.stop()
  }
}

extension Trait where Self == SharedRedis {
  /// The tests of the suite share a Redis.
  static var sharedRedis: SharedRedis { SharedRedis() }
}
