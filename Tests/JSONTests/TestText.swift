// What the JSON tests share: texts as bytes.

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
