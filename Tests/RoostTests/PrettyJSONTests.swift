// JSON for people, of which nothing may play with their terminals.

import RoostJSON
import Testing

@testable import roost

struct PrettyJSONTests {
  @Test func `a member has a line`() throws {
    let text = #"{"a":1.50,"b":[],"c":{},"d":[true,null,{"e":"f"}]}"#
    let tree = try JSONTree(parsing: Array(text.utf8), depthMax: 8, bytesMax: 1024)
    #expect(
      PrettyJSON.text(tree) == """
        {
          "a": 1.50,
          "b": [],
          "c": {},
          "d": [
            true,
            null,
            {
              "e": "f"
            }
          ]
        }

        """)
  }

  @Test(arguments: [
    ("ä🐓", "\"ä🐓\""), ("\u{1B}[2J", "\"\\u001b[2J\""), ("\u{9B}2J", "\"\\u009b2J\""),
    ("\u{7F}", "\"\\u007f\""), ("\u{202E}x", "\"\\u202ex\""), ("\u{2028}", "\"\\u2028\""),
    ("\u{E0001}", "\"\\udb40\\udc01\""), ("a\"\\\n", #""a\"\\\n""#),
  ])
  func `what a terminal would obey is escaped`(content: String, quoted: String) {
    #expect(PrettyJSON.quoted(content) == quoted)
  }
}
