import RoostWebSocket
import Testing

struct CompressionTests {
  static let permissive = DeflateConfiguration(
    isEnabled: true, allowsServerContextTakeover: true, allowsClientContextTakeover: true,
    serverWindowBits: 15)

  static func agreement(
    serverNoTakeover: Bool = true, clientNoTakeover: Bool = true, serverBits: Int = 15,
    clientBits: Int = 15
  ) -> DeflateAgreement {
    DeflateAgreement(
      serverNoContextTakeover: serverNoTakeover, clientNoContextTakeover: clientNoTakeover,
      serverMaxWindowBits: serverBits, clientMaxWindowBits: clientBits)
  }

  // MARK: Server

  /// Offers and what comes of them where each message is compressed by itself.
  @Test(arguments: [
    ("permessage-deflate", agreement()),
    // What Chrome and Firefox send.
    ("permessage-deflate; client_max_window_bits", agreement()),
    ("permessage-deflate;server_no_context_takeover;client_no_context_takeover", agreement()),
    ("permessage-deflate; client_max_window_bits=10", agreement(clientBits: 10)),
    ("permessage-deflate; client_max_window_bits=8", agreement(clientBits: 8)),
    ("permessage-deflate; client_max_window_bits=\"9\"", agreement(clientBits: 9)),
    ("permessage-deflate; server_max_window_bits=15", agreement()),
    ("permessage-deflate; server_max_window_bits=9", agreement(serverBits: 9)),
    // The first acceptable one of several; RFC 7692 5.1.
    (
      "permessage-deflate; server_max_window_bits=10, permessage-deflate",
      agreement(serverBits: 10)
    ),
    (
      "permessage-deflate; server_max_window_bits=8, permessage-deflate; client_max_window_bits=12",
      agreement(clientBits: 12)
    ),
    ("permessage-deflate; unknown, permessage-deflate", agreement()),
    ("x-webkit-deflate-frame, permessage-deflate; client_max_window_bits", agreement()),
    ("permessage-bzip2; level=9, permessage-deflate", agreement()),
  ])
  func `the first acceptable offer is chosen`(offers: String, agreement: DeflateAgreement) {
    #expect(choose(offers, .eachMessageByItself) == .agreed(agreement))
  }

  /// RFC 7692 7.1: an offer with any of these must be declined, not refused.
  @Test(arguments: [
    "", "permessage-bzip2", "x-webkit-deflate-frame", "Permessage-Deflate",
    "permessage-deflate; unknown",
    "permessage-deflate; server_no_context_takeover=1",
    "permessage-deflate; client_no_context_takeover=true",
    "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
    "permessage-deflate; client_no_context_takeover; client_no_context_takeover",
    "permessage-deflate; server_max_window_bits",
    "permessage-deflate; server_max_window_bits=7",
    "permessage-deflate; server_max_window_bits=8",
    "permessage-deflate; server_max_window_bits=16",
    "permessage-deflate; server_max_window_bits=010",
    "permessage-deflate; server_max_window_bits=1e1",
    "permessage-deflate; server_max_window_bits=10; server_max_window_bits=10",
    "permessage-deflate; client_max_window_bits=7",
    "permessage-deflate; client_max_window_bits=16",
    "permessage-deflate; client_max_window_bits=x",
    "permessage-deflate; client_max_window_bits; client_max_window_bits",
    "permessage-deflate; client_max_window_bits; client_max_window_bits=10",
    "permessage-deflate; Server_Max_Window_Bits=10",
  ])
  func `an offer that cannot be kept is declined`(offers: String) {
    #expect(choose(offers, .eachMessageByItself) == .declined)
  }

  @Test(arguments: [
    "permessage-deflate;", "permessage-deflate; =1", "permessage-deflate foo", ";",
    // The grammar counts even behind an offer that would have done.
    "permessage-deflate, foo;", "permessage-deflate; server_max_window_bits=",
  ])
  func `a field that breaks its grammar is malformed, wherever it does`(offers: String) {
    #expect(choose(offers, .eachMessageByItself) == .malformed)
    #expect(choose(offers, .disabled) == .malformed)
  }

  @Test func `nothing is agreed on when compression is off`() {
    #expect(choose("permessage-deflate", .disabled) == .declined)
  }

