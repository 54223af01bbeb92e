// Why keys for tokens are refused. The sentences end up in front of an operator and in the log, so
// that nothing of a key is in them.

public import RoostCrypto

/// Why a key or a whole set of keys cannot be used; numbers count keys from 1.
public enum KeyProblem: Error, Equatable, Sendable, CustomStringConvertible {
  /// The set has more bytes than that.
  case tooLarge(bytesMax: Int)
  /// The set is not JSON: why, at which byte.
  case notJSON(String, offset: Int)
  /// The text is JSON, but not an object with a list `keys` of objects (RFC 7517 5).
  case notASet
  /// The set has more keys than that.
  case tooMany(keysMax: Int)
  /// The name of a key is empty or longer than 255 bytes.
  case badName(number: Int)
  /// A private key stands where everybody may read it.
  case privateKey(number: Int)
  /// A secret stands in a set that everybody may read.
  case publishedSecret(number: Int)
  /// A secret is shorter than its algorithm's hash (RFC 7518 3.2).
  case weakSecret(number: Int, TokenAlgorithm, bytesMin: Int)
  /// A secret is longer than 1,024 bytes.
  case longSecret(number: Int)
  /// The key is not of the kind that its algorithm needs.
  case wrongKind(number: Int, TokenAlgorithm)
  /// The public key is none, or too weak.
  case publicKey(number: Int, PublicKeyProblem)
  /// An earlier key has the same name and algorithm.
  case duplicate(number: Int)

  /// A sentence without its full stop.
  public var description: String {
    switch self {
    case .tooLarge(let bytesMax): "the key set is longer than \(bytesMax) bytes"
    case .notJSON(let reason, let offset): "the key set is not JSON: \(reason) at byte \(offset)"
    case .notASet: "this is no key set, which is an object with a list `keys` of objects"
    case .tooMany(let keysMax): "the key set has more than \(keysMax) keys"
    case .badName(let number):
      "key \(number): a kid has 1 to \(TokenKeyMaterial.keyIDBytesMax) bytes"
    case .privateKey(let number):
      "key \(number) is a private key, which does not belong here: give the public one, and take "
        + "the private one for known to others"
    case .publishedSecret(let number):
      "key \(number) is a secret, which nobody must publish"
    case .weakSecret(let number, let algorithm, let bytesMin):
      "key \(number): a secret for \(algorithm.rawValue) has at least \(bytesMin) bytes"
    case .longSecret(let number):
      "key \(number): a secret has at most \(TokenKeyMaterial.secretBytesMax) bytes"
    case .wrongKind(let number, let algorithm):
      "key \(number) is not of the kind that \(algorithm.rawValue) needs"
    case .publicKey(let number, let problem): "key \(number): \(problem)"
    case .duplicate(let number):
      "key \(number) has the kid and alg of an earlier one"
    }
  }
}
