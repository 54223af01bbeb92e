// Bytes in. One buffer serves all connections; what is complete in it is handled where it lies.

import RoostDeflate
import RoostEventLoop
import RoostRooms
import RoostWebSocket
import RoostWire
import Telemetry

extension Core {
  /// Reads what a socket has, once; epoll tells when there is more.
  mutating func receive(_ slot: Int32, _ now: MonotonicInstant) {
    guard connections[slot].tls == nil else { return receiveSecured(slot, now) }
    var buffer: [UInt8] = []
    swap(&buffer, &readBuffer)
    let descriptor = connections[slot].descriptor
    let outcome = buffer.withUnsafeMutableBytes { Syscalls.receive(descriptor, into: $0) }
    switch outcome {
    case .bytes(var count):
      metrics.bytesReceived.add(UInt64(count))
      let (bytesRead, framesBefore) = (count, connections[slot].reader.framesRead)
      connections[slot].lastActivity = now
      if connections[slot].awaitsProxyHeader {
        count = takeProxyHeader(slot, &buffer, count, now)
      }
      if count > 0 { take(slot, &buffer, count, now) }
      chargeInput(
        slot, bytes: bytesRead, frames: connections[slot].reader.framesRead &- framesBefore, now)
    case .wouldBlock: break
    case .endOfStream: peerEnded(slot, now)
    case .failed: transportFailed(slot)
    }
    swap(&buffer, &readBuffer)
  }

  /// Handles bytes of a connection, whatever it is doing when their turn comes.
  mutating func take(
    _ slot: Int32, _ buffer: inout [UInt8], _ count: Int, _ now: MonotonicInstant
  ) {
    var consumed = 0
    if connections[slot].phase == .request {
      consumed = takeRequests(slot, buffer, count, now)
      // What follows an upgrade is frames.
      guard consumed < count, connections[slot].phase != .request else { return }
    }
    switch connections[slot].phase {
    case .open, .echo, .closing: takeFrames(slot, &buffer, consumed..<count, now)
    // Nothing belongs behind the request for a stream.
    case .stream: endStream(slot, now)
    case .request, .lingering, .ended, .vacant: break
    }
  }

  /// Reads frames out of a range of the buffer.
  mutating func takeFrames(
    _ slot: Int32, _ buffer: inout [UInt8], _ range: Range<Int>, _ now: MonotonicInstant
  ) {
    var whole = buffer.mutableSpan
    var input = whole._mutatingExtracting(range)
    var offset = 0
    while connections[slot].closing.mayReceive, connections[slot].phase != .ended {
      let step: ReadStep
      do throws(WebSocketViolation) {
        step = try nextStep(slot, &input, at: &offset)
      } catch {
        return fail(slot, error, now)
      }
      switch step {
      case .needMore: return
      case .message(let kind, .inInput(let place)):
        receiveMessage(slot, kind, input.span.extracting(place), now)
      case .message(let kind, .assembled):
        let message = connections[slot].reader.takeAssembled()
        receiveMessage(slot, kind, message.span, now)
      case .ping(.inInput(let place)): receivePing(slot, input.span.extracting(place), now)
      case .ping(.assembled):
        let payload = connections[slot].reader.takeAssembled()
        receivePing(slot, payload.span, now)
      case .pong(.inInput(let place)): receivePong(slot, input.span.extracting(place), now)
      case .pong(.assembled):
        let payload = connections[slot].reader.takeAssembled()
        receivePong(slot, payload.span, now)
      case .close(let code, _): return receiveClose(slot, code, now)
      }
    }
  }

  private mutating func nextStep(
    _ slot: Int32, _ input: inout MutableSpan<UInt8>, at offset: inout Int
  ) throws(WebSocketViolation) -> ReadStep {
    if let compression = connections[slot].compression, var own = compression.inflater.take() {
      let result: Result<ReadStep, WebSocketViolation>
      do throws(WebSocketViolation) {
        result = .success(
          try connections[slot].reader.next(&input, at: &offset, inflater: &own))
      } catch {
        result = .failure(error)
      }
      compression.inflater = consume own
      return try result.get()
    }
    return try connections[slot].reader.next(&input, at: &offset, inflater: &inflater)
  }

  private mutating func receiveMessage(
    _ slot: Int32, _ kind: MessageKind, _ message: Span<UInt8>, _ now: MonotonicInstant
  ) {
    metrics.messagesIn.add()
    metrics.messageBytesIn.add(UInt64(message.count))
    connections[slot].messageRate.add(at: second)
    switch connections[slot].phase {
    case .open:
      connections[slot].lastMessage = now
      guard takeBytes(slot, message.count, now) else { return }
      switch kind {
      case .text: receiveText(slot, message, now)
      case .binary: receiveBinary(slot, message, now)
      }
    case .echo:
      enqueueMessage(kind, message, slot, compressesAlways: true)
    case .closing, .stream, .lingering, .ended, .request, .vacant:
      // Behind our close frame nothing is answered any more.
      break
    }
  }

  private mutating func receivePing(
    _ slot: Int32, _ payload: Span<UInt8>, _ now: MonotonicInstant
  ) {
    guard connections[slot].closing.maySend else { return }
    if connections[slot].phase == .open {
      guard takePing(slot, now) else { return }
    }
    enqueueControl(.pong, payload, slot)
  }

  private mutating func receivePong(
    _ slot: Int32, _ payload: Span<UInt8>, _ now: MonotonicInstant
  ) {
    guard connections[slot].awaitsPong else { return }
    // The payload of our ping is the time at which it was sent; any other pong is unsolicited.
    guard payload.count == 8 else { return }
    var sent: UInt64 = 0
    for place in 0..<8 { sent = sent << 8 | UInt64(payload[place]) }
    guard sent == connections[slot].pingSentAt.nanoseconds else { return }
    connections[slot].awaitsPong = false
    let roundTrip = now.nanoseconds &- min(sent, now.nanoseconds)
    metrics.pingRoundTrip.observe(roundTrip)
    connections[slot].roundTrip = UInt32(clamping: max(roundTrip / 1000, 1))
  }
}
