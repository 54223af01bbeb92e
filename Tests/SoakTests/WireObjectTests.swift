import Testing

@testable import Soak

@Suite struct WireObjectTests {
  private func read(_ text: String) -> WireObject? { WireObject(Array(text.utf8).span) }

  @Test func `what matters of an object is read`() throws {
    let text = #"{"type":"message","room":"log:1","data":"soak-1","offset":7,"epoch":"e"}"#
    let object = try #require(read(text))
    #expect(object.kind == .message)
    #expect(object.room == Array("log:1".utf8))
    #expect(object.epoch == "e")
    #expect(object.offset == 7)
    #expect(object.id == -1)
    #expect(object.data.map { String(decoding: Array(text.utf8)[$0], as: UTF8.self) } == "soak-1")
  }

  @Test(arguments: [
    (#"{"type":"ok","id":3,"room":"a","recovered":true}"#, 3, true),
    (#"{"type":"ok","id":0,"room":"a","recovered":false}"#, 0, false),
    (#"{"type":"ok","id":"x"}"#, -1, nil),
  ])
  func `answers are read`(text: String, id: Int64, recovered: Bool?) throws {
    let object = try #require(read(text))
    #expect(object.kind == .ok)
    #expect(object.id == id)
    #expect(object.recovered == recovered)
  }

  @Test func `a refusal is read with its code and its time`() throws {
    let text = #"{"type":"error","id":4,"code":"unavailable","retry_after_ms":250}"#
    let object = try #require(read(text))
    #expect(object.kind == .error)
    #expect(object.code == "unavailable")
    #expect(object.retryAfterMilliseconds == 250)
  }

  @Test func `who is there, who comes and who goes is read`() throws {
    let joined = #"{"type":"joined","room":"a","member":{"user":"u","connection":"c-1.0.2"}}"#
    #expect(try #require(read(joined)).kind == .joined)
    #expect(try #require(read(joined)).connection == "c-1.0.2")
    #expect(try #require(read(#"{"type":"left","member":{}}"#)).connection == nil)
    #expect(try #require(read(#"{"type":"presence_reset","room":"a"}"#)).kind == .presenceReset)
    #expect(try #require(read(#"{"type":"welcome","connection":"c"}"#)).connection == "c")
    let list =
      #"{"type":"ok","id":-2,"members":[{"connection":"c","user":"u"},{"connection":"d"}]}"#
    let object = try #require(read(list))
    #expect(object.id == Judge.presenceRequest)
    #expect(object.members(in: Array(list.utf8).span) == ["c", "d"])
    // The answer to a join has their number.
    let count = #"{"type":"ok","id":0,"room":"a","members":2}"#
    #expect(try #require(read(count)).members(in: Array(count.utf8).span) == nil)
  }

  @Test(arguments: ["", "[]", "{", "nonsense", #"{"type":}"#])
  func `what is no object is none`(text: String) {
    #expect(read(text) == nil)
  }

  @Test(arguments: [#"{"data":{"a":1}}"#, #"{"data":"a\nb"}"#, #"{"data":1}"#])
  func `data that is no plain string has no range`(text: String) throws {
    #expect(try #require(read(text)).data == nil)
  }
}
