// Which of several certificates a client gets (RFC 6066, 3): the one whose names have the name that it
// asks for, an exact name before a wildcard (RFC 6125, 6.4.3), and the first one otherwise.

import RoostCOpenSSL

/// The contexts of a server by the names of their certificates.
///
/// Owner: the context that chooses among them, on its thread.
final class TLSNames {
  private enum Choice {
    /// The context that chooses, which is not kept alive from here.
    case first
    case other(TLSContext)
  }

  private var others: [TLSContext] = []
  private var exact: [String: Choice] = [:]
  /// By what follows the asterisk and its dot.
  private var wildcards: [String: Choice] = [:]

  /// When each certificate but the chooser's ends, in seconds since 1970.
  var ends: [Int] { others.map(\.end) }

  /// Names for `chooser`, which is what a client without a known name gets; it must keep this object
  /// alive.
  init(choosingIn chooser: TLSContext) {
    add(.first, chooser)
    roost_tls_choose(
      chooser.context,
      { session, _, argument in
        guard let session, let argument,
          let text = SSL_get_servername(session, TLSEXT_NAMETYPE_host_name)
        else { return SSL_TLSEXT_ERR_NOACK }
        let names = Unmanaged<TLSNames>.fromOpaque(argument).takeUnretainedValue()
        switch names.choice(for: String(cString: text)) {
        case nil: return SSL_TLSEXT_ERR_NOACK
        case .first: return SSL_TLSEXT_ERR_OK
        case .other(let context):
          // Without memory for it the first one is served.
          SSL_set_SSL_CTX(session, context.context)
          return SSL_TLSEXT_ERR_OK
        }
      }, Unmanaged.passUnretained(self).toOpaque())
  }

  /// Adds a context under its certificate's names; a name that is known already stays where it is.
  func add(_ context: TLSContext) {
    others.append(context)
    add(.other(context), context)
  }

  private func add(_ choice: Choice, _ context: TLSContext) {
    let names = Self.names(of: context)
    for name in names.map(Self.folded) {
      if name.hasPrefix("*.") {
        let parent = String(name.dropFirst(2))
        if wildcards[parent] == nil { wildcards[parent] = choice }
      } else if exact[name] == nil {
        exact[name] = choice
      }
    }
  }

  /// The DNS names of a context's certificate (RFC 5280, 4.2.1.6), as they stand there.
  static func names(of context: TLSContext) -> [String] {
    var names: [String] = []
    withUnsafeMutablePointer(to: &names) { place in
      roost_tls_names(
        context.context,
        { argument, bytes, count in
          guard let bytes, count > 0 else { return }
          let name = UnsafeBufferPointer(start: bytes, count: Int(count))
          argument?.assumingMemoryBound(to: [String].self).pointee
            .append(String(decoding: name, as: UTF8.self))
        }, place)
    }
    return names
  }

  /// What stands for a name; nil when nothing does.
  private func choice(for name: String) -> Choice? {
    let name = Self.folded(name)
    if let choice = exact[name] { return choice }
    // An asterisk stands for one label, and never for an empty one.
    guard let dot = name.firstIndex(of: "."), dot != name.startIndex else { return nil }
    return wildcards[String(name[name.index(after: dot)...])]
  }

  /// A name in small letters, without the dot of the root.
  private static func folded(_ name: String) -> String {
    let small = name.lowercased()
    return small.hasSuffix(".") ? String(small.dropLast()) : small
  }
}
