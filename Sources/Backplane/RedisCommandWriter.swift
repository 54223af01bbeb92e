// Commands as Redis reads them: arrays of bulk strings (RESP2), written straight into the bytes that
// are sent next. hiredis's formatter would make a string of its own for each command; see decision 9.

/// Writes commands: `begin` with the number of words, then exactly so many `argument`s.
///
/// Any thread. Nothing is allocated but the output's own growth.
public enum RedisCommandWriter {
  /// Begins a command of `count` words, the command's name counted; at least 1.
  public static func begin(_ count: Int, to output: inout [UInt8]) {
    precondition(count >= 1, "a command has a name")
    header(UInt8(ascii: "*"), UInt64(count), to: &output)
  }

  /// Writes a word: a name or a constant.
  public static func argument(_ text: StaticString, to output: inout [UInt8]) {
    precondition(text.hasPointerRepresentation, "one scalar is no word")
    header(UInt8(ascii: "$"), UInt64(text.utf8CodeUnitCount), to: &output)
    text.withUTF8Buffer { output.append(contentsOf: $0) }
    lineEnd(to: &output)
  }

  /// Writes a word of any bytes.
  public static func argument(_ bytes: [UInt8], to output: inout [UInt8]) {
    header(UInt8(ascii: "$"), UInt64(bytes.count), to: &output)
    output.append(contentsOf: bytes)
    lineEnd(to: &output)
  }

  /// Writes a word of any bytes that lie in a larger array.
  public static func argument(_ bytes: ArraySlice<UInt8>, to output: inout [UInt8]) {
    header(UInt8(ascii: "$"), UInt64(bytes.count), to: &output)
    output.append(contentsOf: bytes)
    lineEnd(to: &output)
  }

  /// Writes a word of any bytes.
  public static func argument(_ bytes: borrowing Span<UInt8>, to output: inout [UInt8]) {
    header(UInt8(ascii: "$"), UInt64(bytes.count), to: &output)
    bytes.withUnsafeBufferPointer { output.append(contentsOf: $0) }
    lineEnd(to: &output)
  }

  /// Writes a word of text, as UTF-8.
  public static func argument(text: String, to output: inout [UInt8]) {
    header(UInt8(ascii: "$"), UInt64(text.utf8.count), to: &output)
    output.append(contentsOf: text.utf8)
    lineEnd(to: &output)
  }

  /// Writes a word that is a number in decimal.
  public static func argument(_ number: Int, to output: inout [UInt8]) {
    let magnitude = UInt64(number.magnitude)
    let length = digits(magnitude) + (number < 0 ? 1 : 0)
    header(UInt8(ascii: "$"), UInt64(length), to: &output)
    if number < 0 { output.append(UInt8(ascii: "-")) }
    decimal(magnitude, to: &output)
    lineEnd(to: &output)
  }

  /// Writes a word that is a number in decimal.
  public static func argument(_ number: UInt64, to output: inout [UInt8]) {
    header(UInt8(ascii: "$"), UInt64(digits(number)), to: &output)
    decimal(number, to: &output)
    lineEnd(to: &output)
  }

  private static func header(_ type: UInt8, _ number: UInt64, to output: inout [UInt8]) {
    output.append(type)
    if number < 10 {
      output.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: number))
    } else {
      decimal(number, to: &output)
    }
    lineEnd(to: &output)
  }

  private static func lineEnd(to output: inout [UInt8]) {
    output.append(UInt8(ascii: "\r"))
    output.append(UInt8(ascii: "\n"))
  }

  private static func digits(_ number: UInt64) -> Int {
    var count = 1
    var rest = number / 10
    while rest > 0 {
      count += 1
      rest /= 10
    }
    return count
  }

  private static func decimal(_ number: UInt64, to output: inout [UInt8]) {
    let count = digits(number)
    let start = output.count
    output.append(contentsOf: repeatElement(UInt8(ascii: "0"), count: count))
    var rest = number
    for offset in stride(from: count - 1, through: 0, by: -1) {
      output[start + offset] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
      rest /= 10
    }
  }
}
