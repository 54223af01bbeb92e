// Idempotency keys: what was published under a key within the window is not published again.

import RoostCrypto
import RoostRooms

/// The SHA-256 of something, as a value without memory of its own.
struct Fingerprint: Hashable, Sendable {
  private let words: InlineArray<4, UInt64>

  /// Hashes the parts, each preceded by its length, so that no two rows of parts look alike.
  init(_ parts: [[UInt8]]) {
    var text: [UInt8] = []
    for part in parts {
      var length = UInt64(part.count)
      for _ in 0..<8 {
        text.append(UInt8(truncatingIfNeeded: length))
        length >>= 8
      }
      text.append(contentsOf: part)
    }
    let digest = Digest.sha256(text.span)
    precondition(digest.count == 32)
    words = InlineArray { word in
      (0..<8).reduce(0) { $0 << 8 | UInt64(digest[word * 8 + $1]) }
    }
  }

  static func == (left: Fingerprint, right: Fingerprint) -> Bool {
    (0..<4).allSatisfy { left.words[$0] == right.words[$0] }
  }

  func hash(into hasher: inout Hasher) {
    hasher.combine(words[0])
    hasher.combine(words[1])
  }
}

/// What a key was used for.
enum KeyOutcome: Equatable {
  /// Never, within the window.
  case unused
  /// For the same data: this was the result.
  case repeated(Position?)
  /// For other data.
  case conflict
}

/// The keys of the last minutes, over all rooms of a shard.
///
/// Pure.
struct KeyWindow: Sendable {
  private struct Use: Sendable {
    let data: Fingerprint
    let position: Position?
    let expires: Duration
  }

  private let window: Duration
  private let keysMax: Int
  private var uses: [Fingerprint: Use] = [:]
  // All keys live equally long, so the order of coming is the order of going.
  private var order: [(key: Fingerprint, expires: Duration)] = []
  private var head = 0

  /// Keys remembered.
  var count: Int { uses.count }

  /// Whether another key fits.
  var hasRoom: Bool { uses.count < keysMax }

  init(window: Duration, keysMax: Int) {
    self.window = window
    self.keysMax = keysMax
  }

  /// What stands under a key.
  func outcome(of key: Fingerprint, data: Fingerprint, now: Duration) -> KeyOutcome {
    guard let use = uses[key], use.expires > now else { return .unused }
    return use.data == data ? .repeated(use.position) : .conflict
  }

  /// Remembers the result of a publish under a key.
  mutating func remember(
    _ key: Fingerprint, data: Fingerprint, position: Position?, now: Duration
  ) {
    let expires = now + window
    uses[key] = Use(data: data, position: position, expires: expires)
    order.append((key, expires))
  }

  /// Forgets what is older than the window.
  mutating func expire(now: Duration) {
    while head < order.count, order[head].expires <= now {
      let key = order[head].key
      if let use = uses[key], use.expires <= now { uses.removeValue(forKey: key) }
      head += 1
    }
    if head == order.count {
      order = []
      head = 0
    } else if head > 1024, head * 2 > order.count {
      order.removeFirst(head)
      head = 0
    }
  }
}
