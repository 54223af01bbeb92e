// The table of settings: who is let in.

import Auth

extension Setting {
  /// The settings of ``Configuration/Auth-swift.struct``.
  static let auth: [Setting] = [
    node(
      "auth.anonymous", .boolean, .boolean(\.auth.anonymous),
      "Whether connections without a credential are let in."),
    node(
      "auth.api_keys", .secrets(bytesMin: APIKeys.charactersMin), .secrets(\.auth.apiKeys),
      "Keys that open the server API; several while they are changed. Never shown."),
    node(
      "auth.in_band", .boolean, .boolean(\.auth.inBand),
      "Whether a connection may bring its token in a first auth request; needs auth.tokens."),
    node(
      "auth.expiry_notice", .seconds(.zero ... .seconds(3600), zero: nil),
      .seconds(\.auth.expiryNotice),
      "Seconds before a token's expiry at which its connection is told."),
    node(
      "auth.expiry_grace", .seconds(.zero ... .seconds(3600), zero: nil),
      .seconds(\.auth.expiryGrace),
      "Seconds behind a token's expiry after which its connection is closed with 4002."),
    node(
      "auth.tokens.keys",
      .objects(Configuration.Auth.Tokens.keyFields, countMax: 100), .objects(\.auth.tokens.keys),
      "Keys of tokens; secret, secret_base64, public_key (PEM) or public_key_file. Never shown."),
    node(
      "auth.tokens.jwks_file", .path, .path(\.auth.tokens.jwksFile),
      "A JWK set (RFC 7517) with further keys; read at start, at a reload, and when it is replaced."
    ),
    node(
      "auth.tokens.jwks_url", .webURL, .text(\.auth.tokens.jwksURL, show: { $0 }, parse: { $0 }),
      "Where a JWK set with further keys is fetched, at start and again and again."),
    node(
      "auth.tokens.jwks_ca_file", .path,
      .text(\.auth.tokens.jwksCAFile, show: { $0 }, parse: { $0 }),
      "Certificates that may have signed that of jwks_url (PEM); nothing: those of the system."),
    node(
      "auth.tokens.jwks_refresh", .seconds(.seconds(1) ... .seconds(86_400), zero: nil),
      .seconds(\.auth.tokens.jwksRefresh),
      "Seconds between two fetches; fewer where the answer's max-age says so, down to 30."),
    node(
      "auth.tokens.issuer", .text(bytesMax: 1024), .path(\.auth.tokens.issuer),
      "What iss of every token must be; nothing means that it is not looked at."),
    node(
      "auth.tokens.audience", .texts(bytesMax: 1024, countMax: 100), .list(\.auth.tokens.audience),
      "Of which aud must hold one; without any, a token that has an aud is refused."),
    node(
      "auth.tokens.leeway", .seconds(.zero ... .seconds(600), zero: nil),
      .seconds(\.auth.tokens.leeway),
      "Seconds by which the issuer's clock may differ."),
    node(
      "auth.tokens.lifetime_max", .seconds(.seconds(1) ... .seconds(315_360_000), zero: nil),
      .seconds(\.auth.tokens.lifetimeMax),
      "Seconds from a token's issue to its expiry; one that lives longer is refused."),
    node(
      "auth.tokens.cookie", .text(bytesMax: 128), .path(\.auth.tokens.cookie),
      "The cookie that may hold a token; nothing means none."),
    node(
      "auth.tokens.query", .boolean, .boolean(\.auth.tokens.query),
      "Whether a token may stand in the query, as ?token=."),
  ]
}
