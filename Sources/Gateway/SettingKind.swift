// What a setting accepts. All sources go through the same check: text of the environment and of flags
// is first turned into the JSON value that a person would have written in the file.

import Auth
import Fetch
import RoostEventLoop
import RoostHTTP
import RoostJSON

/// The type and range of a setting.
public enum SettingKind: Sendable {
  /// A whole number in a range; `zero` says what 0 means where 0 is allowed besides.
  case integer(ClosedRange<Int>, zero: String?)
  /// A number of seconds in a range, to the millisecond; `zero` as above.
  case seconds(ClosedRange<Duration>, zero: String?)
  /// `true` or `false`.
  case boolean
  /// One of some words; `later` are words that are designed, each with why it is refused today.
  case word([String], later: [String: String])
  /// `HOST:PORT`, numeric.
  case address
  /// A node's name.
  case nodeName
  /// A list of origins.
  case origins
  /// A list of networks.
  case networks
  /// A list of keys, which no message shows.
  case secrets(bytesMin: Int)
  /// One key, which no message shows; empty: none.
  case secret
  /// The URL of a service; empty: none.
  case webURL
  /// A list of some of these words.
  case words([String])
  /// A list of objects with these keys, at most so many; what is written in them is never shown.
  case objects([SettingField], countMax: Int)
  /// URLs of Redis.
  case redisURLs
  /// What every key in Redis begins with.
  case redisPrefix
  /// The path of a file; empty: none.
  case path
  /// A text of at most so many bytes; empty: none.
  case text(bytesMax: Int)
  /// A list of at most so many texts, each of 1 to so many bytes.
  case texts(bytesMax: Int, countMax: Int)
  /// A setting that is designed and not built: every value is refused, with this sentence.
  case refused(String)

  /// Whether a value was accepted, or why not.
  enum Reading {
    case accepted(SettingValue)
    /// The reason continues a message that has named the setting.
    case rejected(String)
  }

  /// What is accepted, for messages and for the documentation.
  public var allowed: String {
    switch self {
    case .integer(let range, let zero):
      return Self.rangeText("\(range.lowerBound)", "\(range.upperBound)", zero: zero)
    case .seconds(let range, let zero):
      let bounds = [range.lowerBound, range.upperBound].map(SettingValue.secondsText)
      return Self.rangeText(bounds[0], bounds[1], zero: zero)
    case .boolean: return "true or false"
    case .word(let words, _):
      return words.count == 1 ? "\"\(words[0])\"" : "one of " + words.joined(separator: ", ")
    case .address: return "HOST:PORT with a numeric host, such as 0.0.0.0:8080 or [::1]:8080"
    case .nodeName: return "auto, or 1 to 64 letters, digits and . _ : -"
    case .origins: return "a list of origins such as https://app.example.com, https://*.example.com"
    case .networks: return "a list of networks such as 10.0.0.0/8, 2001:db8::/32"
    case .secrets(let bytesMin):
      return "a list of keys, each of \(bytesMin) to 512 visible ASCII characters without commas"
    case .secret: return "16 to 512 visible ASCII characters, or nothing"
    case .webURL: return "https://host[:port]/path or http://…, or nothing"
    case .words(let words): return "a list of " + words.joined(separator: ", ")
    case .objects(let fields, _):
      let keys = fields.map { $0.isRequired ? "\($0.key) (required)" : $0.key }
      return "a list of objects with the keys " + keys.joined(separator: ", ")
    case .redisURLs:
      return "redis://[user:password@]host[:port][/db], rediss://… or redis+unix:///path?db=0"
    case .redisPrefix: return "1 to 64 visible characters, none of { } * ? [ ] \\ %"
    case .path: return "the path of a file, or nothing"
    case .text(let bytesMax): return "a text of at most \(bytesMax) bytes, or nothing"
    case .texts(let bytesMax, let countMax):
      return "a list of at most \(countMax) texts, each of 1 to \(bytesMax) bytes"
    case .refused(let sentence): return sentence
    }
  }

  /// The JSON value that a text of the environment or of a flag stands for.
  func tree(ofText text: String) -> JSONTree {
    switch self {
    case .integer, .seconds:
      if let tree = try? JSONTree(parsing: Array(text.utf8), depthMax: 1, bytesMax: 64),
        case .number = tree
      {
        return tree
      }
    case .boolean:
      if text == "true" || text == "false" { return .bool(text == "true", offset: 0) }
    case .origins, .networks, .redisURLs, .secrets, .words, .texts:
      let parts = text.split(separator: ",").map { JSONTree.string(String($0), offset: 0) }
      return .array(parts, offset: 0)
    case .objects:
      // The one kind whose text is JSON as in the file: nothing simpler says a list of objects.
      if let tree = try? JSONTree(parsing: Array(text.utf8), depthMax: 4, bytesMax: 262_144) {
        return tree
      }
    case .word, .address, .nodeName, .redisPrefix, .path, .text, .secret, .webURL, .refused:
      break
    }
    return .string(text, offset: 0)
  }

