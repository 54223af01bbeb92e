// A parsed reply of Redis: a row of tokens and one buffer of bytes instead of a tree of objects, so
// that reading the next reply into the same value allocates nothing.

import RoostCHiredis

/// A reply of Redis (RESP2), flat and in preorder: token 0 is the reply itself.
///
/// A value to be read into again and again; it holds one reply at a time. One thread at a time.
public struct RedisReply: Sendable {
  /// What a token is.
  public enum Kind: UInt8, Sendable {
    /// A short text such as `OK`.
    case status
    /// An error's text; its first word is its code.
    case error
    /// A number.
    case integer
    /// A string of bytes.
    case bulk
    /// Nothing: a string or an array that is not there.
    case null
    /// A row of replies, its elements.
    case array
  }

  /// The bytes of all strings, one behind the other; `range` tells whose is which.
  public private(set) var storage: [UInt8] = []
  private var tokens: [roost_reply_token] = []

  /// A value without a reply.
  public init() {}

  /// Tokens of the reply; 0 before the first one was read.
  public var count: Int { tokens.count }

  /// What a token is; one that is not there is `null`, so that a reply of another shape than was
  /// expected is read as nothing.
  public func kind(_ token: Int) -> Kind {
    guard tokens.indices.contains(token) else { return .null }
    guard let kind = Kind(rawValue: tokens[token].kind) else {
      preconditionFailure("token \(token) is of kind \(tokens[token].kind)")
    }
    return kind
  }

  /// The number of an integer, or an array's count of elements; 0 for everything else.
  public func integer(_ token: Int) -> Int64 {
    tokens.indices.contains(token) ? tokens[token].number : 0
  }

  /// An array's count of elements; 0 for everything else.
  public func elementCount(_ token: Int) -> Int {
    guard tokens.indices.contains(token) else { return 0 }
    let token = tokens[token]
    return token.kind == Kind.array.rawValue ? Int(token.number) : 0
  }

  /// The token of an array's element by its position, from 0; nil when the array has no such one.
  ///
  /// Constant for arrays without arrays in them, linear in `index` for others.
  public func child(_ index: Int, of token: Int) -> Int? {
    let elements = elementCount(token)
    guard index >= 0, index < elements else { return nil }
    if Int(tokens[token].end) == token + 1 + elements { return token + 1 + index }
    var child = token + 1
    for _ in 0..<index { child = next(after: child) }
    return child
  }

  /// The token behind a token and everything in it; `count` behind the last one.
  public func next(after token: Int) -> Int {
    tokens[token].kind == Kind.array.rawValue ? Int(tokens[token].end) : token + 1
  }

  /// Where the bytes of a status, error or string lie in `storage`; empty for everything else.
  public func range(_ token: Int) -> Range<Int> {
    switch kind(token) {
    case .status, .error, .bulk: Int(tokens[token].offset)..<Int(tokens[token].end)
    case .integer, .null, .array: 0..<0
    }
  }

  // MARK: Reading into it

  /// Takes over the reply that the reader has; memory that only a long one needed is given back.
  mutating func take(
    _ newTokens: UnsafeBufferPointer<roost_reply_token>, _ bytes: UnsafeRawBufferPointer
  ) {
    let keepsTokens = tokens.capacity <= 16_384 || newTokens.count > tokens.capacity / 8
    tokens.removeAll(keepingCapacity: keepsTokens)
    tokens.append(contentsOf: newTokens)
    let keepsStorage = storage.capacity <= 262_144 || bytes.count > storage.capacity / 8
    storage.removeAll(keepingCapacity: keepsStorage)
    storage.append(contentsOf: bytes)
  }
}

extension RedisReply {
  /// A copy of a token's bytes.
  public func array(_ token: Int) -> [UInt8] { Array(storage[range(token)]) }

  /// A token's bytes as text; what is not UTF-8 is replaced.
  public func string(_ token: Int) -> String {
    String(decoding: storage[range(token)], as: UTF8.self)
  }

  /// The number that a string, a status or an integer is.
  ///
  /// Nil for what is no decimal number of 0...2^64-1: a sign, white space, no digit at all.
  public func decimal(_ token: Int) -> UInt64? {
    if kind(token) == .integer { return UInt64(exactly: integer(token)) }
    let range = range(token)
    guard !range.isEmpty else { return nil }
    var value: UInt64 = 0
    for index in range {
      let digit = storage[index] &- UInt8(ascii: "0")
      guard digit <= 9 else { return nil }
      let (product, isOver) = value.multipliedReportingOverflow(by: 10)
      let (sum, carries) = product.addingReportingOverflow(UInt64(digit))
      guard !isOver, !carries else { return nil }
      value = sum
    }
    return value
  }

  /// Whether a status, error or string consists of exactly these bytes.
  public func equals(_ token: Int, _ text: StaticString) -> Bool {
    switch kind(token) {
    case .status, .error, .bulk: break
    case .integer, .null, .array: return false
    }
    let range = range(token)
    return text.withUTF8Buffer { expected in
      guard expected.count == range.count else { return false }
      for (offset, byte) in expected.enumerated() where storage[range.lowerBound + offset] != byte {
        return false
      }
      return true
    }
  }

  /// Whether the reply, or an element of it, is an error.
  public func isError(_ token: Int = 0) -> Bool { kind(token) == .error }

  /// The code of the error that the reply is, such as `NOSCRIPT`; nil when it is none.
  public var errorCode: String? { errorCode(0) }

  /// The first word of an error; nil for everything else.
  public func errorCode(_ token: Int) -> String? {
    guard kind(token) == .error else { return nil }
    let bytes = storage[range(token)]
    return String(decoding: bytes.prefix { $0 != UInt8(ascii: " ") }, as: UTF8.self)
  }
}

extension RedisReply {
  /// A token's bytes in place; to be let go before the next reply is read.
  func bytes(_ token: Int) -> ArraySlice<UInt8> { storage[range(token)] }
}
