// "Did you mean …?" for keys, words, flags and commands.

/// Finds the word that somebody who mistyped will have meant.
public enum Suggestion {
  /// The nearest of some words, nil when none is near; the first of several that are equally near.
  ///
  /// Near means that at most a third of its letters, and at least one, are missing, added, wrong or
  /// swapped, or that it is the first and larger part of the other. Costs O(words · length²); words of more than 64 bytes are not looked at.
  public static func nearest(to word: String, among words: [String]) -> String? {
    guard word.utf8.count <= 64 else { return nil }
    var best: (word: String, distance: Int)?
    for candidate in words where candidate.utf8.count <= 64 {
      var distance = distance(Array(word.utf8), Array(candidate.utf8))
      let isBeginning = candidate.hasPrefix(word) && word.utf8.count * 2 > candidate.utf8.count
      if isBeginning { distance = min(distance, 1) }
      let allowed = max(1, max(word.utf8.count, candidate.utf8.count) / 3)
      guard distance <= allowed, distance < best?.distance ?? Int.max else { continue }
      best = (candidate, distance)
    }
    return best?.word
  }

  /// `; did you mean X?`, or nothing when no word is near.
  public static func sentence(for word: String, among words: [String]) -> String {
    nearest(to: word, among: words).map { "; did you mean \($0)?" } ?? ""
  }

  /// Optimal string alignment: insertions, deletions, replacements, swaps of neighbours.
  static func distance(_ first: [UInt8], _ second: [UInt8]) -> Int {
    guard !first.isEmpty, !second.isEmpty else { return max(first.count, second.count) }
    var beforeLast = [Int](repeating: 0, count: second.count + 1)
    var last = Array(0...second.count)
    for row in 1...first.count {
      var current = [row]
      for column in 1...second.count {
        let isSame = first[row - 1] == second[column - 1]
        var cost = min(
          last[column] + 1, current[column - 1] + 1, last[column - 1] + (isSame ? 0 : 1))
        let isSwap =
          row > 1 && column > 1 && first[row - 1] == second[column - 2]
          && first[row - 2] == second[column - 1]
        if isSwap { cost = min(cost, beforeLast[column - 2] + 1) }
        current.append(cost)
      }
      (beforeLast, last) = (last, current)
    }
    return last[second.count]
  }
}
