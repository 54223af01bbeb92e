// A path to Redis that a test can spoil: it stands still with its sockets open, is slow, comes in
// drops, swallows what comes back, or leads to another server from one moment to the next.

import Glibc
import RoostEventLoop
import TestSupport

/// A TCP proxy on 127.0.0.1.
///
/// Any thread; its work is done on a thread of its own, which ends with the last reference.
final class ClusterProxy: Sendable {
  /// What happens to bytes.
  enum Path: Sendable, Equatable {
    case open
    /// Nothing is taken from either side; nothing is closed.
    case still
    /// What Redis sends is thrown away; connections to which that happened end with it.
    case mute
    /// Everything arrives so much later.
    case slow(Duration)
    /// A few bytes at a time.
    case trickling
  }

  struct State: Sendable {
    var path = Path.open
    var target: UInt16
    /// Counts up when all connections are to be cut.
    var cuts = 0
    var isOver = false
  }

  let port: UInt16
  private let state: Lock<State>
  private let work: Background<Void>

  /// Listens at a free port and leads to `target` on 127.0.0.1.
  init(to target: UInt16) throws {
    let listener = try Socket.listen(on: .loopback, sharesPort: false, backlog: 64)
    port = try Socket.localAddress(of: listener).port
    let state = Lock(State(target: target))
    self.state = state
    let descriptor = dup(listener.number)
    work = try Background { ProxyLoop(listener: descriptor, state: state).run() }
  }

  deinit {
    state.withLock { $0.isOver = true }
    _ = try? work.join()
  }

  var url: String { "redis://127.0.0.1:\(port)" }

  /// Spoils the path, or mends it.
  func make(_ path: Path) { state.withLock { $0.path = path } }

  /// New connections lead to another port; those that there are stay.
  func leadNew(to target: UInt16) { state.withLock { $0.target = target } }

  /// Cuts all connections; new ones lead to another port.
  func lead(to target: UInt16) {
    state.withLock {
      $0.target = target
      $0.cuts += 1
    }
  }
}

/// The proxy's thread.
private final class ProxyLoop {
  /// One direction of a connection.
  private struct Lane {
    let from: Int32
    let to: Int32
    let isFromRedis: Bool
    var waiting: [(at: MonotonicInstant, bytes: ArraySlice<UInt8>)] = []
    /// Whether bytes are missing: TCP would not go on behind them, so it must end.
    var isBroken = false
  }

  private let listener: Int32
  private let state: Lock<ClusterProxy.State>
  private var lanes: [Lane] = []
  private var cuts = 0

  init(listener: Int32, state: Lock<ClusterProxy.State>) {
    self.listener = listener
    self.state = state
  }

  func run() {
    while true {
      let now = state.withLock { $0 }
      if now.isOver || now.cuts != cuts { closeAll() }
      if now.isOver { break }
      cuts = now.cuts
      turn(now)
    }
    close(listener)
  }

  private func closeAll() {
    for lane in lanes where lane.isFromRedis {
      close(lane.from)
      close(lane.to)
    }
    lanes = []
  }

  private func turn(_ now: ClusterProxy.State) {
    var entries = [pollfd(fd: listener, events: Int16(POLLIN), revents: 0)]
    for lane in lanes {
      // A lane that is full, or a path that stands still, takes nothing more.
      let takes = now.path != .still && lane.waiting.count < 1000
      entries.append(pollfd(fd: takes ? lane.from : -1, events: Int16(POLLIN), revents: 0))
    }
    let isBusy = now.path != .still && lanes.contains { !$0.waiting.isEmpty }
    _ = poll(&entries, UInt(entries.count), isBusy ? 1 : 10)
    if entries[0].revents != 0 { accept(now.target) }
    var ended: Set<Int32> = []
    for (place, entry) in entries.dropFirst().enumerated() where entry.revents != 0 {
      if !take(place, now.path) { ended.insert(lanes[place].from) }
    }
    if now.path != .still {
      for place in lanes.indices where !pass(place, now.path) { ended.insert(lanes[place].from) }
    }
    let gone = lanes.filter { ended.contains($0.from) || ended.contains($0.to) }
    for lane in gone where lane.isFromRedis {
      close(lane.from)
      close(lane.to)
    }
    lanes.removeAll { ended.contains($0.from) || ended.contains($0.to) }
  }

  private func accept(_ target: UInt16) {
    let client = Glibc.accept(listener, nil, nil)
    guard client >= 0 else { return }
    let server = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = target.bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    let connected = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(server, $0, UInt32(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard connected == 0 else {
      close(client)
      close(server)
      return
    }
    for descriptor in [client, server] {
      var on: Int32 = 1
      setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, 4)
      _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
    }
    lanes.append(Lane(from: client, to: server, isFromRedis: false))
    lanes.append(Lane(from: server, to: client, isFromRedis: true))
  }

  private func take(_ place: Int, _ path: ClusterProxy.Path) -> Bool {
    var buffer = [UInt8](repeating: 0, count: 65_536)
    let count = recv(lanes[place].from, &buffer, buffer.count, 0)
    guard count > 0 else { return count < 0 && errno == EAGAIN }
    if path == .mute, lanes[place].isFromRedis {
      lanes[place].isBroken = true
      return true
    }
    var at = MonotonicInstant.now()
    if case .slow(let delay) = path { at = at.advanced(by: delay) }
    lanes[place].waiting.append((at, buffer[..<count]))
    return true
  }

  private func pass(_ place: Int, _ path: ClusterProxy.Path) -> Bool {
    let now = MonotonicInstant.now()
    if lanes[place].isBroken, path != .mute { return false }
    while let first = lanes[place].waiting.first, first.at <= now {
      if path == .mute, lanes[place].isFromRedis {
        lanes[place].waiting.removeFirst()
        lanes[place].isBroken = true
        continue
      }
      let most = path == .trickling ? Int.random(in: 1...7) : first.bytes.count
      let piece = Array(first.bytes.prefix(most))
      let sent = send(lanes[place].to, piece, piece.count, Int32(MSG_NOSIGNAL))
      guard sent > 0 else { return sent < 0 && errno == EAGAIN }
      lanes[place].waiting[0].bytes.removeFirst(sent)
      if lanes[place].waiting[0].bytes.isEmpty { lanes[place].waiting.removeFirst() }
      if path == .trickling { return true }
    }
    return true
  }
}
