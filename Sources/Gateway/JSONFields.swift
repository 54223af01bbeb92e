// The members of one JSON object by name, as they stand in the text: for short objects of the control
// plane, of which one member may be forwarded byte for byte.

import RoostJSON

/// The top-level members of an object.
public struct JSONFields: Sendable {
  private let text: [UInt8]
  private let scanner: JSONScanner
  private var members: [(key: [UInt8], value: RawRange)] = []

  /// Members of an object that are looked at; more are refused.
  private static let membersMax = 32

  /// Reads a text that is one object nested at most `depthMax` levels, without a key that occurs
  /// twice; nil for anything else.
  public init?(_ text: [UInt8], depthMax: Int) {
    self.text = text
    scanner = JSONScanner(depthMax: depthMax)
    var members: [(key: [UInt8], value: RawRange)] = []
    var isBounded = true
    do throws(JSONViolation) {
      let document = try scanner.document(in: text.span)
      guard document.kind == .object else { return nil }
      _ = try scanner.object(in: text.span, at: document.start) { [scanner] key, value in
        guard members.count < Self.membersMax else {
          isBounded = false
          return
        }
        members.append((scanner.unescaped(key, in: text.span), value))
      }
    } catch {
      return nil
    }
    guard isBounded, Set(members.map(\.key)).count == members.count else { return nil }
    self.members = members
  }

  private func range(_ key: String) -> RawRange? {
    let name = Array(key.utf8)
    return members.first { $0.key == name }?.value
  }

  /// The names of all members, in the order of the text.
  public var keys: [String] { members.map { String(decoding: $0.key, as: UTF8.self) } }

  /// Whether there is such a member.
  public func has(_ key: String) -> Bool { range(key) != nil }

  /// A string's content; nil when there is none or it has more than `bytesMax` bytes.
  public func string(_ key: String, bytesMax: Int) -> String? {
    // Six bytes in the text for one of the content is the most that escapes can do.
    guard let value = range(key), value.kind == .string, value.count <= 6 * bytesMax + 2 else {
      return nil
    }
    let content = scanner.unescaped(value, in: text.span)
    return content.count <= bytesMax ? String(decoding: content, as: UTF8.self) : nil
  }

  /// A list of strings, each of at most `bytesMax` bytes; nil when it is none or too long.
  public func strings(_ key: String, countMax: Int, bytesMax: Int) -> [String]? {
    guard let value = range(key), value.kind == .array else { return nil }
    var ranges: [RawRange] = []
    do throws(JSONViolation) {
      _ = try scanner.array(in: text.span, at: value.start) { element in
        if ranges.count <= countMax { ranges.append(element) }
      }
    } catch {
      return nil
    }
    guard ranges.count <= countMax else { return nil }
    var strings: [String] = []
    for range in ranges {
      guard range.kind == .string, range.count <= 6 * bytesMax + 2 else { return nil }
      let content = scanner.unescaped(range, in: text.span)
      guard content.count <= bytesMax else { return nil }
      strings.append(String(decoding: content, as: UTF8.self))
    }
    return strings
  }

  /// A whole number that fits.
  public func integer(_ key: String) -> Int64? {
    range(key).flatMap { scanner.integer($0, in: text.span) }
  }

  /// Whether the member is `true`.
  public func isTrue(_ key: String) -> Bool { range(key)?.kind == .boolTrue }

  /// A value as it was written, but on one line.
  public func raw(_ key: String) -> [UInt8]? {
    guard let value = range(key) else { return nil }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(value.count)
    JSONWriter.appendValue(value, in: text.span, to: &bytes)
    return bytes
  }
}
