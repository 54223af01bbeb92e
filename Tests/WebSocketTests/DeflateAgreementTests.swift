import RoostWebSocket
import Testing

struct DeflateAgreementTests {
  @Test(arguments: [false, true], [false, true])
  func `each side's window is looked up by that side`(server: Bool, client: Bool) {
    let agreement = DeflateAgreement(
      serverNoContextTakeover: server, clientNoContextTakeover: client, serverMaxWindowBits: 10,
      clientMaxWindowBits: 12)
    #expect(agreement.keepsContext(from: .server) == !server)
    #expect(agreement.keepsContext(from: .client) == !client)
    #expect(agreement.windowBits(from: .server) == 10)
    #expect(agreement.windowBits(from: .client) == 12)
  }

  @Test(
    arguments: [
      (8, nil), (9, 9), (10, 10), (11, 11), (12, 12), (13, 13), (14, 14), (15, 15),
    ] as [(Int, Int?)])
  func `a side compresses with its window, and not at all with one of 8 bits`(
    bits: Int, deflaterBits: Int?
  ) {
    for (server, client) in [(bits, 15), (15, bits)] {
      let agreement = DeflateAgreement(
        serverNoContextTakeover: false, clientNoContextTakeover: false,
        serverMaxWindowBits: server, clientMaxWindowBits: client)
      let (narrow, wide) = client == bits ? (Role.client, Role.server) : (.server, .client)
      #expect(agreement.deflaterWindowBits(for: narrow) == deflaterBits)
      #expect(agreement.deflaterWindowBits(for: wide) == 15)
    }
  }

  @Test func `the default compresses each message by itself`() {
    let standard = DeflateConfiguration.eachMessageByItself
    #expect(standard.isEnabled)
    #expect(!standard.allowsServerContextTakeover)
    #expect(!standard.allowsClientContextTakeover)
    #expect(standard.serverWindowBits == 15)
    #expect(standard.clientWindowBits == 15)
    #expect(!DeflateConfiguration.disabled.isEnabled)
  }
}
