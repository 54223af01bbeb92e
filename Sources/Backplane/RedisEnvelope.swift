// What nodes say to each other on a room's channel and in its log. Every byte of it comes from
// outside: a stray PUBLISH by hand must neither trap nor be taken for a message.
//
// A body is one message, in the log and on the channel:
//   flags (1) · sender of the mid (8) · number of the mid (8) · [time (8)] · [member] · payload
// A member is: id length (1) · id · flags (1) · [user length (2) · user] · [info length (4) · info]
//
// On the channel stands a letter and what belongs to it:
//   'H' epoch (32 digits) offset ':' { length (4) body }…     messages of a room with history
//   'P' publisher (8) session (4) first number (8) { length (4) body }…   of a room without
//   'K' { length (4) body }…                                  of a room without, published with keys
//   'J' pseq ':' member                                       a member came
//   'L' pseq ':' { member }…                                  members went
//   'C' count                                                 the room's size, in place of events
//   'Q' asker length (1) asker number (8) text                a question to who holds a user
// All numbers are big-endian.

public import RoostRooms

/// Writes and reads what travels on a room's channel.
///
/// Pure; public for the fuzzer only.
public enum RedisEnvelope {
  /// The most messages in one payload.
  static let batchMax = 256

  private static let isBinary: UInt8 = 1
  private static let hasTime: UInt8 = 2
  private static let hasSender: UInt8 = 4

  /// A message of a room.
  public struct Body: Equatable, Sendable {
    /// Which publish this is, for readers that may get it twice.
    public var mid: (publisher: UInt64, number: UInt64)
    /// The data.
    public var payload: Payload
    /// Who published it, where the policy shows that.
    public var sender: Member?
    /// When it was published, in milliseconds since 1970, where the policy shows that.
    public var wallMilliseconds: Int64?

    /// The mid as one number, alike wherever the message is read, never 0.
    ///
    /// Those of one publisher are all different; those of two are as random numbers are.
    var identifier: UInt64 {
      var mixed = mid.publisher ^ (mid.number &* 0x9E37_79B9_7F4A_7C15)
      mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
      mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
      return max(mixed ^ mixed >> 31, 1)
    }

    /// Equal when every part is.
    public static func == (left: Body, right: Body) -> Bool {
      left.mid == right.mid && left.payload == right.payload && left.sender == right.sender
        && left.wallMilliseconds == right.wallMilliseconds
    }
  }

  /// What a payload of a room's channel says; message bodies are read from `rest`.
  public enum Word: Equatable {
    /// Messages of a room with history, from this position on.
    case history(Position)
    /// Messages of a room without, numbered by their publisher.
    case plain(publisher: UInt64, session: UInt32, first: UInt64)
    /// Messages of a room without, published with keys.
    case keyed
    /// A member came.
    case joined(sequence: UInt64, Member)
    /// Members went.
    case left(sequence: UInt64, [Member])
    /// The room's size.
    case count(Int)
    /// A question to who holds a user; its text follows.
    case question(asker: String, number: UInt64)
  }

  // MARK: Writing

  /// Appends a body as `body(of:)` reads it.
  public static func append(_ body: Body, to output: inout [UInt8]) {
    var flags: UInt8 = 0
    if case .binary = body.payload { flags |= isBinary }
    if body.wallMilliseconds != nil { flags |= hasTime }
    if body.sender != nil { flags |= hasSender }
    output.append(flags)
    append(body.mid.publisher, to: &output)
    append(body.mid.number, to: &output)
    if let time = body.wallMilliseconds { append(UInt64(bitPattern: time), to: &output) }
    if let sender = body.sender { append(sender, to: &output) }
    output.append(contentsOf: body.payload.bytes)
  }

  /// A body behind its length, as it stands in a batch.
  public static func lengthPrefixed(_ body: Body) -> [UInt8] {
    var output: [UInt8] = [0, 0, 0, 0]
    output.reserveCapacity(64 + body.payload.bytes.count)
    append(body, to: &output)
    let count = UInt32(output.count - 4)
    for place in 0..<4 {
      output[place] = UInt8(truncatingIfNeeded: count >> UInt32(24 - 8 * place))
    }
    return output
  }

  static func appendPlainHead(
    publisher: UInt64, session: UInt32, first: UInt64, to output: inout [UInt8]
  ) {
    output.append(UInt8(ascii: "P"))
    append(publisher, to: &output)
    for shift in [UInt32(24), 16, 8, 0] {
      output.append(UInt8(truncatingIfNeeded: session >> shift))
    }
    append(first, to: &output)
  }

  static func question(asker: String, number: UInt64, text: [UInt8]) -> [UInt8] {
    var output: [UInt8] = [UInt8(ascii: "Q"), UInt8(clamping: asker.utf8.count)]
    output.append(contentsOf: asker.utf8.prefix(255))
    append(number, to: &output)
    output += text
    return output
  }

  /// Appends a member as `member(of:)` reads it.
  public static func append(_ member: Member, to output: inout [UInt8]) {
    let id = member.connection.description
    output.append(UInt8(id.utf8.count))
    output.append(contentsOf: id.utf8)
    output.append((member.user == nil ? 0 : 1) | (member.info == nil ? 0 : 2))
    if let user = member.user {
      // A user's name is bounded far below this where it enters.
      let bytes = Array(user.utf8.prefix(65_535))
      output.append(UInt8(bytes.count >> 8))
      output.append(UInt8(bytes.count & 255))
      output += bytes
    }
    if let info = member.info {
      for shift in [24, 16, 8, 0] { output.append(UInt8(truncatingIfNeeded: info.count >> shift)) }
      output += info
    }
  }

