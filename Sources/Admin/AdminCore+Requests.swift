// Bytes in on the admin port: heads and bodies of requests, through TLS where there is one.

import Gateway
import RoostEventLoop
import RoostHTTP

extension AdminCore {
  mutating func receive(_ slot: Int32, _ now: MonotonicInstant) {
    let descriptor = connections[slot].descriptor
    switch readBuffer.withUnsafeMutableBytes({ Syscalls.receive(descriptor, into: $0) }) {
    case .bytes(let count):
      guard connections[slot].phase != .lingering else { return }
      if let tls = connections[slot].tls { return decrypt(slot, tls, count, now) }
      took(slot, count, now)
    case .wouldBlock: break
    case .endOfStream: peerEnded(slot, now)
    case .failed: end(slot)
    }
  }

  /// Handles the first `count` bytes of the buffer.
  private mutating func took(_ slot: Int32, _ count: Int, _ now: MonotonicInstant) {
    connections[slot].input.append(contentsOf: readBuffer[0..<count])
    takeRequests(slot, now)
    if connections[slot].phase == .waiting,
      connections[slot].input.count >= Self.pipelinedBytesMax
    {
      pause(slot)
    }
  }

  /// Decrypts the first `count` bytes of the buffer, and handles all that comes out.
  private mutating func decrypt(
    _ slot: Int32, _ tls: TLSTransport, _ count: Int, _ now: MonotonicInstant
  ) {
    tls.feed(readBuffer.span.extracting(0..<count))
    reading: while connections[slot].phase != .lingering, connections[slot].phase != .ended {
      let reading = readBuffer.withUnsafeMutableBytes { tls.read(into: $0) }
      if reading.count > 0 { took(slot, reading.count, now) }
      // It may have gone to a shard with its connection, and is not ours to touch any more.
      guard connections[slot].tls != nil else { return }
      switch reading.state {
      case .more: continue reading
      case .waiting: break
      case .ended: peerEnded(slot, now)
      case .failed:
        if tls.hasOutput { linger(slot, now) } else { end(slot) }
      case .plainHTTP:
        connections[slot].tls = nil
        refuse(slot, 400, "This port speaks TLS: use https.", now)
      }
      break
    }
    if tls.hasOutput { markDirty(slot) }
  }

  /// Sends what a connection has queued.
  mutating func sendQueued(_ slot: Int32) -> FlushOutcome {
    let descriptor = connections[slot].descriptor
    guard let tls = connections[slot].tls else {
      return arena.flush(&connections[slot].queue, to: descriptor)
    }
    return tls.flush(&connections[slot].queue, of: &arena, to: descriptor)
  }

  /// Whether anything waits for the socket.
  func hasOutput(_ slot: Int32) -> Bool {
    if !connections[slot].queue.isEmpty { return true }
    return connections[slot].tls?.hasOutput ?? false
  }

  /// The peer sends nothing more; what is queued for it still goes out.
  private mutating func peerEnded(_ slot: Int32, _ now: MonotonicInstant) {
    if connections[slot].phase == .waiting {
      // It may have ended its sending side only, and wait for the answer.
      connections[slot].hasPeerEnded = true
      return pause(slot)
    }
    guard hasOutput(slot) else { return end(slot) }
    connections[slot].hasPeerEnded = true
    lingerBehindEnd(slot, now)
  }

  mutating func lingerBehindEnd(_ slot: Int32, _ now: MonotonicInstant) {
    linger(slot, now)
    // Its end stays readable for good: from here on only room for the rest is worth a wake-up.
    connections[slot].awaitsWritable = true
    poller.modify(
      connections[slot].descriptor, [.writable], token: connections[slot].token.packed)
  }

  mutating func takeRequests(_ slot: Int32, _ now: MonotonicInstant) {
    while !connections[slot].input.isEmpty {
      let before = connections[slot].input.count
      switch connections[slot].phase {
      case .head: takeHead(slot, now)
      case .body: takeBody(slot, now)
      case .vacant, .waiting, .lingering, .ended: return
      }
      // No byte was used up: more of them are needed.
      guard connections[slot].input.count < before else { return }
    }
  }

  private mutating func takeHead(_ slot: Int32, _ now: MonotonicInstant) {
    var scanner =
      connections[slot].scanner
      ?? HeadScanner(
        requestLineBytesMax: Self.headBytesMax / 2, headBytesMax: Self.headBytesMax,
        fieldsMax: Self.fieldsMax)
    var input: [UInt8] = []
    swap(&input, &connections[slot].input)
    defer { swap(&input, &connections[slot].input) }
    do throws(HTTPViolation) {
      switch try scanner.scan(input.span) {
      case .needMore: connections[slot].scanner = scanner
      case .complete(let headBytes):
        connections[slot].scanner = nil
        let head = try RequestHead(
          parsing: input.span.extracting(0..<headBytes),
          requestLineBytesMax: Self.headBytesMax / 2, headBytesMax: Self.headBytesMax,
          fieldsMax: Self.fieldsMax)
        input.removeFirst(headBytes)
        extendDeadline(slot, now)
        try beginBody(slot, head, now)
      }
    } catch {
      input = []
      refuse(slot, error.status, error.reason, now)
    }
  }

  private mutating func beginBody(
    _ slot: Int32, _ head: RequestHead, _ now: MonotonicInstant
  ) throws(HTTPViolation) {
    switch head.body {
    case .none: return answer(slot, head, [], now)
    case .length(let count) where count == 0: return answer(slot, head, [], now)
    case .length(let count) where count > Self.bodyBytesMax: throw .bodyTooLarge
    case .length, .chunked:
      connections[slot].request = head
      connections[slot].decoder = BodyDecoder(body: head.body, bytesMax: Self.bodyBytesMax)
      connections[slot].phase = .body
      // RFC 9110, 10.1.1: the peer waits to be told that its body is wanted.
      if head.expectsContinue { enqueue(slot, Array("HTTP/1.1 100 Continue\r\n\r\n".utf8)) }
    }
  }

  private mutating func takeBody(_ slot: Int32, _ now: MonotonicInstant) {
    guard var decoder = connections[slot].decoder.take() else { return }
    var input: [UInt8] = []
    swap(&input, &connections[slot].input)
    var body: [UInt8] = []
    swap(&body, &connections[slot].body)
    var offset = 0
    do throws(HTTPViolation) {
      let progress = try decoder.decode(input.span, from: &offset, into: &body)
      input.removeFirst(offset)
      swap(&input, &connections[slot].input)
      switch progress {
      case .needMore:
        connections[slot].decoder = decoder
        swap(&body, &connections[slot].body)
      case .complete:
        connections[slot].phase = .head
        guard let head = connections[slot].request.take() else { return end(slot) }
        answer(slot, head, body, now)
      }
    } catch {
      refuse(slot, error.status, error.reason, now)
    }
  }
}
