// A file that both ports serve under a name of its own, with what a browser and a cache on the way
// have to know of it (RFC 9110, 8.8.3 and 13.1.2).

/// The bytes of a file and its header fields.
public struct ServedFile: Sendable {
  /// The content, UTF-8.
  public let text: String
  let contentType: String
  let entityTag: String

  /// The file at a path, if there is one: `/roost.js` and its types, `/roost.d.ts`.
  public init?(at path: String) {
    switch path {
    case "/roost.js":
      (text, contentType) = (ClientScript.module, ClientScript.contentType)
      entityTag = ClientScript.entityTag
    case "/roost.d.ts":
      (text, contentType) = (ClientScript.types, ClientScript.typesContentType)
      entityTag = ClientScript.typesEntityTag
    default: return nil
    }
  }

  /// The header fields of the answer, whether it has the content or says that it is the same.
  ///
  /// Pages of any origin may import the module: it holds nothing that is anyone's.
  public var fields: [(String, String)] {
    [
      ("Content-Type", contentType), ("Cache-Control", "no-cache"), ("ETag", entityTag),
      ("Access-Control-Allow-Origin", "*"), ("X-Content-Type-Options", "nosniff"),
    ]
  }

  /// 304 when the asker has this very content, by its If-None-Match, else 200.
  public func status(ifNoneMatch known: String?) -> Int {
    guard let known else { return 200 }
    // The tags are hexadecimal, so that a comma always ends one. W/ makes no difference here.
    let tags = known.split(separator: ",").map { tag in
      let bare = tag.drop { $0 == " " || $0 == "\t" }
      return bare.hasPrefix("W/") ? bare.dropFirst(2) : bare
    }
    return tags.contains { $0 == "*" || $0.hasPrefix(entityTag) } ? 304 : 200
  }
}