  private static func append(_ number: UInt64, to output: inout [UInt8]) {
    for shift in stride(from: UInt64(56), through: 0, by: -8) {
      output.append(UInt8(truncatingIfNeeded: number >> shift))
    }
  }

  // MARK: Reading

  /// Reads the head of a channel's payload; nil for what nobody wrote.
  ///
  /// `rest` is what follows the head.
  public static func word(of payload: ArraySlice<UInt8>, rest: inout ArraySlice<UInt8>) -> Word? {
    var reader = Reader(payload)
    guard let letter = reader.byte() else { return nil }
    var word: Word?
    switch letter {
    case UInt8(ascii: "H"):
      guard let digits = reader.bytes(32), let epoch = Epoch(text: Array(digits).span),
        let offset = reader.decimal(), offset > 0
      else { return nil }
      word = .history(Position(epoch: epoch, offset: offset))
    case UInt8(ascii: "P"):
      guard let publisher = reader.number(8), let session = reader.number(4),
        let first = reader.number(8), first > 0
      else { return nil }
      word = .plain(publisher: publisher, session: UInt32(session), first: first)
    case UInt8(ascii: "K"): word = .keyed
    case UInt8(ascii: "J"):
      guard let sequence = reader.decimal(), let member = reader.member() else { return nil }
      word = .joined(sequence: sequence, member)
    case UInt8(ascii: "L"):
      guard let sequence = reader.decimal() else { return nil }
      var members: [Member] = []
      while !reader.isAtEnd {
        guard let member = reader.member() else { return nil }
        members.append(member)
      }
      word = .left(sequence: sequence, members)
    case UInt8(ascii: "C"):
      guard let count = reader.decimal() else { return nil }
      word = .count(Int(clamping: count))
    case UInt8(ascii: "Q"):
      guard let count = reader.byte(), let asker = reader.bytes(Int(count)),
        let number = reader.number(8)
      else { return nil }
      word = .question(asker: String(decoding: asker, as: UTF8.self), number: number)
    default: return nil
    }
    rest = reader.rest
    return word
  }

  /// Takes the next body of a batch; nil when it is not well formed.
  public static func nextBody(of rest: inout ArraySlice<UInt8>) -> Body? {
    var reader = Reader(rest)
    guard let count = reader.number(4), let bytes = reader.bytes(Int(clamping: count)) else {
      return nil
    }
    rest = reader.rest
    return body(of: bytes)
  }

  /// Reads a body; nil when it is not well formed.
  public static func body(of bytes: ArraySlice<UInt8>) -> Body? {
    var reader = Reader(bytes)
    guard let flags = reader.byte(), flags < 8, let publisher = reader.number(8),
      let number = reader.number(8)
    else { return nil }
    var time: Int64?
    if flags & hasTime != 0 {
      guard let bits = reader.number(8) else { return nil }
      time = Int64(bitPattern: bits)
    }
    var sender: Member?
    if flags & hasSender != 0 {
      guard let member = reader.member() else { return nil }
      sender = member
    }
    let content = Array(reader.rest)
    return Body(
      mid: (publisher, number), payload: flags & isBinary != 0 ? .binary(content) : .json(content),
      sender: sender, wallMilliseconds: time)
  }

  /// Reads one member that fills the bytes; nil when it does not.
  public static func member(of bytes: ArraySlice<UInt8>) -> Member? {
    var reader = Reader(bytes)
    guard let member = reader.member(), reader.isAtEnd else { return nil }
    return member
  }

  /// Takes values from the front of bytes that may end anywhere.
  private struct Reader {
    private(set) var rest: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

    var isAtEnd: Bool { rest.isEmpty }

    mutating func byte() -> UInt8? { rest.popFirst() }

    mutating func bytes(_ count: Int) -> ArraySlice<UInt8>? {
      guard count >= 0, count <= rest.count else { return nil }
      defer { rest = rest.dropFirst(count) }
      return rest.prefix(count)
    }

    mutating func number(_ width: Int) -> UInt64? {
      guard let bytes = bytes(width) else { return nil }
      return bytes.reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// Decimal digits up to a colon or the end, the colon included.
    mutating func decimal() -> UInt64? {
      var number: UInt64 = 0
      var digits = 0
      while let digit = rest.first, (48...57).contains(digit), digits < 19 {
        number = number * 10 + UInt64(digit - 48)
        digits += 1
        rest = rest.dropFirst()
      }
      guard digits > 0 else { return nil }
      guard let end = rest.popFirst() else { return number }
      return end == UInt8(ascii: ":") ? number : nil
    }

    mutating func member() -> Member? {
      guard let count = byte(), let id = bytes(Int(count)),
        let connection = ConnectionID(text: String(decoding: id, as: UTF8.self)),
        let flags = byte(), flags < 4
      else { return nil }
      var user: String?
      if flags & 1 != 0 {
        guard let count = number(2), let bytes = bytes(Int(count)),
          let text = String(validating: bytes, as: UTF8.self)
        else { return nil }
        user = text
      }
      var info: [UInt8]?
      if flags & 2 != 0 {
        guard let count = number(4), let bytes = bytes(Int(clamping: count)) else { return nil }
        info = Array(bytes)
      }
      return Member(connection: connection, user: user, info: info)
    }
  }
}
