// One row of the table of settings. The table is the only list there is: the file, the environment,
// the flags, `check-config --defaults`, the help texts and the documentation's tests all read it.

import RoostEventLoop
import RoostRooms

/// One setting: where it stands, what it accepts, what it is for, and how to reach its value.
public struct Setting: Sendable {
  /// How a value is read from and written to its place.
  enum Access: Sendable {
    /// A value of the node.
    case node(SettingAccess<Configuration>)
    /// A value of a namespace's rules.
    case namespace(SettingAccess<RoomPolicy>)
    /// There is no place yet: the setting is refused.
    case nowhere
  }

  /// The keys from the file's top down, joined by dots; `*` stands for a namespace's name.
  public let path: String
  /// What it accepts.
  public let kind: SettingKind
  /// One line of documentation, a sentence.
  public let summary: String
  let access: Access

  /// All settings, in the order in which they are printed; those of one object stand together.
  public static let all =
    node + auth + proxies + tls + outbound + limits + namespace + refused

  private static let byPath = Dictionary(all.map { ($0.path, $0) }, uniquingKeysWith: { $1 })

  /// The setting with a path, `*` standing for the namespace.
  public static func at(_ path: String) -> Setting? { byPath[path] }

  /// The environment's name for it; `*` stays where the namespace's name goes.
  public var environmentName: String {
    "ROOST_"
      + path.split(separator: ".").map { $0.uppercased() }.joined(separator: "__")
  }

  /// Whether this version has it; if not, every value is refused with a sentence.
  public var isBuilt: Bool {
    if case .refused = kind { false } else { true }
  }

  /// The default as JSON; for a namespace's setting, that of a namespace configured with `{}`.
  public var defaultText: String? {
    switch access {
    case .node(let access): access.read(Configuration()).json
    case .namespace(let access): access.read(RoomPolicy()).json
    case .nowhere: nil
    }
  }

  static func node(
    _ path: String, _ kind: SettingKind, _ access: SettingAccess<Configuration>, _ summary: String
  ) -> Setting {
    Setting(path: path, kind: kind, summary: summary, access: .node(access))
  }

  static func namespace(
    _ path: String, _ kind: SettingKind, _ access: SettingAccess<RoomPolicy>, _ summary: String
  ) -> Setting {
    Setting(path: "namespaces.*." + path, kind: kind, summary: summary, access: .namespace(access))
  }

  static func refused(_ path: String, _ sentence: String) -> Setting {
    Setting(
      path: path, kind: .refused(sentence), summary: "Not in this version.",
      access: .nowhere)
  }
}

/// Reads a setting's value from its place and writes one that its kind has accepted.
struct SettingAccess<Root>: Sendable {
  let read: @Sendable (Root) -> SettingValue
  let write: @Sendable (inout Root, SettingValue) -> Void

  static func integer(_ place: any WritableKeyPath<Root, Int> & Sendable) -> Self {
    Self(
      read: { .integer($0[keyPath: place]) },
      write: {
        guard case .integer(let number) = $1 else { preconditionFailure("no integer: \($1)") }
        $0[keyPath: place] = number
      })
  }

  static func seconds(_ place: any WritableKeyPath<Root, Duration> & Sendable) -> Self {
    Self(
      read: { .seconds($0[keyPath: place]) },
      write: {
        guard case .seconds(let time) = $1 else { preconditionFailure("no time: \($1)") }
        $0[keyPath: place] = time
      })
  }

  static func boolean(_ place: any WritableKeyPath<Root, Bool> & Sendable) -> Self {
    Self(
      read: { .boolean($0[keyPath: place]) },
      write: {
        guard case .boolean(let value) = $1 else { preconditionFailure("no boolean: \($1)") }
        $0[keyPath: place] = value
      })
  }

  static func list(_ place: any WritableKeyPath<Root, [String]> & Sendable) -> Self {
    Self(
      read: { .list($0[keyPath: place]) },
      write: {
        guard case .list(let texts) = $1 else { preconditionFailure("no list: \($1)") }
        $0[keyPath: place] = texts
      })
  }

  static func secrets(_ place: any WritableKeyPath<Root, [String]> & Sendable) -> Self {
    Self(
      read: { .secrets($0[keyPath: place]) },
      write: {
        guard case .secrets(let texts) = $1 else { preconditionFailure("no list of secrets") }
        $0[keyPath: place] = texts
      })
  }

  static func path(_ place: any WritableKeyPath<Root, String> & Sendable) -> Self {
    text(place, show: { $0 }, parse: { $0 })
  }

  static func objects(_ place: any WritableKeyPath<Root, [SettingObject]> & Sendable) -> Self {
    Self(
      read: { .objects($0[keyPath: place]) },
      write: {
        guard case .objects(let objects) = $1 else { preconditionFailure("no list of objects") }
        $0[keyPath: place] = objects
      })
  }

  static func secret(_ place: any WritableKeyPath<Root, String> & Sendable) -> Self {
    Self(
      read: { .secret($0[keyPath: place]) },
      write: {
        guard case .secret(let text) = $1 else { preconditionFailure("no secret") }
        $0[keyPath: place] = text
      })
  }

  static func word<Word: RawRepresentable<String> & SendableMetatype>(
    _ place: any WritableKeyPath<Root, Word> & Sendable
  ) -> Self {
    text(place, show: \.rawValue) { Word(rawValue: $0) }
  }

  static func address(_ place: any WritableKeyPath<Root, SocketAddress> & Sendable) -> Self {
    text(place, show: \.description) { SocketAddress(text: $0) }
  }

  /// A text that stands for a value of another type; `parse` gives nil only for what the setting's
  /// kind refuses.
  static func text<Value>(
    _ place: any WritableKeyPath<Root, Value> & Sendable,
    show: @escaping @Sendable (Value) -> String,
    parse: @escaping @Sendable (String) -> Value?
  ) -> Self {
    Self(
      read: { .text(show($0[keyPath: place])) },
      write: {
        guard case .text(let text) = $1, let value = parse(text) else {
          preconditionFailure("no text for this setting: \($1)")
        }
        $0[keyPath: place] = value
      })
  }

  /// The same value, reached from a level further up.
  func within<Outer>(
    _ member: any WritableKeyPath<Outer, Root> & Sendable
  ) -> SettingAccess<Outer> {
    SettingAccess<Outer>(
      read: { read($0[keyPath: member]) }, write: { write(&$0[keyPath: member], $1) })
  }
}
