// Randomness from one seed, so that a run can be had again: faults, rooms, pauses and payloads
// follow from it. Times on the wire do not, which is why a run repeats in its plan and not to the
// millisecond.

/// Random numbers that follow from a seed, by SplitMix64.
///
/// One thread at a time; a value.
public struct SeededNumbers: RandomNumberGenerator, Sendable {
  private var state: UInt64

  /// Numbers of a seed; `stream` tells apart what shares it.
  public init(seed: UInt64, stream: UInt64) {
    state = seed &+ stream &* 0xD1B5_4A32_D192_ED03
  }

  /// The next 64 bits.
  public mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }

  /// From 0 up to, not including, 1.
  public mutating func fraction() -> Double { Double(next() >> 11) / Double(1 << 53) }
}
