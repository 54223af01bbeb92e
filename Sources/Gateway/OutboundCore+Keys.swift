// Keys of tokens that come from outside: a JWK set behind a URL, and a file that somebody replaces.
// What was found right takes the place of what was there before; what was not changes nothing.

import Auth
import Fetch
import RoostEventLoop
import Telemetry

/// A JWK set behind a URL.
struct KeySetSource: Sendable, Equatable {
  let url: FetchURL
  let authorityFile: String?
  let interval: Duration

  /// Nil without a URL.
  init?(_ tokens: Configuration.Auth.Tokens) throws(FetchProblem) {
    guard !tokens.jwksURL.isEmpty else { return nil }
    url = try FetchURL(tokens.jwksURL)
    authorityFile = tokens.jwksCAFile.isEmpty ? nil : tokens.jwksCAFile
    interval = tokens.jwksRefresh
  }
}

/// How a fetch of the JWK set ended, for metrics.
enum KeySetResult: Int, CaseIterable, Sendable {
  case changed
  case unchanged
  case failed

  var label: String {
    switch self {
    case .changed: "changed"
    case .unchanged: "unchanged"
    case .failed: "failed"
    }
  }
}

extension OutboundCore {
  /// How long the service may take.
  private static let keySetTimeout = Duration.seconds(10)
  /// How often the file of keys is looked at.
  private static let fileInterval = Duration.seconds(2)

  // MARK: The URL

  mutating func fetchKeys(_ now: MonotonicInstant) {
    guard let source = plan.keySet, refresher?.begins(now) == true else { return }
    var request = FetchRequest(
      url: source.url, body: nil, timeout: Self.keySetTimeout,
      connectTimeout: Self.keySetTimeout, responseBytesMax: KeySet.bytesMax,
      authorityFile: source.authorityFile)
    do throws(FetchProblem) {
      try request.add("Accept", "application/jwk-set+json, application/json")
      if let tag = refresher?.entityTag { try request.add("If-None-Match", tag) }
    } catch {
      // A name that cannot be sent back: the set comes whole each time.
    }
    start(request, .keySet(source), now)
  }

  mutating func keysFetched(
    _ completion: FetchCompletion, _ source: KeySetSource, _ now: MonotonicInstant
  ) {
    switch completion.outcome {
    case .failed(let failure): keysFailed(failure.description, now)
    case .response(let response) where response.status == 200:
      takeKeys(response, source, now)
    case .response(let response) where response.status == 304 && refresher?.confirmedAt != nil:
      keysSucceeded(response, tag: response.field("etag") ?? refresher?.entityTag, now)
      metrics.keySetFetches.add(KeySetResult.unchanged.rawValue)
    case .response(let response): keysFailed("status \(response.status)", now)
    }
  }

  private mutating func takeKeys(
    _ response: FetchResponse, _ source: KeySetSource, _ now: MonotonicInstant
  ) {
    let set: KeySet
    do throws(KeyProblem) {
      set = try KeySet.parse(jwks: response.body, allowsSecrets: false)
    } catch {
      return keysFailed("\(error)", now)
    }
    guard !set.isEmpty else {
      let reason = set.skipped.first.map { ": number \($0.number): \($0.reason)" } ?? ""
      return keysFailed("the set holds no key that can be used\(reason)", now)
    }
    keysSucceeded(response, tag: response.field("etag"), now)
    let isChanged = set.keys != shared.rules.fetchedKeys.keys
    metrics.keySetFetches.add((isChanged ? KeySetResult.changed : .unchanged).rawValue)
    guard isChanged else { return }
    shared.replaceFetchedKeys(set, of: source)
    shared.log.info(
      "keys_fetched", "the keys of tokens have changed",
      [
        .init("url", plan.keySet?.url.place ?? ""), .init("keys", set.keys.count),
        .init("skipped", set.skipped.count),
      ])
    // Behind the keys: who sees a node that is ready can use them.
    shared.awaitsKeys = false
  }

  private mutating func keysSucceeded(
    _ response: FetchResponse, tag: String?, _ now: MonotonicInstant
  ) {
    refresher?.succeeded(tag: tag, cacheControl: response.field("cache-control"), now)
    metrics.keysConfirmedAt.set(Int64(clamping: now.nanoseconds))
  }

  private mutating func keysFailed(_ reason: String, _ now: MonotonicInstant) {
    refresher?.failed(now)
    metrics.keySetFetches.add(KeySetResult.failed.rawValue)
    let wait = refresher?.nextDeadline()?.since(now) ?? .zero
    shared.log.warning(
      "keys_not_fetched", "the keys of before stay: \(reason)",
      [
        .init("url", plan.keySet?.url.place ?? ""),
        .init("retry_ms", Int(wait.millisecondsClamped)),
      ])
  }

  // MARK: The file

  /// Looks whether somebody has replaced the file of keys.
  mutating func watchKeyFile(_ now: MonotonicInstant) {
    guard plan.watchesKeyFile, fileDueAt <= now else { return }
    fileDueAt = now.advanced(by: Self.fileInterval)
    let rules = shared.rules
    let path = rules.configuration.auth.tokens.jwksFile
    guard !path.isEmpty, let stamp = FileStamp(of: path), stamp != fileStamp else { return }
    let isFirst = fileStamp == nil
    fileStamp = stamp
    // What was read when the node started may be older than this look, and costs little to read.
    do throws(ConfigurationProblem) {
      let keys = try rules.configuration.tokenKeys()
      guard keys.keys != rules.configuredKeys.keys else { return }
      guard shared.replaceConfiguredKeys(keys, after: rules) else {
        // A reload came in between, which has read the file as well, or another one.
        fileStamp = nil
        return
      }
      shared.log.info(
        "keys_reloaded", "the file of keys has changed", [.init("keys", keys.keys.count)])
    } catch {
      guard !isFirst else { return }
      shared.log.warning("keys_not_reloaded", "the keys of before stay: \(error)")
    }
  }
}

extension NodeShared {
  /// Takes up what the files of keys hold now, if the rules are still those that name them.
  ///
  /// Any thread.
  fileprivate func replaceConfiguredKeys(_ keys: KeySet, after rules: NodeRules) -> Bool {
    var isReplaced = false
    exchangeRules { present in
      guard present.number == rules.number else { return present }
      isReplaced = true
      return NodeRules(
        present.configuration, nodeID: nodeID, keys: keys, fetchedKeys: present.fetchedKeys,
        outbound: present.outbound, after: present)
    }
    return isReplaced
  }
}
