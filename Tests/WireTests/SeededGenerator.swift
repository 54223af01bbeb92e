import Glibc

/// Random numbers that can be played again: printed by a failing test, set as ROOST_SEED.
struct SeededGenerator: RandomNumberGenerator, CustomStringConvertible {
  let seed: UInt64
  private var state: UInt64

  init(seed: UInt64) {
    self.seed = seed
    state = seed
  }

  /// From ROOST_SEED when it is set; else a new seed.
  static func make() -> SeededGenerator {
    if let text = getenv("ROOST_SEED"), let seed = UInt64(String(cString: text)) {
      return SeededGenerator(seed: seed)
    }
    return SeededGenerator(seed: UInt64.random(in: .min ... .max))
  }

  var description: String { "ROOST_SEED=\(seed)" }

  /// The step of SplitMix64.
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}
