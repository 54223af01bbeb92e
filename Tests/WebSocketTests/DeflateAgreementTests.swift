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

  @Test func `the default compresses each message by itself`() {
    let standard = DeflateConfiguration.eachMessageByItself
    #expect(standard.isEnabled)
    #expect(!standard.allowsServerContextTakeover)
    #expect(!standard.allowsClientContextTakeover)
    #expect(standard.serverWindowBits == 15)
    #expect(!DeflateConfiguration.disabled.isEnabled)
  }
}
