// "Did you mean" must help with slips and stay silent about everything else.

import Gateway
import Testing

struct SettingSuggestionTests {
  private let words = ["serve", "check-config", "health", "help", "version"]

  @Test(arguments: [
    ("sevre", "serve"), ("serv", "serve"), ("servee", "serve"), ("xerve", "serve"),
    ("check-cofnig", "check-config"), ("checkconfig", "check-config"), ("helth", "health"),
    ("hlep", "help"), ("versoin", "version"), ("vers", "version"),
  ])
  func `a slip finds its word`(slip: String, word: String) {
    #expect(Suggestion.nearest(to: slip, among: words) == word)
    #expect(Suggestion.sentence(for: slip, among: words) == "; did you mean \(word)?")
  }

  @Test(arguments: ["", "x", "banana", "publish", "configuration", "ver"])
  func `another word finds nothing`(word: String) {
    #expect(Suggestion.nearest(to: word, among: words) == nil)
    #expect(Suggestion.sentence(for: word, among: words) == "")
  }

  @Test(arguments: [(63, true), (64, true), (65, false)])
  func `long words are not looked at`(count: Int, isFound: Bool) {
    let word = String(repeating: "a", count: count)
    #expect((Suggestion.nearest(to: word, among: [word]) != nil) == isFound)
  }
}
