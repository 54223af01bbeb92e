// What `roost token inspect` prints: the parts of a token as JSON, its times in words, and the verdict
// where there are keys to judge it by.

import Auth
import RoostJSON

/// The report about one token.
enum TokenReport {
  /// One JSON document.
  static func text(_ token: TokenText?, verdict: TokenVerdict?, now: Int64) -> String {
    var members: [(key: String, value: JSONTree)] = []
    if let token {
      let claims = tree(token.claims)
      members.append(("header", tree(token.header)))
      members.append(("claims", claims))
      members.append(("times", PrettyJSON.object(times(claims, now: now))))
    }
    switch verdict {
    case nil:
      members.append(
        ("signature", PrettyJSON.string("not checked: give --config, --key or --secret-file")))
    case .accepted(let grant):
      members.append(("accepted", .bool(true, offset: 0)))
      members.append(("user", PrettyJSON.string(grant.user)))
    case .refused(let reason, let why):
      members.append(("accepted", .bool(false, offset: 0)))
      members.append(("reason", PrettyJSON.string(reason.rawValue)))
      members.append(("why", PrettyJSON.string(why)))
    }
    return PrettyJSON.text(PrettyJSON.object(members))
  }

  /// The whole seconds of a claim; nil when it is no moment.
  static func seconds(_ claim: JSONTree?) -> Int64? {
    guard let seconds = claim?.double, seconds >= 0, seconds < 253_402_300_800 else { return nil }
    return Int64(seconds.rounded(.down))
  }

  private static func times(
    _ claims: JSONTree, now: Int64
  ) -> [(key: String, value: JSONTree)] {
    ["iat", "nbf", "exp"].compactMap { name in
      guard let seconds = seconds(claims[name]) else { return nil }
      let text = "\(TimeText.utc(seconds)), \(TimeText.relative(seconds - now))"
      return (name, PrettyJSON.string(text))
    }
  }

  /// A part as JSON, or as a string where it is none.
  private static func tree(_ part: [UInt8]) -> JSONTree {
    do throws(JSONViolation) {
      return try JSONTree(parsing: part, depthMax: 64, bytesMax: 65_536)
    } catch {
      return PrettyJSON.string(String(decoding: part, as: UTF8.self))
    }
  }
}