  @Test(arguments: [
    ("permessage-deflate", agreement(serverNoTakeover: false, clientNoTakeover: false)),
    (
      "permessage-deflate; server_no_context_takeover",
      agreement(serverNoTakeover: true, clientNoTakeover: false)
    ),
    // A hint that need not be answered; RFC 7692 7.1.1.2.
    (
      "permessage-deflate; client_no_context_takeover",
      agreement(serverNoTakeover: false, clientNoTakeover: false)
    ),
  ])
  func `windows are kept where both sides allow it`(offer: String, agreement: DeflateAgreement) {
    #expect(choose(offer, Self.permissive) == .agreed(agreement))
  }

  @Test(arguments: [(9, 9), (11, 11), (12, 12), (13, 12), (15, 12)])
  func `the smaller of the two server windows holds`(offered: Int, agreed: Int) {
    let configuration = DeflateConfiguration(
      isEnabled: true, allowsServerContextTakeover: false, allowsClientContextTakeover: false,
      serverWindowBits: 12)
    #expect(
      choose("permessage-deflate; server_max_window_bits=\(offered)", configuration)
        == .agreed(Self.agreement(serverBits: agreed)))
    #expect(
      choose("permessage-deflate", configuration) == .agreed(Self.agreement(serverBits: 12)))
  }

  @Test(arguments: [
    (agreement(serverNoTakeover: false, clientNoTakeover: false), "permessage-deflate"),
    (
      agreement(),
      "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
    ),
    (
      agreement(serverNoTakeover: false, serverBits: 9),
      "permessage-deflate; client_no_context_takeover; server_max_window_bits=9"
    ),
    (
      agreement(clientNoTakeover: false, serverBits: 14, clientBits: 10),
      "permessage-deflate; server_no_context_takeover; server_max_window_bits=14"
    ),
  ])
  func `the response names what was agreed on`(agreement: DeflateAgreement, text: String) {
    #expect(DeflateNegotiation.response(for: agreement) == text)
  }

  // MARK: Client

  /// Whether the server's and the client's windows are kept, how wide they are, and the offer.
  @Test(arguments: [
    (true, true, 15, 15, "permessage-deflate; client_max_window_bits"),
    (true, true, 15, 9, "permessage-deflate; client_max_window_bits=9"),
    (true, true, 9, 15, "permessage-deflate; server_max_window_bits=9; client_max_window_bits"),
    (
      true, true, 14, 14,
      "permessage-deflate; server_max_window_bits=14; client_max_window_bits=14"
    ),
    (
      true, false, 15, 15,
      "permessage-deflate; client_no_context_takeover; client_max_window_bits"
    ),
    (
      true, false, 15, 14,
      "permessage-deflate; client_no_context_takeover; client_max_window_bits=14"
    ),
    (
      true, false, 10, 15,
      "permessage-deflate; client_no_context_takeover; server_max_window_bits=10; "
        + "client_max_window_bits"
    ),
    (
      true, false, 10, 11,
      "permessage-deflate; client_no_context_takeover; server_max_window_bits=10; "
        + "client_max_window_bits=11"
    ),
    (
      false, true, 15, 15,
      "permessage-deflate; server_no_context_takeover; client_max_window_bits"
    ),
    (
      false, true, 15, 12,
      "permessage-deflate; server_no_context_takeover; client_max_window_bits=12"
    ),
    (
      false, true, 13, 15,
      "permessage-deflate; server_no_context_takeover; server_max_window_bits=13; "
        + "client_max_window_bits"
    ),
    (
      false, true, 13, 12,
      "permessage-deflate; server_no_context_takeover; server_max_window_bits=13; "
        + "client_max_window_bits=12"
    ),
    (
      false, false, 15, 15,
      "permessage-deflate; server_no_context_takeover; client_no_context_takeover; "
        + "client_max_window_bits"
    ),
    (
      false, false, 15, 9,
      "permessage-deflate; server_no_context_takeover; client_no_context_takeover; "
        + "client_max_window_bits=9"
    ),
    (
      false, false, 9, 15,
      "permessage-deflate; server_no_context_takeover; client_no_context_takeover; "
        + "server_max_window_bits=9; client_max_window_bits"
    ),
    (
      false, false, 9, 9,
      "permessage-deflate; server_no_context_takeover; client_no_context_takeover; "
        + "server_max_window_bits=9; client_max_window_bits=9"
    ),
  ])
  func `the offer asks for what the client wants`(
    serverKeeps: Bool, clientKeeps: Bool, serverBits: Int, clientBits: Int, offer: String
  ) {
    let configuration = DeflateConfiguration(
      isEnabled: true, allowsServerContextTakeover: serverKeeps,
      allowsClientContextTakeover: clientKeeps, serverWindowBits: serverBits,
      clientWindowBits: clientBits)
    #expect(DeflateNegotiation.offer(configuration) == offer)
  }

  @Test func `a client without compression offers nothing`() {
    #expect(DeflateNegotiation.offer(.disabled) == nil)
  }

  @Test(
    arguments: [
      ("", permissive, nil),
      (
        "permessage-deflate", permissive,
        agreement(serverNoTakeover: false, clientNoTakeover: false)
      ),
      (
        "permessage-deflate; server_no_context_takeover", .eachMessageByItself,
        // The client said that it would not keep its window; the server need not repeat it.
        agreement(serverNoTakeover: true, clientNoTakeover: true)
      ),
      (
        "permessage-deflate; client_no_context_takeover; server_max_window_bits=8", permissive,
        agreement(serverNoTakeover: false, serverBits: 8)
      ),
      (
        "permessage-deflate; client_max_window_bits=\"10\"", permissive,
        agreement(serverNoTakeover: false, clientNoTakeover: false, clientBits: 10)
      ),
    ] as [(String, DeflateConfiguration, DeflateAgreement?)])
  func `an answer within the offer is taken`(
    answer: String, configuration: DeflateConfiguration, agreement: DeflateAgreement?
  ) {
    #expect(verify(answer, configuration) == .success(agreement))
  }

  @Test(
    arguments: [
      ("permessage-deflate;", permissive, .extensionsMalformed),
      ("permessage-deflate", .disabled, .extensionNotOffered),
      ("foo", permissive, .extensionNotOffered),
      ("permessage-deflate, foo", permissive, .extensionNotOffered),
      ("permessage-deflate, permessage-deflate", permissive, .extensionNotOffered),
      ("permessage-deflate; unknown", permissive, .extensionParameterNotOffered),
      // Alone it is a hint, which only an offer may give.
      ("permessage-deflate; client_max_window_bits", permissive, .extensionParameterNotOffered),
      ("permessage-deflate; client_max_window_bits=7", permissive, .extensionParameterNotOffered),
      ("permessage-deflate; client_max_window_bits=16", permissive, .extensionParameterNotOffered),
      ("permessage-deflate; client_max_window_bits=09", permissive, .extensionParameterNotOffered),
      ("permessage-deflate; client_max_window_bits=x", permissive, .extensionParameterNotOffered),
      (
        "permessage-deflate; client_max_window_bits=10; client_max_window_bits=10", permissive,
        .extensionParameterNotOffered
      ),
      ("permessage-deflate; client_max_window_bits=10", .disabled, .extensionNotOffered),
      ("permessage-deflate; server_max_window_bits", permissive, .extensionParameterNotOffered),
      ("permessage-deflate; server_max_window_bits=7", permissive, .extensionParameterNotOffered),
      (
        "permessage-deflate; server_no_context_takeover; server_no_context_takeover", permissive,
        .extensionParameterNotOffered
      ),
      // Demanded by the offer, and not repeated.
      ("permessage-deflate", .eachMessageByItself, .extensionParameterNotOffered),
      (
        "permessage-deflate",
        DeflateConfiguration(
          isEnabled: true, allowsServerContextTakeover: true, allowsClientContextTakeover: true,
          serverWindowBits: 10), .extensionParameterNotOffered
      ),
      (
        "permessage-deflate; server_max_window_bits=11",
        DeflateConfiguration(
          isEnabled: true, allowsServerContextTakeover: true, allowsClientContextTakeover: true,
          serverWindowBits: 10), .extensionParameterNotOffered
      ),
    ] as [(String, DeflateConfiguration, HandshakeViolation)])
  func `an answer beyond the offer is refused`(
    answer: String, configuration: DeflateConfiguration, violation: HandshakeViolation
  ) {
    #expect(verify(answer, configuration) == .failure(violation))
  }

  /// The client's own window, what the server asks for, and what holds.
  @Test(
    arguments: [
      (15, nil, 15), (15, 8, 8), (15, 9, 9), (15, 10, 10), (15, 11, 11), (15, 12, 12),
      (15, 13, 13), (15, 14, 14), (15, 15, 15),
      (12, nil, 12), (12, 8, 8), (12, 11, 11), (12, 12, 12), (12, 13, 12), (12, 15, 12),
      (9, nil, 9), (9, 8, 8), (9, 9, 9), (9, 10, 9), (9, 15, 9),
    ] as [(Int, Int?, Int)])
  func `the smaller of the two client windows holds`(own: Int, asked: Int?, agreed: Int) {
    let configuration = DeflateConfiguration(
      isEnabled: true, allowsServerContextTakeover: true, allowsClientContextTakeover: true,
      serverWindowBits: 15, clientWindowBits: own)
    let answer = "permessage-deflate" + (asked.map { "; client_max_window_bits=\($0)" } ?? "")
    #expect(
      verify(answer, configuration)
        == .success(
          Self.agreement(serverNoTakeover: false, clientNoTakeover: false, clientBits: agreed)))
  }

  @Test(arguments: 0..<16)
  func `an answer may hold any of the four parameters, in any order`(present: Int) {
    let all = [
      "server_no_context_takeover", "client_no_context_takeover", "server_max_window_bits=10",
      "client_max_window_bits=11",
    ]
    let chosen = all.indices.filter { present >> $0 & 1 == 1 }.map { all[$0] }
    let agreement = Self.agreement(
      serverNoTakeover: present & 1 != 0, clientNoTakeover: present & 2 != 0,
      serverBits: present & 4 != 0 ? 10 : 15, clientBits: present & 8 != 0 ? 11 : 15)
    for parameters in [chosen, chosen.reversed()] {
      let answer = (["permessage-deflate"] + parameters).joined(separator: "; ")
      #expect(verify(answer, Self.permissive) == .success(agreement), "\(answer)")
    }
  }

  // MARK: Both

  @Test func `what a server makes of a client's offer is what the client makes of its answer`() {
    for bits in 0..<16 {
      func configuration(
        _ shift: Int, _ serverWindowBits: Int, _ clientWindowBits: Int
      ) -> DeflateConfiguration {
        DeflateConfiguration(
          isEnabled: true, allowsServerContextTakeover: bits >> shift & 1 == 1,
          allowsClientContextTakeover: bits >> (shift + 1) & 1 == 1,
          serverWindowBits: serverWindowBits, clientWindowBits: clientWindowBits)
      }
      for windows in 0..<49 {
        let client = configuration(0, 9 + windows % 7, 9 + windows / 7)
        let server = configuration(2, 12, 15)
        guard let offer = DeflateNegotiation.offer(client),
          case .agreed(let agreement) = choose(offer, server)
        else {
          Issue.record("no agreement between \(client) and \(server)")
          continue
        }
        let answer = DeflateNegotiation.response(for: agreement)
        guard case .success(let result?) = verify(answer, client) else {
          Issue.record("the client refuses \(answer)")
          continue
        }
        // A client that will not keep its window says so in its offer only.
        #expect(result.serverNoContextTakeover == agreement.serverNoContextTakeover)
        #expect(result.serverMaxWindowBits == agreement.serverMaxWindowBits)
        #expect(result.clientMaxWindowBits == agreement.clientMaxWindowBits)
        #expect(result.keepsContext(from: .client) ? agreement.keepsContext(from: .client) : true)
      }
    }
  }

  private func choose(_ offers: String, _ configuration: DeflateConfiguration) -> DeflateChoice {
    let bytes = [UInt8](offers.utf8)
    return DeflateNegotiation.choose(among: bytes.span, configuration: configuration)
  }

  private func verify(
    _ answer: String, _ configuration: DeflateConfiguration
  ) -> Result<DeflateAgreement?, HandshakeViolation> {
    let bytes = [UInt8](answer.utf8)
    return Result { () throws(HandshakeViolation) in
      try DeflateNegotiation.agreement(from: bytes.span, configuration: configuration)
    }
  }
}
