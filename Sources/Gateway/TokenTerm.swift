// What a token gives to one connection, and when: a box, so that connections without a token pay one
// word for it.

import Auth
import RoostEventLoop

/// A connection's token and its times.
///
/// Shard thread only.
final class TokenTerm {
  /// What the token grants.
  let grant: Grant
  /// When the client is to be told that it expires soon.
  let noticeAt: MonotonicInstant
  /// From when on requests are refused.
  let expiresAt: MonotonicInstant
  /// When the connection is to be closed.
  let closesAt: MonotonicInstant
  /// Whether the client was told.
  var isNoticed = false

  /// The term of a token that was accepted now.
  ///
  /// The clock that can be set is looked at once, here. A token that was taken within the leeway
  /// behind its expiry lasts to the leeway's end.
  init(
    _ grant: Grant, wallMilliseconds: Int64, now: MonotonicInstant, leeway: Int64, timing: Timing
  ) {
    self.grant = grant
    var left = grant.expiresAt * 1000 - wallMilliseconds
    if left <= 0 { left += leeway * 1000 }
    let lasting = UInt64(clamping: left) * 1_000_000
    expiresAt = now.advanced(byNanoseconds: lasting)
    noticeAt = now.advanced(
      byNanoseconds: lasting > timing.expiryNotice ? lasting - timing.expiryNotice : 0)
    closesAt = expiresAt.advanced(byNanoseconds: timing.expiryGrace)
  }

  /// When the connection has to be looked at next.
  var nextAt: MonotonicInstant { isNoticed ? closesAt : noticeAt }
}
