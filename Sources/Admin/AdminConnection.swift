// One connection of the admin port, in a slot of the admin thread's slab.

import Gateway
import RoostEventLoop
import RoostHTTP

/// One connection of the admin port.
struct AdminConnection: ~Copyable {
  /// What the connection is doing.
  enum Phase: Equatable {
    case vacant
    /// A head is awaited or coming in.
    case head
    /// A body is coming in for the head that was read.
    case body
    /// The node was asked; what comes in meanwhile waits.
    case waiting
    /// Nothing more will be sent; the peer's end is awaited.
    case lingering
    /// To be closed at the end of the tick.
    case ended
  }

  var phase = Phase.vacant
  var descriptor: Int32 = -1
  var address = SocketAddress(ipv4: 0, port: 0)
  var token = SlotToken(index: -1, generation: 0)
  var queue = SendQueue()
  /// TLS between the socket and everything else; nil on a plain port.
  var tls: TLSTransport?
  var isDirty = false
  var awaitsWritable = false
  var hasPeerEnded = false
  var scanner: HeadScanner?
  /// Bytes that were read and are not used up.
  var input: [UInt8] = []
  var request: RequestHead?
  var decoder: BodyDecoder?
  var body: [UInt8] = []
  /// What the node was asked, for whose answer the connection waits.
  var asked: (request: ServerRequest, operation: APIOperation)?
  /// Tells the questions of a connection apart.
  var question: UInt64 = 0
  /// Whether input is left in the kernel until the connection waits no more.
  var isPaused = false
  var deadline = MonotonicInstant.distantFuture

  init() {}

  deinit {
    if descriptor >= 0 { Syscalls.close(descriptor) }
  }
}
