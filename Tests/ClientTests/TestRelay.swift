// A way to a node that a test can spoil: it cuts connections, refuses new ones, and can be a proxy that
// is asked by CONNECT.

import Glibc
import RoostEventLoop
import TestSupport

/// A relay on a port of its own.
///
/// Any thread; letting go of it ends its threads.
final class TestRelay: Sendable {
  private struct State: Sendable {
    var target: SocketAddress
    /// The two ends of each connection.
    var open: [Int32: Int32] = [:]
    var accepted = 0
    var isShut = false
    var isStopping = false
    var heads: [String] = []
    var threads: [LoopThread] = []
  }

  /// Where it listens.
  let address: SocketAddress
  private let state: Lock<State>
  private let accepting: LoopThread

  /// Leads to `target`; with `answer`, it is asked by CONNECT first and answers that.
  init(to target: SocketAddress, answer: String? = nil) throws {
    let listener = try Socket.listen(on: .loopback, sharesPort: false, backlog: 1024)
    address = try Socket.localAddress(of: listener)
    let number = listener.relinquish()
    let state = Lock(State(target: target))
    self.state = state
    accepting = try LoopThread(name: "relay") {
      let listener = Descriptor(taking: number)
      while true {
        var entry = pollfd(fd: listener.number, events: Int16(POLLIN), revents: 0)
        _ = poll(&entry, 1, -1)
        let near = accept(listener.number, nil, nil)
        let isStopping = state.withLock { $0.isStopping }
        if isStopping {
          if near >= 0 { close(near) }
          return
        }
        guard near >= 0 else { continue }
        let thread = try? LoopThread(name: "relay") { Self.serve(near, state, answer) }
        state.withLock { if let thread { $0.threads.append(thread) } }
      }
    }
  }

  deinit {
    state.withLock { $0.isStopping = true }
    cut()
    _ = try? BlockingSocket(to: address)
    accepting.join()
    cut()
    for thread in state.withLock({ $0.threads }) { thread.join() }
  }

  /// Connections so far.
  var accepted: Int { state.withLock { $0.accepted } }

  /// The heads of requests so far.
  var heads: [String] { state.withLock { $0.heads } }

  /// Ends all connections; with `isShut`, new ones end at once, too.
  func cut(isShut: Bool = false) {
    state.withLock { state in
      state.isShut = isShut
      for (near, far) in state.open {
        shutdown(near, Int32(SHUT_RDWR))
        shutdown(far, Int32(SHUT_RDWR))
      }
    }
  }

  private static func serve(_ near: Int32, _ state: Lock<State>, _ answer: String?) {
    defer { close(near) }
    guard let (target, isShut) = begin(state), !isShut else { return }
    if let answer {
      var head: [UInt8] = []
      while head.firstRange(of: Array("\r\n\r\n".utf8)) == nil {
        guard let bytes = read(near) else { return }
        head += bytes
      }
      let text = String(decoding: head, as: UTF8.self)
      state.withLock { $0.heads.append(text) }
      write(near, Array("HTTP/1.1 \(answer)\r\n\r\n".utf8))
      guard answer.hasPrefix("2") else { return }
    }
    guard let far = try? Socket.connect(to: target) else { return }
    let number = far.number
    state.withLock { $0.open[near] = number }
    // A cut between the beginning and here.
    if state.withLock({ $0.isShut || $0.isStopping }) { shutdown(near, Int32(SHUT_RDWR)) }
    pump(near, number)
    // In the lock, so that a cut never shuts down a number that someone else has by then.
    state.withLock { _ = $0.open.removeValue(forKey: near) }
  }

  private static func begin(_ state: Lock<State>) -> (SocketAddress, Bool)? {
    state.withLock { state in
      guard !state.isStopping else { return nil }
      state.accepted += 1
      return (state.target, state.isShut)
    }
  }

  private static func pump(_ near: Int32, _ far: Int32) {
    while true {
      var entries = [near, far].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
      guard poll(&entries, 2, -1) > 0 else { continue }
      for place in 0...1 where entries[place].revents != 0 {
        guard let bytes = read(entries[place].fd) else { return }
        write(entries[1 - place].fd, bytes)
      }
    }
  }

  private static func read(_ descriptor: Int32) -> [UInt8]? {
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = recv(descriptor, &buffer, buffer.count, 0)
      if count < 0, errno == EINTR { continue }
      return count > 0 ? Array(buffer[..<count]) : nil
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