  /// Checks a value.
  func read(_ tree: JSONTree) -> Reading {
    switch (self, tree) {
    case (.secrets, _):
      // Whatever it is, it may be a key that stands in the wrong place: nothing of it is shown.
      let texts = tree.elements?.compactMap(\.string)
      guard let texts, texts.count == tree.elements?.count else {
        return .rejected("this is not \(allowed)")
      }
      return check(.secrets(texts))
    case (.secret, _):
      guard case .string(let text, _) = tree else { return .rejected("this is not \(allowed)") }
      return check(.secret(text))
    case (.refused(let sentence), _):
      return .rejected(sentence)
    case (.objects(let fields, _), _):
      guard let elements = tree.elements else { return .rejected("this is not \(allowed)") }
      var objects: [SettingObject] = []
      for (place, element) in elements.enumerated() {
        do throws(SettingObjectProblem) {
          objects.append(try SettingObject.read(element, fields: fields))
        } catch {
          return .rejected("number \(place + 1) \(error.reason)")
        }
      }
      return check(.objects(objects))
    case (.integer, .number):
      guard let number = tree.integer.flatMap({ Int(exactly: $0) }) else { break }
      return check(.integer(number))
    case (.seconds, .number):
      // A tiny positive time must not become 0, which may mean "off".
      guard let number = tree.double, abs(number) < 1e12 else { break }
      let milliseconds = (number * 1000).rounded(.toNearestOrAwayFromZero)
      return check(
        .seconds(.milliseconds(number > 0 ? max(Int64(milliseconds), 1) : Int64(milliseconds))))
    case (.boolean, .bool(let value, _)):
      return .accepted(.boolean(value))
    case (.word, .string(let text, _)), (.address, .string(let text, _)),
      (.nodeName, .string(let text, _)), (.redisPrefix, .string(let text, _)),
      (.path, .string(let text, _)), (.webURL, .string(let text, _)),
      (.text, .string(let text, _)):
      return check(.text(text))
    case (.origins, .array(let elements, _)), (.networks, .array(let elements, _)),
      (.redisURLs, .array(let elements, _)), (.words, .array(let elements, _)),
      (.texts, .array(let elements, _)):
      var texts: [String] = []
      for element in elements {
        guard let text = element.string else {
          return .rejected("\(Self.shown(element)) in the list is not a string")
        }
        texts.append(text)
      }
      return check(.list(texts))
    default:
      break
    }
    return .rejected("\(Self.shown(tree)) is not \(typeName)\(demand)")
  }

