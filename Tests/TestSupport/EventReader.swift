// A reader of server-sent events on a blocking socket.

public import RoostEventLoop
public import RoostHTTP

/// A server-sent event.
public struct TestServerEvent: Equatable, Sendable {
  /// The `id`; nil without one.
  public var id: String?
  /// The `event`.
  public var name: String
  /// The `data`.
  public var data: String

  /// Puts an event together.
  public init(id: String? = nil, name: String = "", data: String = "") {
    self.id = id
    self.name = name
    self.data = data
  }
}

/// Asks for an event stream and reads it.
///
/// One thread at a time.
public final class EventReader {
  /// The transport.
  public let socket: BlockingSocket
  /// The response's head.
  public let head: ResponseHead
  /// Comments that came so far.
  public private(set) var comments = 0
  private var rest: [UInt8]

  /// Connects, asks for the path and reads the response's head.
  ///
  /// - Parameters:
  ///   - fields: further lines of the request's head.
  ///   - split: where the request is cut in two pieces.
  public init(
    _ address: SocketAddress, _ path: String, fields: [String] = [], split: Int? = nil,
    receiveBytes: Int? = nil
  ) throws {
    socket = try BlockingSocket(to: address, receiveBytes: receiveBytes)
    let lines = ["GET \(path) HTTP/1.1", "Host: a"] + fields
    let request = Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8)
    let cut = split ?? request.count
    try socket.write(Array(request[..<cut]))
    if cut < request.count { try socket.write(Array(request[cut...])) }
    let responses = ResponseReader(socket)
    head = try responses.head()
    rest = responses.rest
  }

  /// Waits for the next event; nil when the stream has ended.
  public func next() throws -> TestServerEvent? {
    while true {
      guard let block = try block() else { return nil }
      var event = TestServerEvent()
      var isComment = true
      for line in block.split(separator: "\n") where !line.hasPrefix(":") {
        isComment = false
        if line.hasPrefix("id: ") { event.id = String(line.dropFirst(4)) }
        if line.hasPrefix("event: ") { event.name = String(line.dropFirst(7)) }
        if line.hasPrefix("data: ") { event.data = String(line.dropFirst(6)) }
      }
      guard isComment else { return event }
      comments += 1
    }
  }

  /// Waits for the next event, which there has to be.
  public func event() throws -> TestServerEvent {
    guard let event = try next() else { throw TestFailure("the stream has ended") }
    return event
  }

  /// Waits for a comment.
  public func waitForComment() throws {
    let before = comments
    while comments == before {
      guard let block = try block() else { throw TestFailure("the stream has ended") }
      if block.hasPrefix(":") { comments += 1 }
    }
  }

  /// The text up to the next empty line.
  private func block() throws -> String? {
    while true {
      if let end = rest.indices.dropLast().first(where: { rest[$0] == 10 && rest[$0 + 1] == 10 }) {
        let text = String(decoding: rest[..<end], as: UTF8.self)
        rest.removeFirst(end + 2)
        return text
      }
      switch try socket.read() {
      case .bytes(let bytes): rest += bytes
      case .end, .reset: return nil
      }
    }
  }
}
