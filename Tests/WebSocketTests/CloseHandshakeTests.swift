import RoostWebSocket
import Testing

struct CloseHandshakeTests {
  /// One thing that happens to a connection.
  enum Input: Equatable {
    case close(UInt16)
    case fail(WebSocketViolation)
    case received(UInt16?)
    case flushed
    case transportEnded
    case deadlinePassed
  }

  /// What happens, what is to be done each time, and how the connection has ended.
  struct Story: CustomTestStringConvertible {
    let name: String
    let role: Role
    let steps: [(Input, CloseHandshake.Action)]
    let ending: ConnectionEnding?

    var testDescription: String { "\(role): \(name)" }
  }

  static let stories: [Story] = [
    Story(
      name: "this side closes", role: .server,
      steps: [
        (.flushed, .none), (.close(1001), .sendClose(code: 1001)), (.flushed, .none),
        (.received(1001), .closeTransport), (.transportEnded, .none),
      ], ending: ConnectionEnding(code: 1001, side: .local, isClean: true)),
    Story(
      name: "this side closes and waits for the server to end the transport", role: .client,
      steps: [
        (.close(1000), .sendClose(code: 1000)), (.flushed, .none), (.received(1000), .none),
        (.flushed, .none), (.transportEnded, .closeTransport),
      ], ending: ConnectionEnding(code: 1000, side: .local, isClean: true)),
    Story(
      name: "the peer closes", role: .server,
      steps: [
        (.received(3000), .sendClose(code: 3000)), (.flushed, .closeTransport),
        (.transportEnded, .none),
      ], ending: ConnectionEnding(code: 3000, side: .remote, isClean: true)),
    Story(
      name: "the peer closes and the server is waited for", role: .client,
      steps: [
        (.received(1001), .sendClose(code: 1001)), (.flushed, .none),
        (.transportEnded, .closeTransport),
      ], ending: ConnectionEnding(code: 1001, side: .remote, isClean: true)),
    Story(
      name: "the peer closes without a code and is answered without one", role: .server,
      steps: [(.received(nil), .sendClose(code: nil)), (.flushed, .closeTransport)],
      ending: ConnectionEnding(code: 1005, side: .remote, isClean: true)),
    Story(
      name: "both close at once, and this side's frame is still queued", role: .server,
      steps: [
        (.close(1001), .sendClose(code: 1001)), (.received(1000), .none),
        (.flushed, .closeTransport),
      ], ending: ConnectionEnding(code: 1001, side: .local, isClean: true)),
    Story(
      name: "the wish to close again changes nothing", role: .server,
      steps: [
        (.close(4000), .sendClose(code: 4000)), (.close(1001), .none), (.flushed, .none),
        (.close(1001), .none), (.received(nil), .closeTransport), (.close(1001), .none),
      ], ending: ConnectionEnding(code: 4000, side: .local, isClean: true)),
    Story(
      name: "the wish to close behind the peer's changes nothing", role: .server,
      steps: [
        (.received(1000), .sendClose(code: 1000)), (.close(4005), .none),
        (.flushed, .closeTransport),
      ], ending: ConnectionEnding(code: 1000, side: .remote, isClean: true)),
    Story(
      name: "the peer breaks the protocol", role: .server,
      steps: [
        (.fail(.maskMissing), .sendClose(code: 1002)), (.close(1001), .none),
        (.flushed, .closeTransport),
      ], ending: ConnectionEnding(code: 1002, side: .local, isClean: false)),
    Story(
      name: "the server breaks the protocol", role: .client,
      steps: [(.fail(.invalidUTF8), .sendClose(code: 1007)), (.flushed, .closeTransport)],
      ending: ConnectionEnding(code: 1007, side: .local, isClean: false)),
    Story(
      name: "the peer breaks the protocol after this side's close frame has gone", role: .server,
      steps: [
        (.close(1001), .sendClose(code: 1001)), (.flushed, .none),
        (.fail(.reservedBits), .closeTransport),
      ], ending: ConnectionEnding(code: 1001, side: .local, isClean: false)),
    Story(
      name: "the peer breaks the protocol while this side's close frame is queued", role: .server,
      steps: [
        (.close(1001), .sendClose(code: 1001)), (.fail(.reservedBits), .none),
        (.flushed, .closeTransport),
      ], ending: ConnectionEnding(code: 1001, side: .local, isClean: false)),
    Story(
      name: "the transport ends without a word", role: .server,
      steps: [(.transportEnded, .closeTransport), (.flushed, .none), (.deadlinePassed, .none)],
      ending: ConnectionEnding(code: 1006, side: .remote, isClean: false)),
    Story(
      name: "the transport ends instead of an answer", role: .server,
      steps: [
        (.close(1001), .sendClose(code: 1001)), (.flushed, .none),
        (.transportEnded, .closeTransport),
      ], ending: ConnectionEnding(code: 1001, side: .local, isClean: false)),
    Story(
      name: "the transport ends before the answer has gone", role: .server,
      steps: [(.received(1000), .sendClose(code: 1000)), (.transportEnded, .closeTransport)],
      ending: ConnectionEnding(code: 1000, side: .remote, isClean: true)),
    Story(
      name: "the answer does not come in time", role: .server,
      steps: [
        (.close(4000), .sendClose(code: 4000)), (.flushed, .none),
        (.deadlinePassed, .closeTransport),
      ], ending: ConnectionEnding(code: 4000, side: .local, isClean: false)),
    Story(
      name: "a peer that takes nothing in is not waited for", role: .server,
      steps: [(.received(1000), .sendClose(code: 1000)), (.deadlinePassed, .closeTransport)],
      ending: ConnectionEnding(code: 1000, side: .remote, isClean: true)),
    Story(
      name: "a peer that broke the protocol and takes nothing in", role: .server,
      steps: [(.fail(.maskMissing), .sendClose(code: 1002)), (.deadlinePassed, .closeTransport)],
      ending: ConnectionEnding(code: 1002, side: .local, isClean: false)),
    Story(
      name: "the server does not end the transport in time", role: .client,
      steps: [
        (.close(1000), .sendClose(code: 1000)), (.flushed, .none), (.received(1000), .none),
        (.deadlinePassed, .closeTransport),
      ], ending: ConnectionEnding(code: 1000, side: .local, isClean: true)),
    Story(
      name: "an open connection minds neither flush nor deadline", role: .server,
      steps: [(.flushed, .none), (.deadlinePassed, .none), (.flushed, .none)], ending: nil),
  ]

