// An HTTP/1.1 server in the test's process whose every answer the test decides, down to the byte: what
// requests to other servers are held against.

import Glibc
public import RoostEventLoop

/// A request as it came.
public struct ReceivedRequest: Sendable, Equatable {
  /// The method.
  public let method: String
  /// Path and query.
  public let target: String
  /// Header fields in order, names in lower case.
  public let fields: [[String]]
  /// The body.
  public let body: [UInt8]

  /// The first value of a field, its name in lower case.
  public func field(_ name: String) -> String? { fields.first { $0[0] == name }?[1] }

  /// The body as text.
  public var text: String { String(decoding: body, as: UTF8.self) }
}

/// What the server does about a request.
public enum ScriptedAnswer: Sendable {
  /// A whole response; the connection stays.
  case response(Int, fields: [String] = [], body: String = "")
  /// These bytes, then the end.
  case bytes([UInt8])
  /// A head without a length, then a byte every so often until the client has enough.
  case drip(every: Duration)
  /// Nothing, until the client goes away.
  case silence
  /// The end, without a byte.
  case hangUp
}

/// A server on a port of its own.
///
/// Any thread; letting go of it ends its threads.
public final class TestHTTPServer: Sendable {
  private struct State: Sendable {
    var received: [ReceivedRequest] = []
    var open: Set<Int32> = []
    var accepted = 0
    var threads: [LoopThread] = []
    var isStopping = false
  }

  /// Where it listens.
  public let address: SocketAddress
  private let state = Lock(State())
  private let accepting: LoopThread

  /// Starts a server whose requests `answer` decides, one thread a connection.
  public init(_ answer: @escaping @Sendable (ReceivedRequest) -> ScriptedAnswer) throws {
    let listener = try Socket.listen(on: .loopback, sharesPort: false, backlog: 1024)
    address = try Socket.localAddress(of: listener)
    let number = listener.relinquish()
    let state = state
    accepting = try LoopThread(name: "test-http") {
      let listener = Descriptor(taking: number)
      while let descriptor = Self.accept(listener.number) {
        let isStopping = state.withLock { held in
          if !held.isStopping { held.open.insert(descriptor) }
          held.accepted += 1
          return held.isStopping
        }
        guard !isStopping else {
          close(descriptor)
          return
        }
        let thread = try? LoopThread(name: "test-http") {
          Self.serve(descriptor, state, answer)
          // In the lock, so that stopping never shuts a number down that someone else has by then.
          state.withLock { held in
            held.open.remove(descriptor)
            close(descriptor)
          }
        }
        state.withLock { held in if let thread { held.threads.append(thread) } }
      }
    }
  }

  deinit {
    state.withLock { held in
      held.isStopping = true
      for descriptor in held.open { shutdown(descriptor, Int32(SHUT_RDWR)) }
    }
    // Whoever waits for a connection sees one more, and that the server stops.
    _ = try? BlockingSocket(to: address)
    accepting.join()
    for thread in state.withLock({ $0.threads }) { thread.join() }
  }

  /// A URL of this server.
  public func url(_ path: String) -> String { "http://\(address)\(path)" }

  /// The requests so far.
  public var received: [ReceivedRequest] { state.withLock { $0.received } }

  /// Connections so far.
  public var accepted: Int { state.withLock { $0.accepted } }

  /// Waits until a number of requests came.
  public func waitForRequests(_ count: Int, within limit: Duration = .seconds(60)) throws {
    let deadline = MonotonicInstant.now().advanced(by: limit)
    while received.count < count {
      guard MonotonicInstant.now() < deadline else {
        throw TestFailure("\(received.count) of \(count) requests came")
      }
      sched_yield()
    }
  }

  private static func accept(_ listener: Int32) -> Int32? {
    while true {
      var entry = pollfd(fd: listener, events: Int16(POLLIN), revents: 0)
      _ = poll(&entry, 1, -1)
      let descriptor = Glibc.accept(listener, nil, nil)
      if descriptor >= 0 { return descriptor }
      guard errno == EAGAIN || errno == EINTR || errno == ECONNABORTED else { return nil }
    }
  }

  private static func serve(
    _ descriptor: Int32, _ state: Lock<State>, _ answer: (ReceivedRequest) -> ScriptedAnswer
  ) {
    var input: [UInt8] = []
    while let request = next(descriptor, &input) {
      state.withLock { $0.received.append(request) }
      switch answer(request) {
      case .response(let status, let fields, let body):
        let lines = ["HTTP/1.1 \(status) Said", "Content-Length: \(body.utf8.count)"] + fields
        write(descriptor, Array((lines.joined(separator: "\r\n") + "\r\n\r\n" + body).utf8))
      case .bytes(let bytes):
        write(descriptor, bytes)
        shutdown(descriptor, Int32(SHUT_RDWR))
        return
      case .drip(let pause):
        write(descriptor, Array("HTTP/1.1 200 OK\r\n\r\n".utf8))
        while !hasEnded(descriptor, within: pause) { write(descriptor, [UInt8(ascii: ".")]) }
        return
      case .silence:
        while !hasEnded(descriptor, within: .seconds(10)) {}
        return
      case .hangUp: return
      }
    }
  }

  /// Whether the client ends, or sends what nobody asked for, within a time.
  private static func hasEnded(_ descriptor: Int32, within time: Duration) -> Bool {
    var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    return poll(&entry, 1, Int32(clamping: time.millisecondsClamped)) != 0
  }

  private static func next(_ descriptor: Int32, _ input: inout [UInt8]) -> ReceivedRequest? {
    var head: [UInt8]?
    while head == nil {
      if let end = input.firstRange(of: Array("\r\n\r\n".utf8)) {
        head = Array(input[..<end.lowerBound])
        input.removeSubrange(..<end.upperBound)
      } else if !readMore(descriptor, &input) {
        return nil
      } else if input.first == 0x16 {
        // The first byte of TLS: as servers do, an answer in plain text.
        write(descriptor, Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8))
        return nil
      }
    }
    let lines = String(decoding: head ?? [], as: UTF8.self).split(separator: "\r\n")
    let words = (lines.first ?? "").split(separator: " ")
    guard words.count == 3 else { return nil }
    let fields = lines.dropFirst().map { line in
      let parts = line.split(separator: ":", maxSplits: 1)
      return [parts[0].lowercased(), String((parts.last ?? "").drop { $0 == " " })]
    }
    let length = fields.first { $0[0] == "content-length" }.flatMap { Int($0[1]) } ?? 0
    while input.count < length {
      guard readMore(descriptor, &input) else { return nil }
    }
    let body = Array(input[..<length])
    input.removeSubrange(..<length)
    return ReceivedRequest(
      method: String(words[0]), target: String(words[1]), fields: fields, body: body)
  }

  private static func readMore(_ descriptor: Int32, _ input: inout [UInt8]) -> Bool {
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = recv(descriptor, &buffer, buffer.count, 0)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return false }
      input += buffer[..<count]
      return true
    }
  }

  private static func write(_ descriptor: Int32, _ bytes: [UInt8]) {
    var sent = 0
    while sent < bytes.count {
      let count = bytes.withUnsafeBytes {
        send(descriptor, $0.baseAddress.map { $0 + sent }, $0.count - sent, Int32(MSG_NOSIGNAL))
      }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return }
      sent += count
    }
  }
}
