// What `roost version` says about this build.

/// The version and what it was built with.
enum BuildInformation {
  /// The version of Roost.
  static let version = "0.1.0"

  /// `roost 0.1.0 (swift 6.3.1, linux x86_64)`.
  static let line = "roost \(version) (swift \(compiler), linux \(architecture))"

  // SwiftPM defines the word in debug builds, and in no other.
  #if DEBUG
    /// Whether it was optimised.
    static let isRelease = false
  #else
    /// Whether it was optimised.
    static let isRelease = true
  #endif

  // The compiler does not tell its version other than by comparisons.
  #if compiler(>=6.4)
    private static let compiler = "6.4 or later"
  #elseif compiler(>=6.3.2)
    private static let compiler = "6.3"
  #elseif compiler(>=6.3.1)
    private static let compiler = "6.3.1"
  #elseif compiler(>=6.3)
    private static let compiler = "6.3"
  #else
    private static let compiler = "6.2"
  #endif

  #if arch(x86_64)
    private static let architecture = "x86_64"
  #elseif arch(arm64)
    private static let architecture = "aarch64"
  #else
    private static let architecture = "unknown"
  #endif
}
