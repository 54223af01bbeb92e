// What a log line is made of, apart from its time.

/// How much an event matters; a log leaves out what lies below its own level.
public enum LogLevel: String, CaseIterable, Sendable, Comparable {
  /// For whoever looks for a fault; off in production.
  case debug
  /// A step in the life of the node.
  case info
  /// Something went wrong and was dealt with.
  case warning
  /// Something went wrong and a person should look.
  case error

  private var rank: Int {
    switch self {
    case .debug: 0
    case .info: 1
    case .warning: 2
    case .error: 3
    }
  }

  /// Orders levels from `debug` up to `error`.
  public static func < (left: LogLevel, right: LogLevel) -> Bool { left.rank < right.rank }
}

/// How a log line is written.
public enum LogFormat: String, CaseIterable, Sendable {
  /// For people: `time level  event  message  key=value`.
  case text
  /// For machines: one JSON object a line.
  case json
}

/// One named value of a log line.
public struct LogField: Equatable, Sendable {
  /// A value in one of the kinds that JSON knows.
  public enum Value: Equatable, Sendable {
    /// Any text; it is escaped, and cut when it is long.
    case string(String)
    /// A whole number.
    case integer(Int64)
    /// A real number; JSON has no NaN and no infinity, there they become `null`.
    case double(Double)
    /// True or false.
    case boolean(Bool)
  }

  /// The name, in snake_case; never `time`, `level`, `event`, `message`, which each line has.
  public let key: String
  /// The value.
  public let value: Value

  /// Names a value; the key is written in the source, never made of input.
  public init(_ key: StaticString, _ value: Value) {
    self.key = key.description
    self.value = value
  }

  /// Names a text.
  public init(_ key: StaticString, _ value: String) {
    self.init(key, .string(value))
  }

  /// Names a whole number; beyond 64 bits with sign it becomes the nearest.
  public init(_ key: StaticString, _ value: some FixedWidthInteger) {
    self.init(key, .integer(Int64(clamping: value)))
  }

  /// Names a real number.
  public init(_ key: StaticString, _ value: Double) {
    self.init(key, .double(value))
  }

  /// Names a truth value.
  public init(_ key: StaticString, _ value: Bool) {
    self.init(key, .boolean(value))
  }
}
