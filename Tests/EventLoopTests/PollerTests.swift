import Glibc
import RoostEventLoop
import Testing

struct PollerTests {
  /// The tokens of what a look without waiting finds.
  private static func tokens(of poller: Poller) -> [UInt64] {
    let count = poller.wait(.zero)
    return (0..<count).map { poller.readiness(at: $0).token }.sorted()
  }

  @Test(arguments: [0, 1, 0x8000_0000_0000_0001, UInt64.max - 1])
  func `an event carries the token of its descriptor`(token: UInt64) throws {
    let (poller, pair) = (try Poller(), try SocketPair())
    try poller.add(pair.near.number, .readable, token: token)
    #expect(poller.wait(.zero) == 0)
    pair.writeAtFarEnd([1])
    #expect(poller.wait(nil) == 1)
    let readiness = poller.readiness(at: 0)
    #expect(readiness.token == token)
    #expect(readiness.isReadable)
    #expect(!readiness.isWritable)
  }

  @Test func `what was not read is reported again`() throws {
    let (poller, pair) = (try Poller(), try SocketPair())
    try poller.add(pair.near.number, .readable, token: 3)
    pair.writeAtFarEnd([1, 2])
    #expect(Self.tokens(of: poller) == [3])
    #expect(Self.tokens(of: poller) == [3])
  }

  @Test func `interest can be changed and taken back`() throws {
    let (poller, pair) = (try Poller(), try SocketPair())
    try poller.add(pair.near.number, .readable, token: 3)
    #expect(Self.tokens(of: poller) == [])
    poller.modify(pair.near.number, [.readable, .writable], token: 4)
    #expect(Self.tokens(of: poller) == [4])
    let readiness = poller.readiness(at: 0)
    #expect(readiness.isWritable)
    #expect(!readiness.isReadable)
    poller.modify(pair.near.number, [], token: 4)
    pair.writeAtFarEnd([1])
    #expect(Self.tokens(of: poller) == [])
    poller.modify(pair.near.number, .readable, token: 5)
    #expect(Self.tokens(of: poller) == [5])
    poller.remove(pair.near.number)
    #expect(Self.tokens(of: poller) == [])
  }

  @Test func `a peer that is gone counts as readable, so that a read can tell`() throws {
    let poller = try Poller()
    let pair = try SocketPair()
    try poller.add(pair.near.number, .readable, token: 1)
    shutdown(pair.far.number, Int32(SHUT_RDWR))
    #expect(poller.wait(nil) == 1)
    #expect(poller.readiness(at: 0).isReadable)
    // Without any interest epoll still tells that both directions have ended.
    poller.modify(pair.near.number, [], token: 2)
    #expect(poller.wait(nil) == 1)
    #expect(poller.readiness(at: 0).token == 2)
    #expect(poller.readiness(at: 0).isReadable)
  }

  @Test func `a closed descriptor is forgotten`() throws {
    let poller = try Poller()
    do {
      let pair = try SocketPair()
      try poller.add(pair.near.number, .readable, token: 1)
      pair.writeAtFarEnd([1])
      #expect(Self.tokens(of: poller) == [1])
    }
    #expect(Self.tokens(of: poller) == [])
  }

  @Test func `a wait reports at most 512 descriptors and the next one the rest`() throws {
    let poller = try Poller()
    let wakes = try SocketPair()
    wakes.writeAtFarEnd([1])
    var copies = (0..<513).map { _ in dup(wakes.near.number) }
    defer { for copy in copies { close(copy) } }
    try #require(copies.allSatisfy { $0 >= 0 })
    for (token, copy) in copies.enumerated() {
      try poller.add(copy, .readable, token: UInt64(token))
    }
    #expect(poller.wait(.zero) == 512)
    let first = Set((0..<512).map { poller.readiness(at: $0).token })
    #expect(poller.wait(.zero) == 512)
    let second = Set((0..<512).map { poller.readiness(at: $0).token })
    #expect(first.union(second).count == 513)
    close(copies.removeLast())
    #expect(poller.wait(.zero) == 512)
  }

  @Test(arguments: [1, 999_999, 1_000_001, 2_500_000])
  func `when a wait returns its time has passed`(nanoseconds: Int64) throws {
    let poller = try Poller()
    let start = MonotonicInstant.now()
    #expect(poller.wait(.nanoseconds(nanoseconds)) == 0)
    #expect(MonotonicInstant.now().since(start) >= .nanoseconds(nanoseconds))
  }

  /// The rounding up once overflowed for times that a clock of nanoseconds cannot count.
  @Test(arguments: [
    Duration.seconds(Int64.max), .nanoseconds(Int64.max), .seconds(18_446_744_073), .seconds(-1),
  ])
  func `a wait of any length sees what is ready`(timeout: Duration) throws {
    let (poller, pair) = (try Poller(), try SocketPair())
    try poller.add(pair.near.number, .readable, token: 9)
    pair.writeAtFarEnd([1])
    #expect(poller.wait(timeout) == 1)
  }

  @Test func `a descriptor can be watched once only`() throws {
    let (poller, pair) = (try Poller(), try SocketPair())
    try poller.add(pair.near.number, .readable, token: 1)
    #expect(throws: Errno(code: EEXIST)) {
      try poller.add(pair.near.number, .readable, token: 2)
    }
  }

  @Test func `a foreign descriptor is watched anew, otherwise, and not at all`() throws {
    let (poller, pair) = (try Poller(), try SocketPair())
    try poller.watchForeign(pair.near.number, .readable, token: 1)
    #expect(poller.wait(.zero) == 0)
    try poller.watchForeign(pair.near.number, .writable, token: 2)
    #expect(poller.wait(.zero) == 1)
    #expect(poller.readiness(at: 0).token == 2)
    poller.forgetForeign(pair.near.number)
    #expect(poller.wait(.zero) == 0)
  }

  @Test func `a foreign descriptor may have been closed before it is forgotten`() throws {
    let poller = try Poller()
    let number = try SocketPair().near.number
    poller.forgetForeign(number)
    let pair = try SocketPair()
    poller.forgetForeign(pair.near.number)
    #expect(throws: Errno(code: EBADF)) {
      try poller.watchForeign(1_000_000, .readable, token: 1)
    }
  }

  @Test func `changing what is not watched traps`() async {
    await #expect(processExitsWith: .failure) { try Poller().modify(0, .readable, token: 1) }
    await #expect(processExitsWith: .failure) { try Poller().remove(0) }
  }
}
