// The fault loop: in a small conversation the nth system call of a kind fails in every way it can,
// once or from then on, until a run has fewer calls than n. The node must go on, and forget.

import Gateway
import RoostEventLoop
import RoostRooms
import RoostWebSocket
import TestSupport
import Testing

#if DEBUG
  extension SocketTests {
    struct FaultSocketTests {
      // The plan is the process's, so each loop has a process of its own.
      @Test func `a failing receive harms its own connection only`() async {
        await #expect(processExitsWith: .success) { try await failEveryCall(.receive) }
      }

      @Test func `a failing send harms its own connection only`() async {
        await #expect(processExitsWith: .success) { try await failEveryCall(.send) }
      }

      // A send that failed while a full queue was emptied early was passed over: the queue was gone,
      // the connection stayed, and went on behind a hole.
      @Test func `a send that fails on a full queue ends the connection`() async {
        await #expect(processExitsWith: .success) { try await failEverySendOfFullQueues() }
      }

      @Test func `a failing accept harms nobody for long`() async {
        await #expect(processExitsWith: .success) { try await failEveryCall(.accept) }
      }
    }
  }

  /// Walks through all faults of a call.
  private func failEveryCall(_ call: SyscallFaults.Call) async throws {
    let configuration = Configuration.forTests(dev: false) {
      $0.namespaces["log"] = RoomPolicy()
      $0.namespaces["log"]?.history = HistoryPolicy(
        messages: 10, lifetime: .seconds(60), bytes: 100_000)
      $0.compression.contextTakeover = true
      $0.compression.thresholdBytes = 64
    }
    try await withNode(configuration) { node in
      let bystander = try TestClient.open(node.address)
      try bystander.ask(#"{"type":"join","room":"quiet","id":1}"#)
      for kind in SyscallFaults.Kind.allCases {
        for persistent in [false, true] {
          var hits = 1
          var nth = 1
          while hits > 0 {
            let what = "\(call) \(kind), call \(nth)\(persistent ? " and all later ones" : "")"
            SyscallFaults.plan(call, kind, nth: nth, persistent: persistent)
            // What fails is tried no further; how far it came is not the question.
            try? converse(with: node.address)
            hits = SyscallFaults.clear()
            guard try bystander.nothingCame() else { throw TestFailure("\(what): a bystander") }
            try await settle(node, what)
            nth += 1
            guard nth < 200 else { throw TestFailure("\(what): there is no end") }
          }
          guard nth > 3 else { throw TestFailure("\(call) \(kind): no call was touched") }
          // Without faults it must come to its end.
          try converse(with: node.address)
          try await settle(node, "\(call) \(kind)")
        }
      }
      try bystander.close()
      try await node.empties()
    }
  }

  /// A member's queue overflows within a tick while the nth send fails: it gets all or its end.
  private func failEverySendOfFullQueues() async throws {
    for policy in [SlowConsumerPolicy.disconnect, .dropOldest, .latest] {
      try await failEverySendOfFullQueues(policy)
    }
  }

  private func failEverySendOfFullQueues(_ policy: SlowConsumerPolicy) async throws {
    let configuration = Configuration.forTests(dev: false) {
      $0.limits.outboundBytes = 20_000
      $0.namespaces["open"] = RoomPolicy()
      $0.namespaces["open"]?.publish = .anyone
      $0.namespaces["open"]?.slowConsumer = policy
    }
    let padding = String(repeating: "x", count: 8000)
    let frames = (0..<6).flatMap {
      TestClient.frame(
        .text, Array(#"{"type":"publish","room":"open:r","data":["\#(padding)",\#($0)]}"#.utf8))
    }
    try await withNode(configuration) { node in
      var hits = 1
      var nth = 1
      while hits > 0 {
        let member = try TestClient.open(node.address)
        try member.ask(#"{"type":"join","room":"open:r","id":1}"#)
        let publisher = try TestClient.open(node.address)
        SyscallFaults.plan(.send, .reset, nth: nth, persistent: false)
        try publisher.socket.write(frames)
        // Either fence may find its connection gone.
        _ = try? publisher.nothingCame()
        try? member.send(#"{"type":"ping","id":"fence"}"#)
        var count = 0
        var event = try member.next()
        while case .text(let text) = event, !text.contains("fence") {
          guard text.hasSuffix(",\(count)]}") else {
            throw TestFailure("send \(nth): instead of message \(count) came \(text.suffix(9))")
          }
          count += 1
          event = try member.next()
        }
        hits = SyscallFaults.clear()
        if case .text = event, count < 6 {
          throw TestFailure("send \(nth): the member goes on behind \(count) messages")
        }
        publisher.abort()
        member.abort()
        try await node.empties()
        nth += 1
      }
      guard nth > 3 else { throw TestFailure("only \(nth) sends") }
    }
  }

  private func settle(_ node: Node, _ what: String) async throws {
    do {
      try await node.settles { $0.sockets == 1 && $0.members == 1 && $0.rooms == 1 }
    } catch {
      throw TestFailure("\(what): \(error)")
    }
  }

  /// Two clients, one of them with compression: join, publish, recover, close.
  private func converse(with address: SocketAddress) throws {
    let keepsContext = DeflateConfiguration(
      isEnabled: true, allowsServerContextTakeover: true, allowsClientContextTakeover: true,
      serverWindowBits: 15)
    var clients: [TestClient] = []
    defer { for client in clients { client.abort() } }
    for deflate in [.disabled, keepsContext] {
      let client = TestClient(try BlockingSocket(to: address, deadline: .milliseconds(300)))
      clients.append(client)
      try client.upgrade(deflate: deflate)
      try client.welcomed()
      try client.ask(#"{"type":"join","room":"log:r","id":1}"#)
    }
    let data = String(repeating: "fault ", count: 50)
    for _ in 0..<2 {
      try clients[0].ask(#"{"type":"publish","room":"log:r","data":"\#(data)","id":2}"#)
      for client in clients { _ = try client.text() }
    }
    try clients[0].sendClose(1000)
    guard try clients[0].eventsToEnd() == [.close(1000, ""), .end] else {
      throw TestFailure("the close was not answered")
    }
  }
#endif