  /// Checks the range of a value of the right type.
  func check(_ value: SettingValue) -> Reading {
    switch (self, value) {
    case (.integer(let range, let zero), .integer(let number)):
      if range.contains(number) || (number == 0 && zero != nil) { return .accepted(value) }
    case (.seconds(let range, let zero), .seconds(let time)):
      if range.contains(time) || (time == .zero && zero != nil) { return .accepted(value) }
    case (.word(let words, let later), .text(let word)):
      if words.contains(word) { return .accepted(value) }
      if let reason = later[word] { return .rejected(reason) }
      let suggestion = Suggestion.sentence(for: word, among: words)
      return .rejected("\(Self.shown(word)) is not \(demand)\(suggestion)")
    case (.address, .text(let text)):
      if SocketAddress(text: text) != nil { return .accepted(value) }
      return .rejected("\(Self.shown(text)) is not \(demand)")
    case (.nodeName, .text(let text)):
      let isName = text.utf8.allSatisfy { byte in
        (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
          || "._:-".utf8.contains(byte)
      }
      if isName, (1...64).contains(text.utf8.count) { return .accepted(value) }
      return .rejected("\(Self.shown(text)) is not \(demand)")
    case (.origins, .list(let texts)):
      for text in texts {
        if let problem = OriginPolicy.problem(with: text) {
          return .rejected("\(Self.shown(text)) \(problem)")
        }
      }
      return texts.count <= 1000 ? .accepted(value) : .rejected("more than 1000 origins")
    case (.networks, .list(let texts)):
      for text in texts {
        if let problem = AddressRange.problem(with: text) {
          return .rejected("\(Self.shown(text)) \(problem)")
        }
      }
      return texts.count <= 1000 ? .accepted(value) : .rejected("more than 1000 networks")
    case (.secrets(let bytesMin), .secrets(let texts)):
      for (place, text) in texts.enumerated()
      where !APIKeys.isKey(text) || text.utf8.count < bytesMin {
        return .rejected("number \(place + 1) is no key; this is \(allowed)")
      }
      return texts.count <= 100 ? .accepted(value) : .rejected("more than 100 keys")
    case (.objects(let fields, let countMax), .objects(let objects)):
      for (place, object) in objects.enumerated() {
        if let problem = object.problem(with: fields) {
          return .rejected("number \(place + 1) \(problem)")
        }
      }
      return objects.count <= countMax ? .accepted(value) : .rejected("more than \(countMax)")
    case (.secret, .secret(let text)):
      if text.isEmpty || APIKeys.isKey(text) { return .accepted(value) }
      return .rejected("this is not \(allowed)")
    case (.webURL, .text(let text)):
      guard !text.isEmpty else { return .accepted(value) }
      do throws(FetchProblem) {
        _ = try FetchURL(text)
        return .accepted(value)
      } catch {
        // Never shown: it may hold a password.
        return .rejected("the URL \(error)")
      }
    case (.words(let words), .list(let texts)):
      for (place, text) in texts.enumerated() {
        guard words.contains(text) else {
          let suggestion = Suggestion.sentence(for: text, among: words)
          let known = words.joined(separator: ", ")
          return .rejected("\(Self.shown(text)) is not one of \(known)\(suggestion)")
        }
        guard !texts[..<place].contains(text) else {
          return .rejected("\(Self.shown(text)) stands twice in the list")
        }
      }
      return .accepted(value)
    case (.redisURLs, .list(let texts)):
      for text in texts {
        // Never shown: it may hold a password.
        if let problem = RedisConfiguration.problem(withURL: text) { return .rejected(problem) }
      }
      if texts.count <= 1 { return .accepted(value) }
      return .rejected("more than one URL: this version does not spread rooms over several yet")
    case (.redisPrefix, .text(let text)):
      guard let problem = RedisConfiguration.problem(withPrefix: text) else {
        return .accepted(value)
      }
      return .rejected("\(Self.shown(text)): \(problem)")
    case (.path, .text(let text)):
      if text.utf8.count <= 4096, !text.utf8.contains(0) { return .accepted(value) }
      return .rejected("the path is longer than 4096 bytes, or has a NUL")
    case (.text(let bytesMax), .text(let text)):
      if text.utf8.count <= bytesMax { return .accepted(value) }
      return .rejected("\(Self.shown(text)) is longer than \(bytesMax) bytes")
    case (.texts(let bytesMax, let countMax), .list(let texts)):
      for text in texts where !(1...bytesMax).contains(text.utf8.count) {
        return .rejected("\(Self.shown(text)) is not 1 to \(bytesMax) bytes long")
      }
      return texts.count <= countMax ? .accepted(value) : .rejected("more than \(countMax)")
    case (.boolean, .boolean):
      return .accepted(value)
    default:
      break
    }
    return .rejected("\(value.json) is not \(demand)")
  }

  /// What stands before ``demand`` when something of another type was given.
  private var typeName: String {
    switch self {
    case .integer: "a whole number "
    case .seconds: "a number of seconds "
    default: ""
    }
  }

  private static func rangeText(_ lower: String, _ upper: String, zero: String?) -> String {
    "\(lower)...\(upper)" + (zero.map { ", or 0 (\($0))" } ?? "")
  }

  /// ``allowed`` as it goes on after "X is not ".
  private var demand: String {
    switch self {
    case .integer(let range, let zero):
      return "in \(range.lowerBound)...\(range.upperBound)" + (zero.map { ", nor 0 (\($0))" } ?? "")
    case .seconds(let range, let zero):
      let bounds = [range.lowerBound, range.upperBound].map(SettingValue.secondsText)
      return "in \(bounds[0])...\(bounds[1])" + (zero.map { ", nor 0 (\($0))" } ?? "")
    default: return allowed
    }
  }

  /// A value as messages show it: on one line, cut when it is long.
  static func shown(_ tree: JSONTree) -> String {
    switch tree {
    case .object: "an object"
    case .array: "a list"
    case .string(let text, _): shown(text)
    case .number(let raw, _): raw.utf8.count <= 40 ? raw : String(raw.prefix(40)) + "..."
    case .bool(let value, _): value ? "true" : "false"
    case .null: "null"
    }
  }

  /// A text as messages show it: quoted, cut when it is long.
  static func shown(_ text: String) -> String {
    let scalars = text.unicodeScalars
    guard scalars.count > 64 else { return SettingValue.quoted(text) }
    return SettingValue.quoted(String(String.UnicodeScalarView(scalars.prefix(64)))) + "..."
  }
}
