// One accepted socket: what it is doing, what it has to send, how far its input is read. It lives in
// a slot of its shard's slab and is touched by that shard's thread only.

import RoostDeflate
import RoostEventLoop
import RoostHTTP
import RoostRooms
import RoostWebSocket

/// What a connection is doing.
enum ConnectionPhase: UInt8, Sendable {
  /// The slot is free.
  case vacant
  /// An HTTP request is awaited or coming in.
  case request
  /// WebSocket, speaking `roost.v1.json`.
  case open
  /// WebSocket, each message is sent back as it came (`/echo`).
  case echo
  /// A response of server-sent events, begun or waiting for its room.
  case stream
  /// WebSocket, a close frame is on its way or was sent; nothing else will be.
  case closing
  /// Nothing more will be sent; input is thrown away until the peer ends, so that it reads our last
  /// bytes instead of a reset.
  case lingering
  /// To be closed at the end of the tick.
  case ended
}

/// Whether a connection has been sent away by a node that drains.
enum Departure: UInt8, Sendable {
  /// Not so far.
  case staying
  /// Its turn is coming.
  case told
  /// Its turn has come: what it asked is still answered, nothing else is begun.
  case leaving
}

/// How frames for a connection are compressed.
enum FrameVariant: Equatable, Sendable {
  /// Not at all.
  case plain
  /// Each message by itself, with a window of that many bits: shared with other members.
  case shared(windowBits: UInt8)
  /// With the connection's own window, which no other connection can share.
  case own
  /// Not as a frame but as a server-sent event.
  case events
}

/// Compression state that belongs to one connection, where context takeover was agreed on.
final class ConnectionCompression {
  var inflater: Inflater?
  var deflater: Deflater?
  let budgetBytes: Int

  init(inflater: consuming Inflater?, deflater: consuming Deflater?, budgetBytes: Int) {
    self.inflater = consume inflater
    self.deflater = consume deflater
    self.budgetBytes = budgetBytes
  }
}

/// A connection in its slot.
struct Connection: ~Copyable {
  // Delivery: what is touched for every message stands in the first 64 bytes, one cache line.
  var queue = SendQueue()
  /// Bytes up to which messages are queued without a second look: `queueMax`, or half of it in rooms
  /// that spare a slow member, or 0 while something is held back, and once the queue has overflowed.
  var queueMark: UInt32 = 0
  var descriptor: Int32 = -1
  var variant = FrameVariant.plain
  var phase = ConnectionPhase.vacant
  var isDirty = false
  var awaitsWritable = false
  var token = SlotToken(index: -1, generation: 0)

  // A member that reads too slowly.
  /// Bytes that the queue may hold; 0 once it has overflowed.
  private(set) var queueMax: UInt32 = 0
  /// Rooms that it is live in and that spare a slow member.
  var sparingRooms: Int32 = 0

  // Reading.
  var reader = MessageReader(role: .server, messageBytesMax: 0, deflate: nil)
  var closing = CloseHandshake(role: .server)
  var head: HeadScanner?
  var input = ByteQueue()
  var compression: ConnectionCompression?
  /// TLS between the socket and everything else; nil on a plain port.
  var tls: TLSTransport?

  // Who it is.
  /// Whose connection it is, as far as is known and believed.
  var address = SocketAddress(ipv4: 0, port: 0)
  /// Who sends its bytes: the socket's other end, or whom that one's PROXY header names.
  var peer = SocketAddress(ipv4: 0, port: 0)
  /// Whether the doorkeeper counts it by `address`.
  var isAddressCounted = false
  /// Whether the cluster counts it by `address`, and by its user.
  var isAddressInCluster = false
  var isUserInCluster = false
  /// Whether an HTTP request was read; further ones count like sockets.
  var hasRequested = false
  /// Whether a PROXY header has to come first.
  var awaitsProxyHeader = false
  /// Whether the client's own connection is encrypted; nil when nobody who is trusted said.
  var isPageSecure: Bool?
  var session = Session()
  /// What waits for the callback's decision; nil for most.
  var held: HeldRequests?
  /// Where it came from, for one that came from another node.
  var resumption: Resumption?
  var openedAt = MonotonicInstant.zero
  /// When bytes came last.
  var lastActivity = MonotonicInstant.zero
  /// When a message came last, for the idle timeout.
  var lastMessage = MonotonicInstant.zero
  /// Messages that came lately.
  var messageRate = RecentRate()
  /// Whether the doorkeeper counts it as a WebSocket connection or an event stream.
  var isAdmitted = false
  /// How far it is on its way out of a node that drains.
  var departure = Departure.staying
  /// Whether messages tell it which they are, because it may get them over two connections.
  var showsMids = false
  /// Whether it reads the marks of binary messages.
  var readsBinaryMids = false
  /// Whether its client has another connection now, which counts in its place.
  var isSuperseded = false
  /// Where it stands among those that have not finished their handshake.
  var handshake = HandshakePlace()
  /// Whether the head of an event stream was sent.
  var isStreamOpen = false
  /// The page that asked for the event stream, to be allowed to read it.
  var streamOrigin: String?

  // How fast it is read: until when what was read is paid for, in nanoseconds, and when it is read
  // again; zero when it is read now.
  var inputPaidUntil: UInt64 = 0
  var inputResumesAt = MonotonicInstant.zero

  // Timers. One entry of the wheel serves all of them: `timerAt` is what is wanted, `wheelAt` when
  // the earliest entry comes out.
  var timerAt = MonotonicInstant.distantFuture
  var wheelAt = MonotonicInstant.distantFuture
  var pingSentAt = MonotonicInstant.zero
  var awaitsPong = false
  /// Microseconds from the last ping to its pong, at least 1; 0 before the first.
  var roundTrip: UInt32 = 0
  /// End of the handshake, of the close handshake, or of lingering.
  var deadline = MonotonicInstant.distantFuture

  /// A free slot's connection.
  init() {}

  deinit {
    if descriptor >= 0 { Syscalls.close(descriptor) }
  }

  /// Whether rooms may still deliver to it.
  var isLive: Bool { phase == .open || phase == .stream }

  /// Says what the queue may hold.
  mutating func limitQueue(to bytes: UInt32) {
    queueMax = bytes
    queueMark = bytes
  }

  /// Whether a queue in which less than a quarter is left takes more.
  var hasDrained: Bool {
    queueMax > 0 && (queue.isEmpty || queue.count < Int(queueMax) / 4)
  }
}
