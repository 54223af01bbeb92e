// Why a soak could not be run, which is something else than that it found something.

/// A sentence without its full stop.
public struct SoakFailure: Error, Equatable, Sendable {
  /// The sentence.
  public let sentence: String

  init(_ sentence: String) { self.sentence = sentence }
}
