// The negotiation of permessage-deflate, RFC 7692 sections 5 and 7.1: the server's choice among the
// offers, and the client's offer and its check of the answer. Texts only; `Deflater` and `Inflater`
// do the work, `MessageReader` and the senders apply what was agreed on.

/// What a server makes of the offers.
public enum DeflateChoice: Equatable, Sendable {
  /// An offer was acceptable; the answer is `DeflateNegotiation.response`.
  case agreed(DeflateAgreement)
  /// None was, or compression is off: the connection goes on without.
  case declined
  /// The field breaks its grammar: the handshake must be refused.
  case malformed
}

/// The negotiation of permessage-deflate.
public enum DeflateNegotiation {
  private static let name = "permessage-deflate"

  /// The parameters of one offer or answer; RFC 7692 7.1.
  private struct Parameters {
    var serverNoContextTakeover = false
    var clientNoContextTakeover = false
    /// Nothing when the parameter is absent.
    var serverMaxWindowBits: Int?
    /// `.none` as a value: the parameter stands there alone, which only an offer may do.
    var clientMaxWindowBits: ExtensionReader.Value?
    /// Whether a parameter was unknown, repeated or had a bad value.
    var isBad = false
  }

  // MARK: Server

  /// Chooses the first acceptable offer of a Sec-WebSocket-Extensions field.
  ///
  /// § 5.1 and 7.1: an offer with an unknown, repeated or malformed parameter is declined and the
  /// next one is looked at; so is one that limits the server's window to 8 bits, which zlib cannot
  /// keep to in raw deflate. Other extensions are passed over. Several fields of a request must be
  /// joined with commas. Linear in the text, without allocation.
  public static func choose(
    among offers: borrowing Span<UInt8>, configuration: DeflateConfiguration
  ) -> DeflateChoice {
    var reader = ExtensionReader()
    var choice = DeflateChoice.declined
    do throws(HandshakeViolation) {
      // To the end, for the grammar's sake, even behind an offer that was chosen.
      while let extensionName = try reader.nextExtension(in: offers) {
        let isDeflate = offers.extracting(extensionName).equals(Self.name)
        let parameters = try parameters(in: offers, reader: &reader)
        guard isDeflate, configuration.isEnabled, choice == .declined else { continue }
        if let agreement = agreement(on: parameters, configuration: configuration) {
          choice = .agreed(agreement)
        }
      }
    } catch {
      return .malformed
    }
    return choice
  }

  /// The value of Sec-WebSocket-Extensions with which a server accepts.
  public static func response(for agreement: DeflateAgreement) -> String {
    var text: [UInt8] = []
    appendResponse(for: agreement, to: &text)
    return String(decoding: text, as: UTF8.self)
  }

  /// Appends what `response` returns.
  static func appendResponse(for agreement: DeflateAgreement, to output: inout [UInt8]) {
    output.append(text: name)
    if agreement.serverNoContextTakeover {
      output.append(text: "; server_no_context_takeover")
    }
    if agreement.clientNoContextTakeover {
      output.append(text: "; client_no_context_takeover")
    }
    if agreement.serverMaxWindowBits < 15 {
      output.append(text: "; server_max_window_bits=")
      output.append(text: String(agreement.serverMaxWindowBits))
    }
    // § 7.1.2.2: client_max_window_bits is never asked for, whatever the client has hinted at: the
    // inflater reads every window.
  }

  private static func agreement(
    on parameters: Parameters, configuration: DeflateConfiguration
  ) -> DeflateAgreement? {
    guard !parameters.isBad else { return nil }
    var serverWindowBits = configuration.serverWindowBits
    if let offered = parameters.serverMaxWindowBits {
      guard offered >= 9 else { return nil }
      serverWindowBits = min(serverWindowBits, offered)
    }
    // § 7.1.2.2: a client keeps to the value of its own hint without being asked to.
    var clientWindowBits = 15
    if case .number(let offered) = parameters.clientMaxWindowBits { clientWindowBits = offered }
    return DeflateAgreement(
      serverNoContextTakeover: parameters.serverNoContextTakeover
        || !configuration.allowsServerContextTakeover,
      // § 7.1.1.2: a server may ask for this whether or not the client has hinted at it.
      clientNoContextTakeover: !configuration.allowsClientContextTakeover,
      serverMaxWindowBits: serverWindowBits, clientMaxWindowBits: clientWindowBits)
  }

  // MARK: Client

