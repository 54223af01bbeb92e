import TestRandom
import Testing

@testable import Gateway

struct RankingTests {
  @Test(arguments: [1, 2, 3, 100])
  func `the highest are kept, the highest first`(limit: Int) {
    var generator = SeededGenerator.make()
    let scores = (0..<500).map { _ in Int.random(in: 1...1000, using: &generator) }
    var ranking = Ranking<Int>(limit: limit)
    for score in scores { ranking.offer(Double(score), score) }
    #expect(ranking.elements == Array(scores.sorted(by: >).prefix(limit)), "\(generator)")
  }

  @Test func `of two with one score the earlier one is before, and stays`() {
    var ranking = Ranking<String>(limit: 2)
    for name in ["a", "b", "c"] { ranking.offer(1, name) }
    #expect(ranking.elements == ["a", "b"])
  }

  @Test(arguments: [0, -1, -Double.infinity, .nan])
  func `what has nothing is not in the list`(score: Double) {
    var ranking = Ranking<Int>(limit: 3)
    ranking.offer(score, 1)
    #expect(ranking.elements.isEmpty)
  }
}
