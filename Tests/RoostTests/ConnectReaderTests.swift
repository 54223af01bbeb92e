// What typed lines become.

import Gateway
import Testing

@testable import roost

struct ConnectReaderTests {
  private func read(_ lines: String..., room: String? = nil) -> ConnectInput? {
    var reader = ConnectReader(room: room)
    return lines.map { reader.read($0, suggest: Suggestion.sentence) }.last
  }

  @Test(arguments: [
    ("/join a", #"{"type":"join","id":1,"room":"a"}"#),
    ("/leave a", #"{"type":"leave","id":1,"room":"a"}"#),
    ("/publish a {\"x\": 1}", #"{"type":"publish","id":1,"room":"a","data":{"x": 1}}"#),
    ("/publish a b \"c\"", #"{"type":"publish","id":1,"room":"a","data":"b \"c\""}"#),
    ("/presence a", #"{"type":"presence","id":1,"room":"a"}"#),
    ("/history a", #"{"type":"history","id":1,"room":"a","limit":20,"reverse":true}"#),
    ("/history a 5", #"{"type":"history","id":1,"room":"a","limit":5,"reverse":true}"#),
    ("/send ann 7", #"{"type":"send","id":1,"to":{"user":"ann"},"data":7}"#),
    (#"  {"type":"ping","id":"x"} "#, #"{"type":"ping","id":"x"}"#),
  ])
  func `a command becomes a request`(line: String, request: String) {
    #expect(read(line) == .send(request))
  }

  @Test func `what has no slash is published in the room that was joined last`() {
    #expect(
      read("/join a", "/join b", "hello")
        == .send(#"{"type":"publish","id":3,"room":"b","data":"hello"}"#))
    #expect(
      read("hello", room: "c") == .send(#"{"type":"publish","id":1,"room":"c","data":"hello"}"#))
    #expect(read("[1]", room: "c") == .send(#"{"type":"publish","id":1,"room":"c","data":[1]}"#))
    #expect(read("/presence", room: "c") == .send(#"{"type":"presence","id":1,"room":"c"}"#))
    #expect(read("/join a", "/leave", "hello") == read("hello"))
  }

  @Test(arguments: [
    ("hello", "no room was joined: /join ROOM, or /help"), ("/join", "/join ROOM"),
    ("/join a b", "/join ROOM"), ("/leave", "/leave ROOM"), ("/publish a", "/publish ROOM DATA"),
    ("/send", "/send USER DATA"), ("/history a x", "/history ROOM N"),
    ("/history a 0", "/history ROOM N"), ("/presence", "/presence ROOM"), ("", ""), ("   ", ""),
    ("/jion a", "/jion is unknown; did you mean join?; /help lists what there is"),
    ("/help", ConnectInput.help),
  ])
  func `what cannot be sent is answered`(line: String, sentence: String) {
    #expect(read(line) == .say(sentence))
  }

  @Test func `quitting has a word`() {
    #expect(read("/quit") == .quit)
  }
}
