// What is wrong with a configuration, said so that a person finds the place without searching.

/// One thing that is wrong with a configuration.
public struct ConfigurationProblem: Error, Sendable, Equatable, CustomStringConvertible {
  /// Where a value came from.
  public enum Place: Sendable, Equatable, CustomStringConvertible {
    /// A place in the configuration file; line and column count from 1.
    case file(String, line: Int, column: Int)
    /// A variable of the environment.
    case environment(String)
    /// A flag, with its dashes.
    case flag(String)

    /// `config.json:12:7`, `ROOST_LISTEN` or `--listen`.
    public var description: String {
      switch self {
      case .file(let name, let line, let column): "\(name):\(line):\(column)"
      case .environment(let variable): variable
      case .flag(let flag): flag
      }
    }
  }

  /// Where the value stands; nil when it is a default, or was set in code.
  public var place: Place?
  /// The setting; empty when the problem is none of a single setting.
  public let path: String
  /// What is wrong and what to do, continuing "`path`: ".
  public let reason: String

  /// A problem of a setting, wherever its value came from.
  public init(_ path: String, _ reason: String, at place: Place? = nil) {
    self.path = path
    self.reason = reason
    self.place = place
  }

  /// `config.json:12:7: limits.message_bytes: 70000000 is not in 125...33554432`.
  public var description: String {
    var parts: [String] = []
    if let place { parts.append(place.description) }
    // Variables and flags name their setting already.
    if case .file? = place, !path.isEmpty { parts.append(path) }
    if place == nil, !path.isEmpty { parts.append(path) }
    return (parts + [reason]).joined(separator: ": ")
  }
}
