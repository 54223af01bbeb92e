// Outgoing HTTP on an event loop: libcurl does the protocol (RFC 9112, RFC 9113), TLS, names and the
// reuse of connections; the loop does all the waiting. https://curl.se/libcurl/c/libcurl-multi.html

import RoostCCurl
public import RoostEventLoop

/// Requests to other servers.
///
/// Owned by one loop's thread, which calls it as `LoopStages` are called. Only `http` and `https`;
/// certificates are always checked; redirects are not followed; neither proxies of the environment
/// nor files of the user's home are read. Letting go of it ends what is under way.
public struct Fetcher: ~Copyable {
  private let multi: UnsafeMutableRawPointer
  private let watch: SocketWatch
  private let concurrencyMax: Int
  private var active: [UnsafeMutableRawPointer: Transfer] = [:]
  private var idle: [Transfer] = []
  private var completed: [FetchCompletion] = []

  /// libcurl's own start, once a process.
  private static let isLibraryReady = curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK

  /// Makes a fetcher; nil when libcurl cannot be used, because it has no memory.
  ///
  /// - Parameters:
  ///   - firstToken: this and all that follow are used on the poller.
  ///   - concurrencyMax: requests under way, and connections that are kept; at least 1.
  public init?(poller: Poller, firstToken: UInt64, concurrencyMax: Int) {
    precondition(concurrencyMax >= 1, "a fetcher for \(concurrencyMax) requests")
    guard Self.isLibraryReady else { return nil }
    let watch = SocketWatch(poller: poller, firstToken: firstToken)
    guard
      let multi = roost_fetch_multi(
        SocketWatch.changed, SocketWatch.scheduled, Unmanaged.passUnretained(watch).toOpaque(),
        concurrencyMax)
    else { return nil }
    self.multi = multi
    self.watch = watch
    self.concurrencyMax = concurrencyMax
  }

  deinit {
    for transfer in active.values { curl_multi_remove_handle(multi, transfer.easy) }
    // Closing what is kept calls back, so the watch outlives it.
    withExtendedLifetime(watch) { _ = curl_multi_cleanup(multi) }
  }

  /// Requests under way.
  public var underWay: Int { active.count }

  /// Whether one more request would be taken.
  public var hasRoom: Bool { active.count < concurrencyMax }

  /// Descriptors that are watched.
  var watchedCount: Int { watch.count }

  /// Begins a request; false when as many are under way as may be.
  ///
  /// Its end is among what `takeCompleted` gives, with the same `id`.
  public mutating func start(_ request: FetchRequest, id: UInt64, now: MonotonicInstant) -> Bool {
    guard hasRoom else { return false }
    guard let transfer = idle.popLast() ?? Transfer(), transfer.prepare(request, id: id, now: now),
      curl_multi_add_handle(multi, transfer.easy) == CURLM_OK
    else {
      let failure = FetchFailure(kind: .other, detail: "libcurl does not take the request")
      completed.append(FetchCompletion(id: id, outcome: .failed(failure), duration: .zero))
      return true
    }
    active[transfer.easy] = transfer
    return true
  }

  /// Ends a request without a completion; false when there is none with this number.
  public mutating func cancel(id: UInt64) -> Bool {
    guard let transfer = active.values.first(where: { $0.id == id }) else { return false }
    release(transfer)
    return true
  }

  /// A descriptor has become readable or writable; a token of someone else is ignored.
  public mutating func ready(_ readiness: Readiness, now: MonotonicInstant) {
    guard let descriptor = watch.descriptor(of: readiness.token) else { return }
    var events: Int32 = 0
    if readiness.isReadable { events |= CURL_CSELECT_IN }
    if readiness.isWritable { events |= CURL_CSELECT_OUT }
    act(descriptor, events, now)
  }

  /// Lets libcurl do what is due.
  public mutating func expire(now: MonotonicInstant) {
    guard let deadline = watch.deadline, deadline <= now else { return }
    watch.deadline = nil
    act(CURL_SOCKET_TIMEOUT, 0, now)
  }

  /// When `expire` is due; nil when nothing is.
  public func nextDeadline() -> MonotonicInstant? {
    completed.isEmpty ? watch.deadline : .zero
  }

  /// What has ended since the last call, in the order in which it did.
  public mutating func takeCompleted() -> [FetchCompletion] {
    let all = completed
    completed = []
    return all
  }

  private mutating func act(_ descriptor: Int32, _ events: Int32, _ now: MonotonicInstant) {
    var running: Int32 = 0
    _ = curl_multi_socket_action(multi, descriptor, events, &running)
    var code = CURLE_OK
    while let easy = roost_fetch_ended(multi, &code) {
      guard let transfer = active[easy] else {
        preconditionFailure("libcurl ended a request that is not under way")
      }
      completed.append(transfer.end(code, now: now))
      release(transfer)
    }
  }

  /// Takes a request out of libcurl and keeps its handle for the next one.
  private mutating func release(_ transfer: Transfer) {
    active[transfer.easy] = nil
    curl_multi_remove_handle(multi, transfer.easy)
    transfer.clear()
    idle.append(transfer)
  }
}
