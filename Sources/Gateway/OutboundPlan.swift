// What a node asks and tells other servers, a part of the rules: shards read from it whether something
// has to be asked, the outbound thread where.

import Fetch
import RoostEventLoop

/// What is asked and told.
struct OutboundWishes: OptionSet, Sendable {
  let rawValue: UInt8

  /// The callback decides these.
  static let connect = OutboundWishes(rawValue: 1)
  static let join = OutboundWishes(rawValue: 2)
  static let publish = OutboundWishes(rawValue: 4)
  /// Webhooks tell these.
  static let connected = OutboundWishes(rawValue: 8)
  static let disconnected = OutboundWishes(rawValue: 16)
  static let rooms = OutboundWishes(rawValue: 32)
  /// Keys of tokens that nobody knows are asked for.
  static let keys = OutboundWishes(rawValue: 64)
}

/// A service: where it is and how it knows the node.
struct OutboundTarget: Sendable {
  let url: FetchURL
  let signer: RequestSigner
  let authorityFile: String?

  /// Nil without a URL.
  init?(url: String, secret: String, caFile: String) throws(FetchProblem) {
    guard !url.isEmpty else { return nil }
    self.url = try FetchURL(url)
    signer = RequestSigner(secret: secret)
    authorityFile = caFile.isEmpty ? nil : caFile
  }

  /// A signed POST of JSON.
  func request(
    _ body: [UInt8], id: String, timeout: Duration, responseBytesMax: Int, wallSeconds: Int64
  ) -> FetchRequest {
    var request = FetchRequest(
      url: url, body: body, timeout: timeout, connectTimeout: timeout,
      responseBytesMax: responseBytesMax, authorityFile: authorityFile)
    do throws(FetchProblem) {
      try request.add("Content-Type", "application/json")
      try request.add(RequestSigner.idFieldName, id)
      try request.add(
        RequestSigner.fieldName, signer.signature(of: body, wallSeconds: wallSeconds))
    } catch {
      preconditionFailure("a field of the node's own cannot be sent: \(error)")
    }
    return request
  }
}

/// Everything that the outbound thread is for.
struct OutboundPlan: Sendable {
  let wishes: OutboundWishes
  let hooks: OutboundTarget?
  let webhooks: OutboundTarget?
  let keySet: KeySetSource?
  /// Whether a file of keys is looked at.
  let watchesKeyFile: Bool

  init(_ configuration: Configuration) throws(FetchProblem) {
    keySet = try KeySetSource(configuration.auth.tokens)
    watchesKeyFile = !configuration.auth.tokens.jwksFile.isEmpty
    let (hooks, webhooks) = (configuration.hooks, configuration.webhooks)
    self.hooks = try OutboundTarget(url: hooks.url, secret: hooks.secret, caFile: hooks.caFile)
    self.webhooks = try OutboundTarget(
      url: webhooks.url, secret: webhooks.secret, caFile: webhooks.caFile)
    var wishes: OutboundWishes = []
    if self.hooks != nil {
      if hooks.decides(.connect) { wishes.insert(.connect) }
      if hooks.decides(.join) { wishes.insert(.join) }
      if hooks.decides(.publish) { wishes.insert(.publish) }
    }
    if self.webhooks != nil {
      if webhooks.tells(.connected) { wishes.insert(.connected) }
      if webhooks.tells(.disconnected) { wishes.insert(.disconnected) }
      if webhooks.tells(.roomOccupied) || webhooks.tells(.roomVacated) { wishes.insert(.rooms) }
    }
    if keySet != nil { wishes.insert(.keys) }
    self.wishes = wishes
  }

  /// Whether there is anything to do.
  var isNeeded: Bool { hooks != nil || webhooks != nil || keySet != nil || watchesKeyFile }
}
