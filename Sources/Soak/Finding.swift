// What the judge has against a run, one sentence each, with the member, the room and the place.

/// Something that is not as it was promised.
public struct Finding: Equatable, Sendable {
  /// What kind of promise was broken.
  public enum Kind: String, CaseIterable, Sendable {
    /// An acknowledged publish did not come to a member that was there.
    case lost
    /// A message came twice.
    case doubled
    /// A message came behind a later one.
    case reordered
    /// A message is not as it was sent.
    case corrupted
    /// A message that was refused was delivered.
    case refusedDelivered = "refused_delivered"
    /// Two members were given different messages at the same place.
    case differing
    /// Something was announced as missing without a cause.
    case announcedWithoutCause = "announced_without_cause"
    /// An answer of the node contradicts what was asked or told before.
    case contradiction
    /// What a member was told of who is there is not the truth.
    case presenceWrong = "presence_wrong"
    /// A node did not come back to where it began.
    case leaked
    /// A node was sent more newcomers at once than it takes.
    case overrun
    /// A process or a client ended as it should not.
    case ended
  }

  /// The kind.
  public let kind: Kind
  /// One sentence.
  public let sentence: String

  /// Puts a finding together.
  public init(_ kind: Kind, _ sentence: String) {
    self.kind = kind
    self.sentence = sentence
  }
}

/// All findings of a run: every one is counted, the first ones are kept.
public struct Findings: Equatable, Sendable {
  /// The ones that are kept, in the order in which they were made.
  public private(set) var kept: [Finding] = []
  /// How many there are of each kind.
  public private(set) var counts: [Finding.Kind: Int] = [:]
  /// How many of a kind are kept.
  public let keptMax: Int

  /// No findings, of which at most `keptMax` a kind will be kept.
  public init(keptMax: Int) {
    self.keptMax = keptMax
  }

  /// How many there are in all.
  public var count: Int { counts.values.reduce(0, +) }

  /// Whether there is nothing.
  public var isEmpty: Bool { counts.isEmpty }

  /// Adds as many as one sentence stands for; the sentence is kept when it is among the first.
  public mutating func add(
    _ kind: Finding.Kind, times: Int = 1, _ sentence: String
  ) {
    let isKept = kept.count { $0.kind == kind } < keptMax
    counts[kind, default: 0] += times
    if isKept { kept.append(Finding(kind, sentence)) }
  }

  /// Adds those of another list.
  public mutating func add(_ others: Findings) {
    for finding in others.kept { add(finding.kind, times: 0, finding.sentence) }
    for (kind, count) in others.counts { counts[kind, default: 0] += count }
  }
}
