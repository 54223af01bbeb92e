import RoostRooms
import RoostWire
import Testing

struct WelcomeTests {
  @Test func `a welcome introduces both sides`() {
    let welcome = Welcome(
      node: "n1:8080", pingMilliseconds: 25_000, messageBytesMax: 65_536, version: "1.0.0")
    #expect(
      written { welcome.append(connection: ann.connection, user: "ann \"a\"", to: &$0) }
        == #"{"type":"welcome","connection":"a1-2.3c.4","node":"n1:8080","user":"ann \"a\"","#
        + #""ping_ms":25000,"max_message_bytes":65536,"version":"1.0.0"}"#)
  }

  @Test func `a welcome in a cluster carries a ticket, and says whether one was accepted`() {
    let welcome = Welcome(node: "n", pingMilliseconds: 0, messageBytesMax: 1, version: "v")
    #expect(
      written {
        welcome.append(
          connection: nobody.connection, user: nil, isResumed: true, ticket: bytes("T-_"), to: &$0)
      }
        == #"{"type":"welcome","connection":"a1-0.1.0","node":"n","resumed":true,"ticket":"T-_","#
        + #""ping_ms":0,"max_message_bytes":1,"version":"v"}"#)
  }

  @Test func `an anonymous connection's welcome names no user`() {
    let welcome = Welcome(node: "\"n\"", pingMilliseconds: 0, messageBytesMax: 1, version: "v")
    #expect(
      written { welcome.append(connection: nobody.connection, user: nil, to: &$0) }
        == #"{"type":"welcome","connection":"a1-0.1.0","node":"\"n\"","ping_ms":0,"#
        + #""max_message_bytes":1,"version":"v"}"#)
  }
}
