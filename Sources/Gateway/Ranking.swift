// The few of many that have the most of something, kept while all of them are walked over.

/// The elements with the highest scores, the highest first.
struct Ranking<Element> {
  private let limit: Int
  private var entries: [(score: Double, element: Element)] = []

  /// An empty list for at most `limit` elements.
  init(limit: Int) {
    precondition(limit >= 1, "a list of \(limit)")
    self.limit = limit
  }

  /// What was offered and is among the highest; of two with one score the earlier one is before.
  var elements: [Element] { entries.map(\.element) }

  /// Takes an element when its score is high enough; one of 0 or less never is.
  ///
  /// Logarithmic in the limit for what is not taken, linear in it for what is.
  mutating func offer(_ score: Double, _ element: @autoclosure () -> Element) {
    guard score > 0 else { return }
    if entries.count == limit {
      guard let last = entries.last, last.score < score else { return }
      entries.removeLast()
    }
    var low = 0
    var high = entries.count
    while low < high {
      let middle = (low + high) / 2
      if entries[middle].score < score { high = middle } else { low = middle + 1 }
    }
    entries.insert((score, element()), at: low)
  }
}
