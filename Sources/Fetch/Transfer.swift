// One request on its way: libcurl's easy handle, and what has come of the response so far. libcurl's
// callbacks reach it by a bare pointer; it lives as long as its handle.

import RoostCCurl
import RoostEventLoop

/// A request on its way, or a handle that waits for its next one.
///
/// The fetcher's thread only.
final class Transfer {
  /// Bytes of all header lines of a response.
  static let headBytesMax = 16_384

  let easy: UnsafeMutableRawPointer
  private(set) var id: UInt64 = 0
  private var startedAt = MonotonicInstant.zero
  private var bodyBytesMax = 0
  private var body: [UInt8] = []
  private var head: [UInt8] = []
  private var isTooLarge = false
  private var fields: UnsafeMutablePointer<curl_slist>?
  private let failure: UnsafeMutablePointer<CChar>

  /// Nil when there is no memory.
  init?() {
    guard let easy = curl_easy_init() else { return nil }
    self.easy = easy
    failure = .allocate(capacity: Int(CURL_ERROR_SIZE))
    failure.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
  }

  deinit {
    curl_easy_cleanup(easy)
    curl_slist_free_all(fields)
    failure.deallocate()
  }

  /// Gives the handle a request; false when there is no memory.
  func prepare(_ request: FetchRequest, id: UInt64, now: MonotonicInstant) -> Bool {
    self.id = id
    startedAt = now
    bodyBytesMax = request.responseBytesMax
    body = []
    head = []
    isTooLarge = false
    failure.pointee = 0
    curl_easy_reset(easy)
    curl_slist_free_all(fields)
    fields = nil
    // libcurl would wait for a "100 Continue" before a long body.
    for line in request.lines + ["Expect:"] {
      guard let longer = curl_slist_append(fields, line) else { return false }
      fields = longer
    }
    var fetch = roost_fetch()
    fetch.fields = fields
    fetch.timeout_milliseconds = Int(request.timeout.millisecondsClamped)
    fetch.connect_milliseconds = Int(request.connectTimeout.millisecondsClamped)
    fetch.response_bytes_max = Int64(request.responseBytesMax)
    fetch.failure = failure
    fetch.context = Unmanaged.passUnretained(self).toOpaque()
    fetch.take_head = { bytes, one, count, context in
      Transfer.at(context)?.takeHead(bytes, one * count) ?? 0
    }
    fetch.take_body = { bytes, one, count, context in
      Transfer.at(context)?.takeBody(bytes, one * count) ?? 0
    }
    return request.url.text.withCString { url in
      fetch.url = url
      return Self.withOptionalText(request.authorityFile) { file in
        fetch.authority_file = file
        // A POST without a byte is one all the same.
        let body = request.body.map { $0.isEmpty ? [0] : $0 }
        fetch.body_bytes = Int64(request.body?.count ?? 0)
        return Self.withOptionalBytes(body) { bytes in
          fetch.body = bytes
          return roost_fetch_prepare(easy, &fetch) == CURLE_OK
        }
      }
    }
  }

  /// What became of the request whose end libcurl reports.
  func end(_ code: CURLcode, now: MonotonicInstant) -> FetchCompletion {
    FetchCompletion(id: id, outcome: outcome(code), duration: now.since(startedAt))
  }

  /// Lets go of what the last response left.
  func clear() {
    body = []
    head = []
  }

  private func outcome(_ code: CURLcode) -> FetchOutcome {
    guard code == CURLE_OK else {
      let kind = isTooLarge ? .tooLarge : FetchFailure.Kind(code)
      return .failed(FetchFailure(kind: kind, detail: isTooLarge ? tooLargeText : text(of: code)))
    }
    return .response(
      FetchResponse(status: roost_fetch_status(easy), body: body, head: head))
  }

  private var tooLargeText: String { "the response is larger than \(bodyBytesMax) bytes" }

  private func text(of code: CURLcode) -> String {
    let detail = String(cString: failure)
    return detail.isEmpty ? String(cString: curl_easy_strerror(code)) : detail
  }

  // MARK: Called by libcurl

  private static func at(_ context: UnsafeMutableRawPointer?) -> Transfer? {
    context.map { Unmanaged<Transfer>.fromOpaque($0).takeUnretainedValue() }
  }

  private func takeHead(_ bytes: UnsafeMutablePointer<CChar>?, _ count: Int) -> Int {
    guard let bytes else { return 0 }
    let line = UnsafeRawBufferPointer(start: bytes, count: count)
    // A response in front of the real one (100 Continue) has a head, too.
    if line.starts(with: "HTTP/".utf8) { head = [] }
    guard count <= Self.headBytesMax - head.count else {
      isTooLarge = true
      return 0
    }
    head.append(contentsOf: line)
    return count
  }

  private func takeBody(_ bytes: UnsafeMutablePointer<CChar>?, _ count: Int) -> Int {
    guard let bytes, count <= bodyBytesMax - body.count else {
      isTooLarge = true
      return 0
    }
    body.append(contentsOf: UnsafeRawBufferPointer(start: bytes, count: count))
    return count
  }

  private static func withOptionalText<Result>(
    _ text: String?, _ run: (UnsafePointer<CChar>?) -> Result
  ) -> Result {
    guard let text else { return run(nil) }
    return text.withCString { run($0) }
  }

  private static func withOptionalBytes<Result>(
    _ bytes: [UInt8]?, _ run: (UnsafeRawPointer?) -> Result
  ) -> Result {
    guard let bytes else { return run(nil) }
    return bytes.withUnsafeBytes { run($0.baseAddress) }
  }
}

extension FetchFailure.Kind {
  init(_ code: CURLcode) {
    switch code {
    case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY: self = .unresolved
    case CURLE_COULDNT_CONNECT: self = .refused
    case CURLE_OPERATION_TIMEDOUT: self = .timeout
    case CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_ISSUER_ERROR, CURLE_SSL_CACERT_BADFILE,
      CURLE_SSL_INVALIDCERTSTATUS:
      self = .untrusted
    case CURLE_SSL_CONNECT_ERROR, CURLE_SSL_CERTPROBLEM, CURLE_SSL_CIPHER,
      CURLE_SSL_ENGINE_NOTFOUND,
      CURLE_SSL_SHUTDOWN_FAILED, CURLE_USE_SSL_FAILED:
      self = .security
    case CURLE_GOT_NOTHING, CURLE_RECV_ERROR, CURLE_SEND_ERROR, CURLE_PARTIAL_FILE: self = .cut
    case CURLE_WEIRD_SERVER_REPLY, CURLE_UNSUPPORTED_PROTOCOL, CURLE_HTTP2, CURLE_HTTP2_STREAM,
      CURLE_BAD_CONTENT_ENCODING:
      self = .malformed
    case CURLE_FILESIZE_EXCEEDED: self = .tooLarge
    default: self = .other
    }
  }
}
