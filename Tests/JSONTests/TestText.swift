// What the JSON tests share: texts as bytes, and one seed for everything random.

import Glibc
import RoostJSON

/// The depth that tests use unless depth is what they are about.
let testDepthMax = 32

/// Scans a document of text.
func scanDocument(_ text: [UInt8]) throws(JSONViolation) -> RawRange {
  try JSONScanner(depthMax: testDepthMax).document(in: text.span)
}

/// The range of a text that is one value from its first byte to its last.
func wholeRange(_ text: [UInt8]) throws(JSONViolation) -> RawRange {
  let range = try scanDocument(text)
  precondition(range.start == 0 && range.end == text.count, "the text has white space around it")
  return range
}

/// The bytes of a string.
func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

/// The text that a range covers.
func slice(_ range: RawRange, of text: [UInt8]) -> String {
  String(decoding: text[range.start..<range.end], as: UTF8.self)
}

extension JSONScanner {
  /// As the original; `#expect` cannot take a call apart that has a span among its arguments.
  func equals(_ string: RawRange, _ expected: String, in text: [UInt8]) -> Bool {
    equals(string, expected, in: text.span)
  }
}

/// A generator whose whole sequence follows from one number (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}

/// `ROOST_SEED` when it is set, so that a failure can be played again; else a new one.
func testSeed() -> UInt64 {
  if let text = getenv("ROOST_SEED"), let seed = UInt64(String(cString: text)) { return seed }
  return UInt64.random(in: 1...UInt64(UInt32.max))
}
