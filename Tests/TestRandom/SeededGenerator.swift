// Randomness that can be played again: a failing test prints the seed, ROOST_SEED sets it.

import Glibc

/// Random numbers from one seed; `description` is what to print.
public struct SeededGenerator: RandomNumberGenerator, CustomStringConvertible {
  /// Where the numbers come from.
  public let seed: UInt64
  private var state: UInt64

  /// Numbers that follow from a seed.
  public init(seed: UInt64) {
    self.seed = seed
    state = seed
  }

  /// From ROOST_SEED when it is set; else from a new seed.
  public static func make() -> SeededGenerator {
    if let text = getenv("ROOST_SEED"), let seed = UInt64(String(cString: text)) {
      return SeededGenerator(seed: seed)
    }
    return SeededGenerator(seed: .random(in: .min ... .max))
  }

  /// How to repeat the run.
  public var description: String { "ROOST_SEED=\(seed)" }

  /// The step of SplitMix64.
  public mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}
