// What a test's own tools throw: the test cannot go on.

/// A sentence about why the test cannot go on.
public struct TestFailure: Error, Equatable, CustomStringConvertible {
  /// The sentence.
  public let description: String

  /// Wraps a sentence.
  public init(_ description: String) {
    self.description = description
  }
}