  @Test(arguments: stories)
  func `each story goes as told`(story: Story) {
    var handshake = CloseHandshake(role: story.role)
    for (index, (input, action)) in story.steps.enumerated() {
      #expect(Self.apply(input, to: &handshake) == action, "step \(index): \(input)")
    }
    #expect(handshake.ending == story.ending)
  }

  @Test func `messages are sent until this side's close frame and read until the peer's`() {
    var handshake = CloseHandshake(role: .server)
    #expect(handshake.maySend && handshake.mayReceive)
    _ = handshake.close(code: 1001)
    #expect(!handshake.maySend && handshake.mayReceive)
    _ = handshake.received(code: 1001)
    #expect(!handshake.maySend && !handshake.mayReceive)
    handshake = CloseHandshake(role: .server)
    _ = handshake.fail(.reservedBits)
    #expect(!handshake.maySend && !handshake.mayReceive)
  }

  /// Every sequence of five inputs that a connection can see: never two close frames, never two ends
  /// of the transport, and nothing is sent behind either.
  @Test(arguments: [Role.server, .client])
  func `no sequence of inputs sends or closes twice`(role: Role) {
    let inputs: [Input] = [
      .close(1000), .fail(.reservedBits), .received(1001), .flushed, .transportEnded,
      .deadlinePassed,
    ]
    func walk(_ handshake: CloseHandshake, _ actions: [CloseHandshake.Action], _ depth: Int) {
      let frames = actions.count {
        if case .sendClose = $0 { true } else { false }
      }
      #expect(frames <= 1)
      #expect(actions.count { $0 == .closeTransport } <= 1)
      if let end = actions.firstIndex(of: .closeTransport) {
        #expect(actions[(end + 1)...].allSatisfy { $0 == .none })
        #expect(handshake.ending != nil)
      }
      guard depth > 0 else { return }
      for input in inputs {
        switch input {
        // The reader answers nothing any more by then.
        case .fail, .received: guard handshake.mayReceive else { continue }
        default: break
        }
        var next = handshake
        let action = Self.apply(input, to: &next)
        walk(next, actions + [action], depth - 1)
      }
    }
    walk(CloseHandshake(role: role), [], 5)
  }

  @Test func `a second close frame is a bug of the reader`() async {
    await #expect(processExitsWith: .failure) {
      var handshake = CloseHandshake(role: .server)
      _ = handshake.received(code: 1000)
      _ = handshake.received(code: 1000)
    }
  }

  private static func apply(
    _ input: Input, to handshake: inout CloseHandshake
  ) -> CloseHandshake.Action {
    switch input {
    case .close(let code): handshake.close(code: code)
    case .fail(let violation): handshake.fail(violation)
    case .received(let code): handshake.received(code: code)
    case .flushed: handshake.flushed()
    case .transportEnded: handshake.transportEnded()
    case .deadlinePassed: handshake.deadlinePassed()
    }
  }
}
