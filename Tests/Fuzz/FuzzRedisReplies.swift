// Replies of a Redis that may be anything: pieces give what the whole gives, tokens and ranges lie
// within their reply, and the bounds hold.

import Backplane

private let replyBytesMax = 1000
private let tokensMax = 50

func fuzzRedisReplies(_ input: borrowing Span<UInt8>) {
  let bytes = input.copy()
  let whole = read(bytes, pieces: [bytes.count])
  var cutter = Pieces(for: input)
  var pieces: [Int] = []
  var left = bytes.count
  while left > 0 {
    let piece = min(left, 1 + cutter.next(upTo: left))
    pieces.append(piece)
    left -= piece
  }
  let inPieces = read(bytes, pieces: pieces)
  precondition(whole == inPieces, "\(whole) is not \(inPieces), in pieces of \(pieces)")
}

/// All replies in words; the last one tells of a violation.
private func read(_ bytes: [UInt8], pieces: [Int]) -> [[String]] {
  var reader = RedisReplyReader(replyBytesMax: replyBytesMax, tokensMax: tokensMax)
  var reply = RedisReply()
  var replies: [[String]] = []
  var start = 0
  do {
    for piece in pieces {
      try reader.feed(bytes.span.extracting(start..<start + piece))
      start += piece
      while try reader.next(into: &reply) { replies.append(words(of: reply)) }
    }
  } catch {
    precondition(!error.description.isEmpty)
    replies.append(["violation"])
  }
  return replies
}

private func words(of reply: RedisReply) -> [String] {
  precondition((1...tokensMax).contains(reply.count), "\(reply.count) tokens")
  precondition(reply.storage.count <= replyBytesMax, "\(reply.storage.count) bytes")
  precondition(reply.next(after: 0) == reply.count)
  return (0..<reply.count).map { token in
    let range = reply.range(token)
    precondition(range.lowerBound >= 0 && range.upperBound <= reply.storage.count)
    let end = reply.next(after: token)
    precondition(end > token && end <= reply.count)
    // The children are one behind the other, and the last one ends where the array does.
    var next = token + 1
    for index in 0..<reply.elementCount(token) {
      precondition(reply.child(index, of: token) == next)
      next = reply.next(after: next)
    }
    precondition(next == end, "\(next) is not \(end)")
    precondition(reply.child(reply.elementCount(token), of: token) == nil)
    precondition((reply.errorCode(token) != nil) == reply.isError(token))
    if let number = reply.decimal(token), reply.kind(token) == .integer {
      precondition(reply.integer(token) == Int64(number))
    }
    return "\(reply.kind(token)) \(reply.integer(token)) \(reply.array(token))"
  }
}
