// Where the commands about tokens have their keys from: a file of one's own, a file with a secret, or a
// node's configuration.

import Auth
import Gateway
import RoostCrypto
import RoostEventLoop

/// Keys of the commands `token make` and `token inspect`.
enum TokenKeys {
  /// What signs: the first key that can, of the name and the algorithm that are asked for.
  static func signer(
    _ invocation: Invocation, configuration: Configuration?
  ) throws(CommandMistake) -> TokenSigner {
    let algorithm = try algorithm(invocation)
    let keyID = invocation.value(of: "--kid")
    if let path = invocation.value(of: "--secret-file") {
      let material = TokenKeyMaterial(
        keyID: keyID, algorithm: algorithm ?? .hs256, material: .secret(try secret(path)))
      return try named(path) { () throws(SigningProblem) in try TokenSigner(material) }
    }
    if let path = invocation.value(of: "--key") {
      return try signer(of: try owned(path), path, keyID: keyID, algorithm: algorithm)
    }
    guard let configuration else {
      throw CommandMistake("a key is missing: give --key, --secret-file or --config")
    }
    for material in try keys(of: configuration).keys {
      if let keyID, material.keyID != keyID { continue }
      if let algorithm, material.algorithm != algorithm { continue }
      if let signer = try? TokenSigner(material) { return signer }
    }
    throw CommandMistake(
      "the configuration has no such key that signs; of public keys it knows the half that "
        + "verifies: give the private one with --key")
  }

  private static func signer(
    of keys: [OwnedKey], _ path: String, keyID: String?, algorithm: TokenAlgorithm?
  ) throws(CommandMistake) -> TokenSigner {
    let chosen = keys.first { key in
      if case .publicKey = key.material { return false }
      // A key without a name gets the one that is asked for, where it is alone.
      let hasName = keyID == nil || key.keyID == keyID || (key.keyID == nil && keys.count == 1)
      return hasName && (algorithm == nil || key.algorithm == nil || key.algorithm == algorithm)
    }
    guard let chosen else {
      let isPublic = keys.allSatisfy { if case .publicKey = $0.material { true } else { false } }
      throw CommandMistake(
        isPublic
          ? "\(path): \(PrivateKeyProblem.isPublic)"
          : "\(path) has no key that signs with this --kid and --alg")
    }
    let name = chosen.keyID ?? keyID
    return try named(path) { () throws(SigningProblem) in
      switch chosen.material {
      case .secret(let secret):
        try TokenSigner(
          TokenKeyMaterial(
            keyID: name, algorithm: chosen.algorithm ?? algorithm ?? .hs256,
            material: .secret(secret)))
      case .pair(let material):
        try TokenSigner(material, keyID: name, algorithm: chosen.algorithm ?? algorithm)
      case .publicKey: throw .key(.isPublic)
      }
    }
  }

  /// What verifies: the keys of the file that is named, or those of the configuration.
  ///
  /// - Parameter shown: the algorithm of the token, for keys that do not say theirs.
  static func verifying(
    _ invocation: Invocation, configuration: Configuration?, shown: TokenAlgorithm?
  ) throws(CommandMistake) -> KeySet {
    let algorithm = try algorithm(invocation)
    let path: String
    let owned: [OwnedKey]
    if let file = invocation.value(of: "--secret-file") {
      path = file
      owned = [OwnedKey(keyID: nil, algorithm: nil, material: .secret(try secret(file)))]
    } else if let file = invocation.value(of: "--key") {
      path = file
      owned = try Self.owned(file)
    } else if let configuration {
      return try keys(of: configuration)
    } else {
      return .empty
    }
    var keys: [TokenKeyMaterial] = []
    for key in owned { keys.append(try verifying(key, path, algorithm, shown)) }
    do throws(KeyProblem) {
      return try KeySet(keys)
    } catch {
      throw CommandMistake("\(path): \(error)")
    }
  }

  private static func verifying(
    _ key: OwnedKey, _ path: String, _ algorithm: TokenAlgorithm?, _ shown: TokenAlgorithm?
  ) throws(CommandMistake) -> TokenKeyMaterial {
    let named = key.algorithm ?? algorithm
    func material(
      _ kind: PublicKeyKind, _ half: PublicKeyMaterial
    ) -> TokenKeyMaterial {
      let fitting = shown?.signature?.keyKind == kind ? shown : nil
      return TokenKeyMaterial(
        keyID: key.keyID, algorithm: named ?? fitting ?? TokenAlgorithm(for: kind),
        material: .publicKey(half))
    }
    switch key.material {
    case .secret(let secret):
      let fitting = shown?.secretBytesMin == nil ? nil : shown
      return TokenKeyMaterial(
        keyID: key.keyID, algorithm: named ?? fitting ?? .hs256, material: .secret(secret))
    case .publicKey(let half):
      do throws(PublicKeyProblem) {
        return material(try VerificationKey(half).kind, half)
      } catch {
        throw CommandMistake("\(path): \(error)")
      }
    case .pair(let pair):
      do throws(PrivateKeyProblem) {
        let key = try SigningKey(pair)
        return material(key.kind, key.publicHalf)
      } catch {
        throw CommandMistake("\(path): \(error)")
      }
    }
  }

  /// The algorithm of `--alg`.
  static func algorithm(_ invocation: Invocation) throws(CommandMistake) -> TokenAlgorithm? {
    guard let text = invocation.value(of: "--alg") else { return nil }
    guard let algorithm = TokenAlgorithm(name: text) else {
      let names = TokenAlgorithm.allCases.map(\.rawValue)
      throw CommandMistake(
        "--alg \(text) is none of \(names.joined(separator: ", "))"
          + Suggestion.sentence(for: text, among: names))
    }
    return algorithm
  }

  private static func keys(of configuration: Configuration) throws(CommandMistake) -> KeySet {
    do throws(ConfigurationProblem) {
      return try configuration.tokenKeys()
    } catch {
      throw CommandMistake("\(error)")
    }
  }

  private static func owned(_ path: String) throws(CommandMistake) -> [OwnedKey] {
    let text = try content(path)
    do throws(KeyFileProblem) {
      return try SigningKeySet.parse(text)
    } catch {
      throw CommandMistake("\(path): \(error)")
    }
  }

  /// A secret in a file of its own; the line's end that editors put behind it does not belong to it.
  private static func secret(_ path: String) throws(CommandMistake) -> [UInt8] {
    var bytes = try content(path)
    if bytes.last == UInt8(ascii: "\n") {
      bytes.removeLast()
      if bytes.last == UInt8(ascii: "\r") { bytes.removeLast() }
    }
    return bytes
  }

  private static func content(_ path: String) throws(CommandMistake) -> [UInt8] {
    switch ProcessEnvironment.contents(of: path) {
    case .success(let bytes): return bytes
    case .failure(let failure): throw CommandMistake("\(path) cannot be read: \(failure)")
    }
  }

  private static func named(
    _ path: String, _ body: () throws(SigningProblem) -> TokenSigner
  ) throws(CommandMistake) -> TokenSigner {
    do throws(SigningProblem) {
      return try body()
    } catch {
      throw CommandMistake("\(path): \(error)")
    }
  }
}
