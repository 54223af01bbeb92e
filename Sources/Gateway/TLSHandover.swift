// TLS that moves with its connection from the admin port's thread to a shard.

/// A connection's TLS on its way to another thread.
///
/// `@unchecked Sendable` with this proof: it is made with `init(taking:)`, which empties the only
/// place where the sender had the transport; a transport is not stored anywhere else, and whoever has
/// the letter takes it out once. OpenSSL ties neither sessions nor contexts to a thread: a session may
/// be used by one after the other, and contexts count their references atomically.
public struct TLSHandover: @unchecked Sendable {
  let transport: TLSTransport

  /// Takes the transport out of its place; nil when there is none.
  public init?(taking place: inout TLSTransport?) {
    guard let transport = place.take() else { return nil }
    self.transport = transport
  }
}
