// Questions to a Redis and their answers, one after the other, for commands that look at it.

import Backplane
import RoostCrypto
import RoostEventLoop

/// A connection to a Redis as the user of its URL.
///
/// Owner: one thread.
final class RedisConversation {
  private static let patience = Duration.seconds(5)

  private let stream: BlockingStream
  private var reader = RedisReplyReader(replyBytesMax: 1 << 20, tokensMax: 65_536)

  /// Connects, enters and chooses the database.
  init(_ endpoint: RedisEndpoint, _ security: RedisSecurity) throws(StreamFailure) {
    switch endpoint.place {
    case .unix(let path): stream = try BlockingStream(path: path)
    case .tcp(let host, let port, let isEncrypted):
      var context: TLSContext?
      if isEncrypted {
        do throws(TLSFailure) {
          context = try TLSContext.client(
            caFile: security.caFile, certificateFile: security.certificateFile,
            keyFile: security.keyFile, serverName: security.serverName)
        } catch {
          throw StreamFailure("\(error)")
        }
      }
      stream = try BlockingStream(
        host: host, port: port, context: context,
        deadline: MonotonicInstant.now().advanced(by: Self.patience))
    }
    if let password = endpoint.password {
      let words = endpoint.user.map { ["AUTH", $0, password] } ?? ["AUTH", password]
      try enter(words)
    }
    if endpoint.database != 0 { try enter(["SELECT", String(endpoint.database)]) }
  }

  private func enter(_ words: [String]) throws(StreamFailure) {
    let reply = try ask(words)
    if reply.isError() { throw StreamFailure(reply.string(0)) }
  }

  /// Asks one question.
  func ask(_ words: String...) throws(StreamFailure) -> RedisReply { try ask(words) }

  /// Asks one question; an answer that is an error is an answer, too.
  func ask(_ words: [String]) throws(StreamFailure) -> RedisReply {
    var command: [UInt8] = []
    RedisCommandWriter.begin(words.count, to: &command)
    for word in words { RedisCommandWriter.argument(text: word, to: &command) }
    let deadline = MonotonicInstant.now().advanced(by: Self.patience)
    try stream.send(command, deadline: deadline)
    var reply = RedisReply()
    while true {
      do throws(RedisProtocolViolation) {
        if try reader.next(into: &reply) { return reply }
      } catch {
        throw StreamFailure("it does not speak as Redis does: \(error)")
      }
      switch stream.receive(deadline: deadline) {
      case .bytes(let bytes):
        do throws(RedisProtocolViolation) {
          try reader.feed(bytes.span)
        } catch {
          throw StreamFailure("it does not speak as Redis does: \(error)")
        }
      case .ended: throw StreamFailure("it has ended the connection")
      case .cut(let reason): throw StreamFailure(reason)
      case .nothing:
        throw StreamFailure("no answer within \(Self.patience.components.seconds) s")
      }
    }
  }
}