  /// The value of Sec-WebSocket-Extensions with which a client offers, or nothing when it does not.
  public static func offer(_ configuration: DeflateConfiguration) -> String? {
    guard configuration.isEnabled else { return nil }
    var text = "permessage-deflate"
    if !configuration.allowsServerContextTakeover { text += "; server_no_context_takeover" }
    if !configuration.allowsClientContextTakeover { text += "; client_no_context_takeover" }
    if configuration.serverWindowBits < 15 {
      text += "; server_max_window_bits=\(configuration.serverWindowBits)"
    }
    // § 7.1.2.2: without this hint a server must not ask for a smaller window, and one that has no
    // memory for the full one would have to decline.
    text += "; client_max_window_bits"
    if configuration.clientWindowBits < 15 { text += "=\(configuration.clientWindowBits)" }
    return text
  }

  /// Reads a server's answer to `offer`; nothing when it has declined.
  ///
  /// § 5.1: an answer that the offer does not allow fails the connection.
  public static func agreement(
    from answer: borrowing Span<UInt8>, configuration: DeflateConfiguration
  ) throws(HandshakeViolation) -> DeflateAgreement? {
    var reader = ExtensionReader()
    var agreement: DeflateAgreement?
    while let extensionName = try reader.nextExtension(in: answer) {
      let parameters = try parameters(in: answer, reader: &reader)
      guard answer.extracting(extensionName).equals(Self.name), configuration.isEnabled,
        agreement == nil
      else { throw .extensionNotOffered }
      agreement = try accepted(parameters, configuration: configuration)
    }
    return agreement
  }

  private static func accepted(
    _ parameters: Parameters, configuration: DeflateConfiguration
  ) throws(HandshakeViolation) -> DeflateAgreement {
    let serverWindowBits = parameters.serverMaxWindowBits ?? 15
    var clientWindowBits = configuration.clientWindowBits
    if case .number(let asked) = parameters.clientMaxWindowBits {
      // § 7.1.2.2: a server may ignore the value that the offer had and ask for a wider window; it
      // then gets the narrower one. 8 is taken, too: `deflaterWindowBits` says what comes of it.
      clientWindowBits = min(clientWindowBits, asked)
    }
    guard !parameters.isBad,
      // § 7.1.2.2: alone it is a hint, which only an offer may give.
      parameters.clientMaxWindowBits != .some(.none),
      // § 7.1.1.1 and 7.1.2.1: what the offer demanded of the server, the answer must repeat.
      parameters.serverNoContextTakeover || configuration.allowsServerContextTakeover,
      serverWindowBits <= configuration.serverWindowBits
    else { throw .extensionParameterNotOffered }
    return DeflateAgreement(
      serverNoContextTakeover: parameters.serverNoContextTakeover,
      clientNoContextTakeover: parameters.clientNoContextTakeover
        || !configuration.allowsClientContextTakeover,
      serverMaxWindowBits: serverWindowBits, clientMaxWindowBits: clientWindowBits)
  }

  // MARK: Both

  /// Reads the parameters of one extension, of whatever name.
  private static func parameters(
    in text: borrowing Span<UInt8>, reader: inout ExtensionReader
  ) throws(HandshakeViolation) -> Parameters {
    var parameters = Parameters()
    while let parameter = try reader.nextParameter(in: text) {
      let name = text.extracting(parameter.name)
      if name.equals("server_no_context_takeover") {
        parameters.isBad =
          parameters.isBad || parameters.serverNoContextTakeover || parameter.value != .none
        parameters.serverNoContextTakeover = true
      } else if name.equals("client_no_context_takeover") {
        parameters.isBad =
          parameters.isBad || parameters.clientNoContextTakeover || parameter.value != .none
        parameters.clientNoContextTakeover = true
      } else if name.equals("server_max_window_bits") {
        guard parameters.serverMaxWindowBits == nil, case .number(let bits) = parameter.value,
          (8...15).contains(bits)
        else {
          parameters.isBad = true
          continue
        }
        parameters.serverMaxWindowBits = bits
      } else if name.equals("client_max_window_bits") {
        guard parameters.clientMaxWindowBits == nil, isClientWindow(parameter.value) else {
          parameters.isBad = true
          continue
        }
        parameters.clientMaxWindowBits = .some(parameter.value)
      } else {
        parameters.isBad = true
      }
    }
    return parameters
  }

  /// § 7.1.2.2: the parameter may stand alone in an offer.
  private static func isClientWindow(_ value: ExtensionReader.Value) -> Bool {
    switch value {
    case .none: true
    case .number(let bits): (8...15).contains(bits)
    case .other: false
    }
  }
}
