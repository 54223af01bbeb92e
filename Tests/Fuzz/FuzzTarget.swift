// The list of what is fuzzed. A target states what must hold for every input; that nothing traps is
// the least of it.

/// One thing to fuzz; the names are those that ops/fuzz takes and those of the corpora.
enum FuzzTarget: String, CaseIterable {
  case httpHead
  case frames
  case messages
  case json
  case requests
  case binaryMessages
  case handshake
  case configuration
  case redisReplies
  case redisEnvelopes
  case tokens
  case tickets
  case proxyHeader
  case clientObjects

  /// Runs one input through the target.
  func run(_ input: borrowing Span<UInt8>) {
    switch self {
    case .httpHead: fuzzHTTPHead(input)
    case .frames: fuzzFrames(input)
    case .messages: fuzzMessages(input)
    case .json: fuzzJSON(input)
    case .requests: fuzzRequests(input)
    case .binaryMessages: fuzzBinaryMessages(input)
    case .handshake: fuzzHandshake(input)
    case .configuration: fuzzConfiguration(input)
    case .redisReplies: fuzzRedisReplies(input)
    case .redisEnvelopes: fuzzRedisEnvelopes(input)
    case .tokens: fuzzTokens(input)
    case .tickets: fuzzTickets(input)
    case .proxyHeader: fuzzProxyHeader(input)
    case .clientObjects: fuzzClientObjects(input)
    }
  }
}

extension Span<UInt8> {
  /// The bytes as an array.
  func copy() -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(count)
    for index in indices { bytes.append(self[index]) }
    return bytes
  }
}

/// Cuts an input into pieces, always the same ones for the same input.
struct Pieces {
  private var state: UInt64

  /// Pieces that depend on the input alone, so that a crash file repeats its crash.
  init(for input: borrowing Span<UInt8>) {
    state = 0xCBF2_9CE4_8422_2325
    for index in input.indices { state = (state ^ UInt64(input[index])) &* 0x100_0000_01B3 }
  }

  /// A number of the range, the smaller ones more often.
  mutating func next(upTo most: Int) -> Int {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    let isSmall = state >> 33 & 3 != 0
    let bound = isSmall ? min(most, 7) : most
    return Int((state >> 35) % UInt64(bound + 1))
  }
}
