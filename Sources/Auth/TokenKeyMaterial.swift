// One key for tokens as a value: what it is made of, the one algorithm that it is for (RFC 8725 3.1),
// and the name by which tokens ask for it.

public import RoostCrypto

/// A key for verifying tokens, before a thread has made its own working key of it.
///
/// Any thread; a value. Its description says nothing of its bytes.
public struct TokenKeyMaterial: Sendable, Equatable, CustomStringConvertible {
  /// What a key is made of.
  public enum Material: Sendable, Equatable {
    /// The secret that makes and checks codes.
    case secret([UInt8])
    /// The public half of a pair.
    case publicKey(PublicKeyMaterial)
  }

  /// The longest name of a key.
  public static let keyIDBytesMax = 255
  /// The longest secret.
  public static let secretBytesMax = 1024

  /// The name by which tokens ask for this key; nil when it has none.
  public let keyID: String?
  /// The one algorithm that tokens of this key have.
  public let algorithm: TokenAlgorithm
  let material: Material

  /// Puts a key together; ``KeySet`` checks it.
  public init(keyID: String?, algorithm: TokenAlgorithm, material: Material) {
    self.keyID = keyID
    self.algorithm = algorithm
    self.material = material
  }

  /// Algorithm and name.
  public var description: String { "\(algorithm.rawValue) \(keyID ?? "without a name")" }

  /// Checks that the key is strong and fits its algorithm; `number` is its place, from 1 on.
  func check(number: Int) throws(KeyProblem) {
    if let keyID, !(1...Self.keyIDBytesMax).contains(keyID.utf8.count) {
      throw .badName(number: number)
    }
    switch material {
    case .secret(let bytes):
      guard let bytesMin = algorithm.secretBytesMin else {
        throw .wrongKind(number: number, algorithm)
      }
      guard bytes.count >= bytesMin else {
        throw .weakSecret(number: number, algorithm, bytesMin: bytesMin)
      }
      guard bytes.count <= Self.secretBytesMax else { throw .longSecret(number: number) }
    case .publicKey(let material):
      guard let signature = algorithm.signature else {
        throw .wrongKind(number: number, algorithm)
      }
      let kind: PublicKeyKind
      do throws(PublicKeyProblem) {
        kind = try VerificationKey(material).kind
      } catch {
        throw .publicKey(number: number, error)
      }
      guard kind == signature.keyKind else { throw .wrongKind(number: number, algorithm) }
    }
  }
}
