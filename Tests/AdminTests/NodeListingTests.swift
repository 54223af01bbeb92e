// What `GET /v1/nodes` passes on of what a node, or somebody else in Redis, wrote about it.

import Backplane
import Testing

@testable import Admin

struct NodeListingTests {
  private func text(
    _ announcement: String, leaseAge: Duration? = nil, age: Duration? = nil
  ) -> String {
    var body: [UInt8] = []
    NodeListing(
      id: "n", incarnation: "n~1", isSelf: false, leaseAge: leaseAge,
      announcement: Array(announcement.utf8), announcementAge: age
    ).append(to: &body)
    return String(decoding: body, as: UTF8.self)
  }

  @Test func `figures are passed on with their age`() {
    #expect(
      text(
        #"{"phase":"serving","connections":5,"load":0.25,"#
          + #""rates":{"messages_in":1.5,"handshakes":2},"#
          + #""redis":{"commands":true,"subscriptions":false,"late":false,"probe_age_ms":7},"#
          + #""addresses":{"listen":"a:1"}}"#,
        leaseAge: .milliseconds(1500), age: .milliseconds(800))
        == #"{"node":"n","incarnation":"n~1","self":false,"lease_age_ms":1500,"#
        + #""figures_age_ms":800,"phase":"serving","connections":5,"load":0.25,"#
        + #""rates":{"messages_in":1.5,"handshakes":2.0},"#
        + #""redis":{"commands":true,"subscriptions":false,"late":false,"probe_age_ms":7},"#
        + #""addresses":{"listen":"a:1"}}"#)
  }

  @Test(arguments: [
    "", "x", "[]", "1", "{", String(repeating: "[", count: 50),
    "{\"phase\":\"\(String(repeating: "x", count: 5000))\"}",
  ])
  func `of what is no object nothing is passed on`(announcement: String) {
    let begin = #"{"node":"n","incarnation":"n~1","self":false"#
    #expect([begin + "}", begin + #","addresses":{}}"#].contains(text(announcement)))
  }

  @Test func `members of another kind, and unknown ones, are left out`() {
    #expect(
      text(
        #"{"phase":1,"connections":"5","extra":"<script>","load":"x","rates":{"messages_in":"y"},"#
          + #""redis":{"commands":"yes"},"addresses":{"listen":1}}"#)
        == #"{"node":"n","incarnation":"n~1","self":false,"rates":{},"redis":{},"addresses":{}}"#)
  }

  @Test func `a clock that went back makes no age below zero`() {
    #expect(text("{}", age: .seconds(-3)).contains(#""figures_age_ms":0,"#))
  }
}
