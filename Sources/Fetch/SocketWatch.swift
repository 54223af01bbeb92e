// What libcurl waits for: descriptors and one point in time. libcurl tells it in callbacks, in the
// middle of its own work; they change this box and the poller and touch nothing else.

import RoostCCurl
import RoostEventLoop

/// The descriptors that libcurl wants to be watched, and when it wants to be called.
///
/// The fetcher's thread only.
final class SocketWatch {
  private let poller: Poller
  private var descriptors: [UInt64: Int32] = [:]
  private var tokens: [Int32: UInt64] = [:]
  private var nextToken: UInt64

  /// When libcurl wants to be called without an event.
  var deadline: MonotonicInstant?

  init(poller: Poller, firstToken: UInt64) {
    self.poller = poller
    nextToken = firstToken
  }

  /// The descriptor that was added with a token; nil when it is watched no longer.
  func descriptor(of token: UInt64) -> Int32? { descriptors[token] }

  /// Descriptors that are watched.
  var count: Int { tokens.count }

  static let changed: roost_fetch_watch = { _, descriptor, what, context, _ in
    SocketWatch.at(context)?.change(descriptor, what)
    return 0
  }

  static let scheduled: roost_fetch_schedule = { _, milliseconds, context in
    SocketWatch.at(context)?.schedule(milliseconds)
    return 0
  }

  private static func at(_ context: UnsafeMutableRawPointer?) -> SocketWatch? {
    context.map { Unmanaged<SocketWatch>.fromOpaque($0).takeUnretainedValue() }
  }

  private func schedule(_ milliseconds: Int) {
    deadline =
      milliseconds < 0
      ? nil : MonotonicInstant.now().advanced(by: .milliseconds(milliseconds))
  }

  private func change(_ descriptor: Int32, _ what: Int32) {
    guard what != CURL_POLL_REMOVE else {
      if let token = tokens.removeValue(forKey: descriptor) { descriptors[token] = nil }
      poller.forgetForeign(descriptor)
      return
    }
    var interest: Interest = []
    if what & CURL_POLL_IN != 0 { interest.insert(.readable) }
    if what & CURL_POLL_OUT != 0 { interest.insert(.writable) }
    let token: UInt64
    if let known = tokens[descriptor] {
      token = known
    } else {
      token = nextToken
      nextToken += 1
      tokens[descriptor] = token
      descriptors[token] = descriptor
    }
    // Without memory for it the request ends by its timeout.
    try? poller.watchForeign(descriptor, interest, token: token)
  }
}
