import Glibc
import RoostEventLoop
import Testing

#if DEBUG
  /// Each in a process of its own: a plan would hit the calls of every other test, too.
  struct SyscallFaultsTests {
    private static func receive(_ descriptor: Int32) -> (IOOutcome, [UInt8]) {
      var buffer = [UInt8](repeating: 0, count: 100)
      let outcome = buffer.withUnsafeMutableBytes { Syscalls.receive(descriptor, into: $0) }
      guard case .bytes(let count) = outcome else { return (outcome, []) }
      return (outcome, Array(buffer[0..<count]))
    }

    private static func send(_ descriptor: Int32) -> IOOutcome {
      [UInt8(1), 2, 3].withUnsafeBytes { Syscalls.send(descriptor, $0) }
    }

    @Test func `the nth call fails and the others do not`() async {
      await #expect(processExitsWith: .success) {
        let pair = try SocketPair()
        let number = pair.near.number
        for nth in 1...4 {
          SyscallFaults.plan(.send, .wouldBlock, nth: nth, persistent: false)
          let outcomes = (1...4).map { _ in Self.send(number) }
          var expected = [IOOutcome](repeating: .bytes(3), count: 4)
          expected[nth - 1] = .wouldBlock
          #expect(outcomes == expected)
          #expect(SyscallFaults.clear() == 1)
        }
      }
    }

    @Test func `a persistent fault hits all later calls until the plan ends`() async {
      await #expect(processExitsWith: .success) {
        let pair = try SocketPair()
        let number = pair.near.number
        SyscallFaults.plan(.send, .reset, nth: 2, persistent: true)
        #expect(Self.send(number) == .bytes(3))
        for _ in 0..<3 { #expect(Self.send(number) == .failed(Errno(code: ECONNRESET))) }
        #expect(SyscallFaults.clear() == 3)
        #expect(Self.send(number) == .bytes(3))
        #expect(SyscallFaults.clear() == 3)
      }
    }

    @Test func `a fault hits calls of its own kind only`() async {
      await #expect(processExitsWith: .success) {
        let pair = try SocketPair()
        pair.writeAtFarEnd([7, 8, 9])
        SyscallFaults.plan(.receive, .short, nth: 1, persistent: true)
        #expect(Self.send(pair.near.number) == .bytes(3))
        #expect(Self.receive(pair.near.number) == (.bytes(1), [7]))
        #expect(Self.receive(pair.near.number) == (.bytes(1), [8]))
        #expect(SyscallFaults.clear() == 2)
        #expect(Self.receive(pair.near.number) == (.bytes(1), [9]))
      }
    }

    @Test func `accepts fail in their own ways and lose no connection`() async {
      await #expect(processExitsWith: .success) {
        let address = SocketAddress(ipv4: 0x7F00_0001, port: 0)
        let listener = try Socket.listen(on: address, sharesPort: false, backlog: 4)
        let client = try Socket.connect(to: try Socket.localAddress(of: listener))
        #expect(client.number >= 0)
        #expect(isReadable(listener.number, within: 20_000))
        let outcomes: [(SyscallFaults.Kind, AcceptOutcome)] = [
          (.wouldBlock, .wouldBlock), (.reset, .aborted),
          (.shortage, .shortage(Errno(code: EMFILE))),
        ]
        for (kind, expected) in outcomes {
          SyscallFaults.plan(.accept, kind, nth: 1, persistent: false)
          #expect(Syscalls.accept(listener.number) == expected)
          #expect(SyscallFaults.clear() == 1)
        }
        SyscallFaults.plan(.accept, .short, nth: 1, persistent: true)
        guard case .accepted(let number, _) = Syscalls.accept(listener.number) else {
          Issue.record("the connection was lost")
          return
        }
        Syscalls.close(number)
        _ = SyscallFaults.clear()
      }
    }

    // MARK: The fault loop

    /// Ten ticks of a small fan-out: three queues, one, several and over 256 slices.
    ///
    /// Returns what each far end received, the queues that failed, and how many calls a plan
    /// touched.
    private static func fanOut() throws -> (
      received: [[UInt8]], failed: Set<Int>, hits: Int
    ) {
      var arena = SendArena(capacity: 65_536)
      var queues = Slab<SendQueue>(capacity: 3) { SendQueue() }
      let pairs = try (0..<3).map { _ in try SocketPair() }
      var received: [[UInt8]] = [[], [], []]
      var failed: Set<Int> = []
      for _ in pairs { _ = queues.acquire() }
      for tick in 0..<10 {
        for frame in 0..<(tick == 5 ? 300 : 4) {
          let mark = arena.mark()
          arena.append(UInt8(tick))
          arena.append(UInt8(truncatingIfNeeded: frame))
          let slice = arena.slice(from: mark)
          for slot in 0..<3 where !failed.contains(slot) && (slot == 0 || frame % (slot + 1) == 0) {
            arena.enqueue(slice, on: &queues[Int32(slot)])
          }
        }
        for slot in 0..<3 where !failed.contains(slot) {
          let outcome = arena.flush(&queues[Int32(slot)], to: pairs[slot].near.number)
          let isEmpty = queues[Int32(slot)].isEmpty
          switch outcome {
          case .done: #expect(isEmpty)
          case .blocked: #expect(!isEmpty)
          case .failed:
            #expect(isEmpty)
            failed.insert(slot)
          }
          received[slot] += pairs[slot].takeAtFarEnd()
        }
        arena.reset()
      }
      // A fault that persists must not hold the rest back for ever.
      let hits = SyscallFaults.clear()
      for slot in 0..<3 where !failed.contains(slot) {
        #expect(arena.flushBacklog(&queues[Int32(slot)], to: pairs[slot].near.number) == .done)
        received[slot] += pairs[slot].takeAtFarEnd()
      }
      return (received, failed, hits)
    }

    @Test func `whichever send fails, every connection receives a prefix, and all without a reset`()
      async
    {
      await #expect(processExitsWith: .success) {
        let whole = try Self.fanOut().received
        for kind in [SyscallFaults.Kind.wouldBlock, .short, .reset] {
          for persistent in [false, true] {
            var nth = 0
            var hits = 0
            repeat {
              nth += 1
              SyscallFaults.plan(.send, kind, nth: nth, persistent: persistent)
              let (received, failed, touched) = try Self.fanOut()
              hits = touched
              let story = Comment(rawValue: "\(kind), call \(nth), persistent \(persistent)")
              #expect(failed.isEmpty || kind == .reset, story)
              for slot in 0..<3 {
                if failed.contains(slot) {
                  #expect(whole[slot].starts(with: received[slot]), story)
                } else {
                  #expect(received[slot] == whole[slot], story)
                }
              }
            } while hits > 0 && nth < 10_000
            #expect(nth > 10)
            #expect(nth < 10_000)
          }
        }
      }
    }
  }
#endif
