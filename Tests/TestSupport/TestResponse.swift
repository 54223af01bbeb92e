// An HTTP response as a test sees it, and how it is read from a socket.

public import RoostEventLoop
public import RoostHTTP

/// A response to a request.
public struct TestResponse: Sendable {
  /// The status code.
  public let status: Int
  /// All fields in order.
  public let fields: [(name: String, value: String)]
  /// The body.
  public let body: [UInt8]

  /// The body as text.
  public var text: String { String(decoding: body, as: UTF8.self) }

  /// The first value of a field; nil when there is none.
  public subscript(name: String) -> String? {
    fields.first { $0.name.lowercased() == name.lowercased() }?.value
  }
}

/// Reads responses from a socket, one after the other.
public final class ResponseReader {
  private let socket: BlockingSocket
  /// Bytes behind what was read so far.
  public private(set) var rest: [UInt8] = []

  /// Reads from a socket that nobody else reads from.
  public init(_ socket: BlockingSocket) {
    self.socket = socket
  }

  /// Waits for a head.
  public func head() throws -> ResponseHead {
    var scanner = HeadScanner(requestLineBytesMax: 8192, headBytesMax: 65_536, fieldsMax: 100)
    while true {
      let bytes = rest
      if case .complete(let count) = try scanner.scan(bytes.span) {
        let head = try ResponseHead(
          parsing: bytes.span.extracting(0..<count), requestLineBytesMax: 8192,
          headBytesMax: 65_536, fieldsMax: 100)
        rest.removeFirst(count)
        return head
      }
      try readMore()
    }
  }

  /// Waits for a whole response; one to HEAD has no body.
  public func response(toHead isHead: Bool = false) throws -> TestResponse {
    let head = try head()
    let count = isHead ? 0 : head.fields.value(of: "Content-Length").flatMap { Int($0) } ?? 0
    while rest.count < count { try readMore() }
    defer { rest.removeFirst(count) }
    return TestResponse(status: head.status, fields: head.fields.all, body: Array(rest[..<count]))
  }

  private func readMore() throws {
    guard case .bytes(let bytes) = try socket.read() else {
      throw TestFailure("the connection ended inside a response, after \(rest.count) bytes")
    }
    rest += bytes
  }
}

/// Sends one request over a connection of its own and waits for the response.
public func request(
  _ text: String, to address: SocketAddress, isHead: Bool = false
) throws -> TestResponse {
  let socket = try BlockingSocket(to: address)
  try socket.write(Array(text.utf8))
  return try ResponseReader(socket).response(toHead: isHead)
}
