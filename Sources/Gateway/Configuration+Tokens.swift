// Tokens of clients: their settings, and the keys that the settings name. Keys stand in the file
// itself or in files of their own, which are read when a node starts and when it reloads.

public import Auth
import Glibc
import RoostCrypto
import RoostEventLoop

extension Configuration.Auth {
  /// Tokens of clients (RFC 7519).
  public struct Tokens: Sendable, Equatable {
    /// Keys, as the configuration writes them.
    public var keys: [SettingObject] = []
    /// A JWK set with further keys; empty: none.
    public var jwksFile = ""
    /// Where a JWK set with further keys is fetched; empty: nowhere.
    public var jwksURL = ""
    /// Authorities that may have signed that service's certificate; empty: those of the system.
    public var jwksCAFile = ""
    /// The longest time between two fetches.
    public var jwksRefresh = Duration.seconds(300)
    /// What `iss` must be; empty: anything.
    public var issuer = ""
    /// Of which `aud` must hold one.
    public var audience: [String] = []
    /// By how much the issuer's clock may differ.
    public var leeway = Duration.seconds(30)
    /// How long a token may live.
    public var lifetimeMax = Duration.seconds(604_800)
    /// The cookie that may hold a token; empty: none.
    public var cookie = ""
    /// Whether a token may stand in the query.
    public var query = true

    /// The keys of an object in ``keys``.
    public static let keyFields = [
      SettingField("kid", .text(bytesMax: TokenKeyMaterial.keyIDBytesMax)),
      SettingField(
        "alg", .word(TokenAlgorithm.allCases.map(\.rawValue)), isRequired: true),
      SettingField("secret", .secret(bytesMax: TokenKeyMaterial.secretBytesMax)),
      SettingField("secret_base64", .secret(bytesMax: TokenKeyMaterial.secretBytesMax * 4 / 3 + 4)),
      SettingField("public_key", .text(bytesMax: 16_384)),
      SettingField("public_key_file", .path),
    ]

    /// Whether tokens are accepted at all: keys are named, or where they come from.
    public var isOn: Bool { !keys.isEmpty || !jwksFile.isEmpty || !jwksURL.isEmpty }

    /// What a token must say.
    public var rules: TokenRules {
      TokenRules(
        issuer: issuer.isEmpty ? nil : issuer, audiences: audience,
        leeway: leeway.components.seconds, lifetimeMax: max(lifetimeMax.components.seconds, 1),
        bytesMax: Bounds.tokenBytesMax)
    }
  }
}

extension Configuration {
  /// What is wrong about tokens, as far as it can be said without reading a file.
  func tokenProblems() -> [ConfigurationProblem] {
    var problems: [ConfigurationProblem] = []
    let tokens = auth.tokens
    if auth.inBand, !tokens.isOn {
      problems.append(
        ConfigurationProblem("auth.in_band", "true needs keys of tokens in auth.tokens"))
    }
    if !tokens.cookie.utf8.allSatisfy(Self.isCookieCharacter) {
      problems.append(
        ConfigurationProblem(
          "auth.tokens.cookie", "\(SettingKind.shown(tokens.cookie)) is no name of a cookie"))
    }
    do throws(ConfigurationProblem) {
      _ = try configuredKeys(readsFiles: false)
    } catch {
      problems.append(error)
    }
    return problems
  }

  /// § RFC 6265 4.1.1: the name of a cookie is a token of HTTP.
  private static func isCookieCharacter(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"):
      true
    default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
    }
  }

  /// All keys of tokens that the configuration and the files that it names hold.
  ///
  /// Reads files. Any thread.
  ///
  /// - Throws: the first thing that is wrong with a key or a file; nothing of a secret is in it.
  public func tokenKeys() throws(ConfigurationProblem) -> KeySet {
    let keys = try configuredKeys(readsFiles: true)
    let path = auth.tokens.jwksFile
    guard !path.isEmpty else { return keys }
    let text = try Self.contents(of: path, setting: "auth.tokens.jwks_file")
    let set: KeySet
    do throws(KeyProblem) {
      set = try KeySet.parse(jwks: text, allowsSecrets: true)
    } catch {
      throw ConfigurationProblem("auth.tokens.jwks_file", "\(path): \(error)")
    }
    if set.isEmpty {
      let reason = set.skipped.first.map { "; number \($0.number): \($0.reason)" } ?? ""
      throw ConfigurationProblem(
        "auth.tokens.jwks_file", "\(path) holds no key that can be used\(reason)")
    }
    return keys.adding(set)
  }

  private func configuredKeys(readsFiles: Bool) throws(ConfigurationProblem) -> KeySet {
    let setting = "auth.tokens.keys"
    var keys: [TokenKeyMaterial] = []
    for (place, object) in auth.tokens.keys.enumerated() {
      if !readsFiles, object["public_key_file"] != nil { continue }
      do throws(ConfigurationProblem) {
        if let key = try Self.key(of: object) { keys.append(key) }
      } catch {
        throw ConfigurationProblem(setting, "key \(place + 1) \(error.reason)")
      }
    }
    do throws(KeyProblem) {
      return try KeySet(keys)
    } catch {
      throw ConfigurationProblem(setting, error.description)
    }
  }

  private static func key(
    of object: SettingObject
  ) throws(ConfigurationProblem) -> TokenKeyMaterial? {
    let sources = ["secret", "secret_base64", "public_key", "public_key_file"]
    let given = sources.filter { object[$0] != nil }
    guard let source = given.first, given.count == 1, let text = object[source] else {
      throw ConfigurationProblem(
        "", "needs exactly one of \(sources.joined(separator: ", "))")
    }
    guard let algorithm = object["alg"].flatMap(TokenAlgorithm.init(name:)) else {
      throw ConfigurationProblem("", "has no alg that is known")
    }
    let material: TokenKeyMaterial.Material
    switch source {
    case "secret": material = .secret(Array(text.utf8))
    case "secret_base64":
      guard let bytes = Base64.decode(text.utf8.span) ?? Base64.decodeURL(text.utf8.span) else {
        throw ConfigurationProblem("", "has a secret_base64 that is not base64")
      }
      material = .secret(bytes)
    case "public_key": material = .publicKey(.pem(Array(text.utf8)))
    default: material = .publicKey(.pem(try contents(of: text, setting: "")))
    }
    return TokenKeyMaterial(keyID: object["kid"], algorithm: algorithm, material: material)
  }

  /// The bytes of a small file.
  static func contents(
    of path: String, setting: String
  ) throws(ConfigurationProblem) -> [UInt8] {
    let number = open(path, O_RDONLY | O_CLOEXEC)
    guard number >= 0 else {
      throw ConfigurationProblem(setting, "\(path) cannot be read: \(Errno(code: errno))")
    }
    let descriptor = Descriptor(taking: number)
    var bytes: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 65_536)
    while bytes.count <= KeySet.bytesMax {
      let count = read(descriptor.number, &piece, piece.count)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else {
        throw ConfigurationProblem(setting, "\(path) cannot be read: \(Errno(code: errno))")
      }
      guard count > 0 else { return bytes }
      bytes += piece.prefix(count)
    }
    throw ConfigurationProblem(setting, "\(path) is longer than \(KeySet.bytesMax) bytes")
  }
}
