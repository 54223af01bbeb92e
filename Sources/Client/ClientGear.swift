// What all clients of one loop share: the poller, the buffers, the timers, names being looked up. A class,
// because transports and drivers hold it; all of it belongs to the loop's thread.

import RoostCrypto
import RoostDeflate
import RoostEventLoop

/// How to reach a server, made once for each client.
struct DialPlan: Sendable {
  let url: ClientURL
  let proxy: ClientProxy?
  let fields: [(name: String, value: String)]
  let messageBytesMax: Int
  let offersCompression: Bool
  /// The files of TLS; nil for a plain connection.
  let trust: TrustFiles?

  init(url: ClientURL, proxy: ClientProxy?, _ options: ClientOptions) {
    self.url = url
    self.proxy = proxy
    fields = options.fields
    messageBytesMax = max(options.messageBytesMax, 1024)
    offersCompression = options.offersCompression
    trust =
      url.isSecure
      ? TrustFiles(
        caFile: options.caFile, certificateFile: options.certificateFile, keyFile: options.keyFile)
      : nil
  }
}

/// What a TLS context is made from.
struct TrustFiles: Hashable, Sendable {
  let caFile: String?
  let certificateFile: String?
  let keyFile: String?
}

/// The shared part of a loop's clients.
final class ClientGear {
  /// Bytes that are read at once.
  static let readBytes = 65_536

  let poller: Poller
  let wakeup: Wakeup
  let plaintext: UnsafeMutableRawBufferPointer
  let ciphertext: UnsafeMutableRawBufferPointer
  var inflater = Inflater(windowBits: 15)
  private var deflater: Deflater?
  private var wheel: TimerWheel
  private var nextToken: UInt64 = 1 << 32
  private var contexts: [TrustFiles: TLSContext] = [:]
  private var lookups: [LookupKey: Lookup] = [:]
  private var masks = [UInt8](repeating: 0, count: 256)
  private var masksLeft = 0

  /// Connections by their tokens.
  var transports: [UInt64: ClientTransport] = [:]
  /// Connections with bytes to send.
  var dirty: [ClientTransport] = []
  /// Connections that did not read to the end of what was there.
  var hungry: [UInt64] = []

  private struct LookupKey: Hashable {
    let host: String
    let port: UInt16
  }

  private final class Lookup {
    var lookup: HostLookup
    var waiting: [UInt64] = []
    init(_ lookup: consuming HostLookup) { self.lookup = lookup }
  }

  init(poller: Poller, wakeup: Wakeup, now: MonotonicInstant) {
    self.poller = poller
    self.wakeup = wakeup
    wheel = TimerWheel(now: now)
    plaintext = .allocate(byteCount: Self.readBytes, alignment: 16)
    ciphertext = .allocate(byteCount: Self.readBytes, alignment: 16)
    plaintext.initializeMemory(as: UInt8.self, repeating: 0)
    ciphertext.initializeMemory(as: UInt8.self, repeating: 0)
  }

  deinit {
    plaintext.deallocate()
    ciphertext.deallocate()
  }

  /// A number that no connection had before.
  func makeToken() -> UInt64 {
    nextToken += 1
    return nextToken
  }

  /// Fresh bits for a frame's mask (RFC 6455, 5.3).
  func makeMask() -> UInt32 {
    if masksLeft == 0 {
      // One system call for many frames.
      RandomBytes.fill(&masks)
      masksLeft = masks.count / 4
    }
    masksLeft -= 1
    var mask: UInt32 = 0
    for index in masksLeft * 4..<masksLeft * 4 + 4 { mask = mask << 8 | UInt32(masks[index]) }
    return mask
  }

  /// The context for some files; made once, and again when that failed.
  func context(_ files: TrustFiles) throws(TLSFailure) -> TLSContext {
    if let context = contexts[files] { return context }
    let context = try TLSContext.client(
      caFile: files.caFile, certificateFile: files.certificateFile, keyFile: files.keyFile)
    contexts[files] = context
    return context
  }

  /// Compresses a message by itself; nil when there is no memory for it.
  func compressed(_ payload: borrowing Span<UInt8>) -> [UInt8]? {
    if deflater == nil {
      do throws(DeflateViolation) {
        deflater = try Deflater(windowBits: 15, level: 6, memoryLevel: 8)
      } catch {
        return nil
      }
    }
    var output: [UInt8] = []
    deflater?.reset()
    deflater?.compress(payload, into: &output)
    return output
  }

  // MARK: Timers

  /// Has `token` looked at, at or after a point, or earlier.
  func schedule(_ token: UInt64, at deadline: MonotonicInstant) {
    wheel.schedule(token, at: deadline)
  }

  func expired(_ now: MonotonicInstant) -> [UInt64] {
    var tokens: [UInt64] = []
    wheel.expire(until: now, into: &tokens)
    return tokens
  }

  func nextDeadline() -> MonotonicInstant? { hungry.isEmpty ? wheel.nextDeadline() : .zero }

  // MARK: Names

  /// Asks for a host's addresses on behalf of a connection, which is told by `answered`.
  func look(up host: String, port: UInt16, for token: UInt64) throws(Errno) {
    let key = LookupKey(host: host, port: port)
    if let lookup = lookups[key] {
      lookup.waiting.append(token)
      return
    }
    let lookup = Lookup(try HostLookup(host: host, port: port, wakeup: wakeup))
    lookup.waiting.append(token)
    lookups[key] = lookup
  }

  /// Answers that have come since, each with who waits for it.
  func answers() -> [(answer: HostAnswer, waiting: [UInt64])] {
    var answers: [(answer: HostAnswer, waiting: [UInt64])] = []
    for (key, lookup) in lookups {
      guard let answer = lookup.lookup.answer() else { continue }
      answers.append((answer, lookup.waiting))
      lookups[key] = nil
    }
    return answers
  }

  // MARK: Failing later

  /// Connections that failed where their driver must not be told at once, and why.
  private(set) var failing: [(transport: ClientTransport, reason: String)] = []

  /// Has a connection end with the tick: whoever made it fail is in the middle of something.
  func drop(_ transport: ClientTransport, _ reason: String) {
    failing.append((transport, reason))
  }

  /// Closes what is left of all connections, which hold this and are held by it.
  func endAll() {
    for transport in transports.values { transport.end() }
    dirty = []
    failing = []
  }

  func takeFailing() -> [(transport: ClientTransport, reason: String)] {
    defer { failing = [] }
    return failing
  }
}
