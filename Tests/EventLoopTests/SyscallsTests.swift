import Glibc
import RoostEventLoop
import Testing

struct SyscallsTests {
  private static func received(_ descriptor: Int32, room: Int) -> (IOOutcome, [UInt8]) {
    var buffer = [UInt8](repeating: 0, count: room)
    let outcome = buffer.withUnsafeMutableBytes { Syscalls.receive(descriptor, into: $0) }
    guard case .bytes(let count) = outcome else { return (outcome, []) }
    return (outcome, Array(buffer[0..<count]))
  }

  private static func sent(_ descriptor: Int32, _ bytes: [UInt8]) -> IOOutcome {
    bytes.withUnsafeBytes { Syscalls.send(descriptor, $0) }
  }

  /// A TCP connection; its accepted end does not block.
  private static func connection() throws -> (client: Int32, server: Int32) {
    let address = SocketAddress(ipv4: 0x7F00_0001, port: 0)
    let listener = try Socket.listen(on: address, sharesPort: false, backlog: 4)
    let client = try Socket.connect(to: try Socket.localAddress(of: listener))
    try #require(isReadable(listener.number, within: 20_000))
    guard case .accepted(let server, _) = Syscalls.accept(listener.number) else {
      throw Errno(code: ECONNABORTED)
    }
    return (client.relinquish(), server)
  }

  @Test func `bytes arrive as far as there is room`() throws {
    let pair = try SocketPair()
    #expect(Self.sent(pair.near.number, [1, 2, 3]) == .bytes(3))
    #expect(Self.received(pair.far.number, room: 2) == (.bytes(2), [1, 2]))
    #expect(Self.received(pair.far.number, room: 2) == (.bytes(1), [3]))
  }

  @Test func `nothing there yet is not the end`() throws {
    let pair = try SocketPair()
    #expect(Self.received(pair.near.number, room: 10) == (.wouldBlock, []))
  }

  @Test func `the end comes after the last byte and stays`() throws {
    let pair = try SocketPair()
    pair.writeAtFarEnd([5])
    Socket.shutdownSending(pair.far.number)
    #expect(Self.received(pair.near.number, room: 10) == (.bytes(1), [5]))
    #expect(Self.received(pair.near.number, room: 10) == (.endOfStream, []))
    #expect(Self.received(pair.near.number, room: 10) == (.endOfStream, []))
  }

  @Test func `a reset is a failure and not the end`() throws {
    let (client, server) = try Self.connection()
    var hard = linger(l_onoff: 1, l_linger: 0)
    setsockopt(client, SOL_SOCKET, SO_LINGER, &hard, UInt32(MemoryLayout<linger>.size))
    Syscalls.close(client)
    #expect(isReadable(server, within: 20_000))
    #expect(Self.received(server, room: 10) == (.failed(Errno(code: ECONNRESET)), []))
    Syscalls.close(server)
  }

  @Test func `sending to a peer that is gone fails without a signal`() async {
    await #expect(processExitsWith: .success) {
      // As a process has it at its start: the signal would kill.
      signal(SIGPIPE, SIG_DFL)
      let pair = try SocketPair()
      shutdown(pair.far.number, Int32(SHUT_RDWR))
      #expect(Self.sent(pair.near.number, [1]) == .failed(Errno(code: EPIPE)))
      var byte: UInt8 = 1
      let outcome = withUnsafeMutablePointer(to: &byte) {
        var vectors = [iovec(iov_base: $0, iov_len: 1)]
        return vectors.withUnsafeMutableBufferPointer {
          Syscalls.send(pair.near.number, vectors: $0)
        }
      }
      #expect(outcome == .failed(Errno(code: EPIPE)))
    }
  }

  @Test func `a full socket takes a part, then nothing, then more`() throws {
    let pair = try SocketPair(sendBytes: 1)
    let bytes = (0..<100_000).map { UInt8(truncatingIfNeeded: $0) }
    guard case .bytes(let count) = Self.sent(pair.near.number, bytes) else {
      Issue.record("an empty socket takes bytes")
      return
    }
    #expect(count > 0 && count < bytes.count)
    #expect(Self.sent(pair.near.number, bytes) == .wouldBlock)
    #expect(pair.takeAtFarEnd() == Array(bytes[0..<count]))
    #expect(Self.sent(pair.near.number, [1]) == .bytes(1))
  }

  @Test(arguments: [1, 2, 255, 256, 1_024])
  func `several ranges leave in one call and in order`(count: Int) throws {
    let pair = try SocketPair()
    var bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0) }
    let outcome = bytes.withUnsafeMutableBytes { memory in
      var vectors = (0..<count).map { iovec(iov_base: memory.baseAddress! + $0, iov_len: 1) }
      return vectors.withUnsafeMutableBufferPointer { Syscalls.send(pair.near.number, vectors: $0) }
    }
    #expect(outcome == .bytes(count))
    #expect(pair.takeAtFarEnd() == (0..<count).map { UInt8(truncatingIfNeeded: $0) })
  }

  @Test func `no free descriptor is a shortage, and the connection waits`() async {
    await #expect(processExitsWith: .success) {
      let address = SocketAddress(ipv4: 0x7F00_0001, port: 0)
      let listener = try Socket.listen(on: address, sharesPort: false, backlog: 4)
      let client = try Socket.connect(to: try Socket.localAddress(of: listener))
      #expect(client.number >= 0)
      #expect(isReadable(listener.number, within: 20_000))
      let probe = dup(0)
      Syscalls.close(probe)
      var limit = rlimit()
      getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
      let former = limit.rlim_cur
      limit.rlim_cur = rlim_t(probe)
      setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
      #expect(Syscalls.accept(listener.number) == .shortage(Errno(code: EMFILE)))
      limit.rlim_cur = former
      setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
      guard case .accepted = Syscalls.accept(listener.number) else {
        Issue.record("the connection was lost")
        return
      }
    }
  }

  // MARK: Bugs trap

  @Test func `closing twice traps`() async {
    await #expect(processExitsWith: .failure) {
      let number = dup(0)
      Syscalls.close(number)
      Syscalls.close(number)
    }
  }

  @Test func `a descriptor that is not open traps in every call`() async {
    await #expect(processExitsWith: .failure) { _ = Self.received(1_000_000, room: 1) }
    await #expect(processExitsWith: .failure) { _ = Self.sent(1_000_000, [1]) }
    await #expect(processExitsWith: .failure) { _ = Syscalls.accept(1_000_000) }
  }

  @Test func `calls without bytes trap`() async {
    await #expect(processExitsWith: .failure) { _ = Self.received(0, room: 0) }
    await #expect(processExitsWith: .failure) { _ = Self.sent(0, []) }
    await #expect(processExitsWith: .failure) {
      _ = Syscalls.send(0, vectors: UnsafeMutableBufferPointer(start: nil, count: 0))
    }
  }

  @Test func `more ranges than the kernel takes trap`() async {
    await #expect(processExitsWith: .failure) {
      var vectors = [iovec](repeating: iovec(), count: 1_025)
      _ = vectors.withUnsafeMutableBufferPointer { Syscalls.send(0, vectors: $0) }
    }
  }
}
