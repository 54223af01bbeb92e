// What `roost check-config` prints about a configuration that is right.

import Gateway
import Testing

@testable import roost

struct CheckConfigCommandTests {
  @Test func `the settings that differ are printed with their places`() {
    var configuration = Configuration()
    configuration.auth.anonymous = true
    configuration.limits.messageBytes = 1000
    let reading = ConfigurationReading(
      configuration: configuration,
      places: [
        "limits.message_bytes": .file("config.json", line: 3, column: 5),
        "auth.anonymous": .environment("ROOST_AUTH__ANONYMOUS"),
      ])
    #expect(
      CheckConfigCommand.report(reading) == """
        ok
        auth.anonymous: true  (ROOST_AUTH__ANONYMOUS)
        limits.message_bytes: 1000  (config.json:3:5)

        """)
  }

  @Test func `a node that would not start is announced`() {
    let reading = ConfigurationReading(configuration: Configuration(), places: [:])
    #expect(
      CheckConfigCommand.report(reading) == """
        ok
        note: no authentication is configured: name keys in auth.tokens, set auth.anonymous to true \
        if anyone may connect, or give --dev to try Roost on your own machine

        """)
  }
}
