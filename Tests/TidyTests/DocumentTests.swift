// Documents and code say the same, in both directions: what one of them names, the other has. Lists
// that the code offers as values are taken as such; the rest is read from its source.

import Gateway
import RoostWire
import Soak
import Testing

@testable import Gateway
@testable import roost

/// Reads names out of sources.
enum SourceNames {
  /// Metrics as `name kind`, from the calls that begin a family.
  static func metrics(in code: SwiftCode) -> [String] {
    code.words.filter { $0.text == "family" && $0.after == UInt8(ascii: "(") }
      .compactMap { word in
        guard let name = code.literal(from: word.start + "family(".utf8.count) else { return nil }
        let kind = code.words.first { $0.start >= name.end }?.text ?? ""
        return "\(name.text) \(kind)"
      }
  }

  /// Log events as `name level`, from the calls on something that is called `log`.
  static func events(in code: SwiftCode) -> [String] {
    let levels = ["debug", "info", "warning", "error"]
    let words = code.words
    return words.indices.dropFirst().compactMap { index in
      let word = words[index]
      let previous = words[index - 1]
      guard levels.contains(word.text), previous.text == "log",
        previous.start + 4 == word.start, word.before == UInt8(ascii: "."),
        let name = code.literal(from: word.start + word.text.utf8.count + 1)
      else { return nil }
      return "\(name.text) \(word.text)"
    }
  }

  /// The types of objects that a file writes: `"type":"welcome"` in Swift literals.
  static func types(in file: SourceFile) -> [String] {
    file.text.components(between: #"\"type\":\""#, and: #"\""#).filter { !$0.isEmpty }
  }
}

@Suite struct DocumentTests {
  private static let folder = "Sources/Gateway/Gateway.docc"
  private static let protocolPage = Document(SourceTree.file("\(folder)/Protocol.md"))
  private static let configuration = Document(SourceTree.file("\(folder)/Settings.md"))
  private static let operations = Document(SourceTree.file("\(folder)/Operations.md"))

  private static func firstCells(_ rows: [[String]]) -> [String] {
    rows.compactMap { $0.first.map(Document.unquoted) }
  }

  /// The names in the first cells, of which a cell may have several.
  private static func names(in rows: [[String]]) -> [String] {
    firstCells(rows).flatMap { $0.split(separator: ",").map { String($0.drop { $0 == " " }) } }
  }

  // MARK: Protocol

  @Test func `every error code is in the protocol's table`() {
    #expect(
      differences(
        in: ErrorCode.allCases.map(\.rawValue), "ErrorCode",
        and: Self.firstCells(Self.protocolPage.rows(inSection: "Errors")), "Protocol.md") == [])
  }

  @Test func `every close code is in the protocol's table`() {
    #expect(
      differences(
        in: RoostWire.CloseCode.allCases.map { String($0.rawValue) }, "CloseCode",
        and: Self.firstCells(Self.protocolPage.rows(inSection: "Close codes")), "Protocol.md")
        == [])
  }

  @Test func `every push is in the protocol's table`() {
    let documented = Self.names(in: Self.protocolPage.rows(inSection: "Pushes"))
    #expect(
      differences(
        in: ["Welcome", "Push"].flatMap {
          SourceNames.types(in: SourceTree.file("Sources/Wire/\($0).swift"))
        }, "Welcome.swift and Push.swift", and: documented, "Protocol.md") == [])
  }

  @Test func `every request is in the protocol's table`() {
    let message = "`type` is one of "
    let known = SourceTree.file("Sources/Wire/RequestReader.swift").text
      .components(between: message, and: "\"").flatMap { $0.split(separator: ",") }
      .map { String($0.drop { $0 == " " }) }
    #expect(
      differences(
        in: known, "RequestReader.swift",
        and: Self.firstCells(Self.protocolPage.rows(inSection: "Requests")), "Protocol.md") == [])
  }

  // MARK: Configuration

  @Test func `every setting is documented with default, range and variable`() {
    let built = Setting.all.filter(\.isBuilt).map {
      [$0.path, $0.defaultText ?? "", $0.kind.allowed, $0.environmentName].joined(separator: " | ")
    }
    let documented = Self.configuration.rows(under: "setting").filter { $0.count == 5 }
      .map { $0.prefix(4).map(Document.unquoted).joined(separator: " | ") }
    #expect(differences(in: built, "Setting", and: documented, "Settings.md") == [])
  }

  @Test func `every setting that is refused is documented with its reason`() {
    let refused = Setting.all.filter { !$0.isBuilt }.map { "\($0.path) | \($0.kind.allowed)" }
    let documented = Self.configuration.rows(inSection: "Not in this version")
      .map { $0.map(Document.unquoted).joined(separator: " | ") }
    // There is a time when everything that was designed is built.
    guard !refused.isEmpty || !documented.isEmpty else { return }
    #expect(differences(in: refused, "Setting", and: documented, "Settings.md") == [])
  }

  @Test func `every flag is documented with its command and value`() {
    let flags = Command.all.flatMap { command in
      command.flags.map { "\(command.name.rawValue) \($0.name) \($0.value ?? "")" }
    }
    let documented = Self.configuration.rows(inSection: "Flags")
      .map { $0.prefix(3).map(Document.unquoted).joined(separator: " ") }
    #expect(differences(in: flags, "Command", and: documented, "Settings.md") == [])
  }

  @Test func `every check of the doctor is documented`() {
    let commands = Document(SourceTree.file("\(Self.folder)/Commands.md"))
    #expect(
      differences(
        in: DoctorCheck.allCases.map(\.rawValue), "DoctorCheck",
        and: Self.firstCells(commands.rows(under: "check")), "Commands.md") == [])
  }

  @Test func `every kind of fault and every key of a scenario is documented`() {
    let commands = Document(SourceTree.file("\(Self.folder)/Commands.md"))
    #expect(
      differences(
        in: FaultKind.allCases.map(\.rawValue), "FaultKind",
        and: Self.names(in: commands.rows(under: "fault")), "Commands.md") == [])
    let documented = commands.rows(under: "key").map {
      $0.prefix(2).map(Document.unquoted).joined(separator: " | ")
    }
    #expect(
      differences(
        in: ScenarioKey.all.map { "\($0.path) | \($0.allowed)" }, "ScenarioKey", and: documented,
        "Commands.md") == [])
    #expect(
      differences(
        in: Plant.allCases.map(\.rawValue), "Plant",
        and: Self.names(in: commands.rows(under: "plant")), "Commands.md") == [])
  }

  // MARK: Operations

  @Test func `every metric is documented with its kind`() {
    let files = [
      "Sources/Gateway/MetricsText.swift", "Sources/Gateway/RedisMetrics.swift",
      "Sources/Gateway/OutboundMetrics.swift", "Sources/Gateway/DrainMetrics.swift",
      "Sources/Gateway/MoveMetrics.swift",
      "Sources/Telemetry/ProcessFigures.swift",
      "Sources/Admin/APIMetrics.swift",
    ]
    let documented = Self.operations.rows(under: "metric")
      .map { $0.prefix(2).map(Document.unquoted).joined(separator: " ") }
    #expect(
      differences(
        in: files.flatMap { SourceNames.metrics(in: SwiftCode(SourceTree.file($0))) }, "the code",
        and: documented, "Operations.md") == [])
  }

  @Test func `every metric that a document mentions exists`() {
    let known = Set(Self.firstCells(Self.operations.rows(under: "metric")))
    for path in SourceTree.files(under: "", endingIn: ".md").map(\.path) {
      let spans = Document(SourceTree.file(path)).codeSpans
      let words = spans.flatMap { SwiftCode("span", $0).words.map(\.text) }
      let mentioned = words.filter { $0.hasPrefix("roost_") || $0.hasPrefix("process_") }
      #expect(mentioned.filter { !known.contains($0) } == [], "\(path)")
    }
  }

  @Test func `every log event is documented with its level`() {
    let documented = Self.operations.rows(inSection: "Log")
      .map { $0.prefix(2).map(Document.unquoted).joined(separator: " ") }
    #expect(
      differences(
        in: SwiftCode.ofSources.flatMap(SourceNames.events), "the code", and: documented,
        "Operations.md")
        == [])
  }

  @Test func `every reason not to let a connection in is documented with its status`() {
    let reasons = AdmissionRefusal.allCases.map { "\($0.rawValue) \($0.status)" }
    let documented = Self.operations.rows(under: "reason")
      .map { $0.prefix(2).map(Document.unquoted).joined(separator: " ") }
    #expect(
      differences(in: reasons, "AdmissionRefusal", and: documented, "Operations.md") == [])
  }

  // MARK: The first page

  @Test func `the first page tells the default limits`() {
    let limits = Configuration().limits
    let expected = [
      "connections of one address | \(Self.grouped(limits.connectionsPerAddress))",
      "connections of one user | \(Self.grouped(limits.connectionsPerUser))",
      "new connections a second: node, address | \(Self.grouped(limits.handshakesPerSecond)), "
        + Self.grouped(limits.handshakesPerSecondPerAddress),
      "request head | \(limits.requestHeadBytes >> 10) KiB, "
        + "\(limits.handshakeTimeout.components.seconds) s",
      "message | \(limits.messageBytes >> 10) KiB",
      "requests in one message | \(Self.grouped(limits.batchRequests))",
      "requests a second of one connection | \(Self.grouped(limits.messagesPerSecond)), "
        + "\(Self.grouped(limits.messagesBurst)) at once",
      "bytes a second of one connection | \(limits.bytesPerSecond >> 20) MiB",
      "rooms of one connection | \(Self.grouped(limits.roomsPerConnection))",
      "bytes that wait for a slow reader | \(limits.outboundBytes >> 20) MiB",
      "no pong after a ping every \(limits.pingInterval.components.seconds) s | "
        + "\(limits.pongTimeout.components.seconds) s",
      "history of all rooms | \(limits.historyBytes >> 20) MiB",
      "idempotency keys of the node | \(Self.grouped(limits.idempotencyKeys)) for "
        + "\(limits.idempotencyWindow.components.seconds / 60) minutes",
    ]
    let page = Document(SourceTree.file("README.md"))
    let documented = page.rows(under: "limit").map { $0.prefix(2).joined(separator: " | ") }
    #expect(
      differences(
        in: expected, "Limits", and: documented.filter { !$0.hasPrefix("connections of the node") },
        "README.md") == [])
  }

  /// `500,000` for 500000.
  private static func grouped(_ number: Int) -> String {
    let digits = Array(String(number))
    return digits.indices.map { index in
      let isGroup = index > 0 && (digits.count - index) % 3 == 0
      return (isGroup ? "," : "") + String(digits[index])
    }.joined()
  }

  // MARK: The checks find what they are for

  @Test func `what only one side has is found`() {
    #expect(differences(in: ["a", "b"], "code", and: ["b", "a", "a"], "page") == [])
    #expect(
      differences(in: ["a", "b"], "code", and: ["b", "c"], "page")
        == ["a is in code and not in page", "c is in page and not in code"])
    #expect(
      differences(in: [], "code", and: [], "page")
        == ["nothing was found in code", "nothing was found in page"])
  }

  @Test func `metrics are read with their kind`() {
    let text = """
      text.family("roost_rooms", .gauge, help: "…")
      text.family(
        "roost_joins_total", .counter, help: "…")
      // text.family("roost_comment", .gauge)
      """
    #expect(
      SourceNames.metrics(in: SwiftCode("A.swift", text))
        == ["roost_rooms gauge", "roost_joins_total counter"])
  }

  @Test func `log events are read with their level`() {
    let text = """
      shared.log.warning(
        "accept_shortage", "…")
      log.info("ready", "…")
      catalog.info("no_log", "…")
      let text = "log.info(\\"in_text\\")"
      """
    #expect(
      SourceNames.events(in: SwiftCode("A.swift", text))
        == ["accept_shortage warning", "ready info"])
  }

  @Test func `types of objects are read`() {
    let text = #"append("{\"type\":\"welcome\",\"connection\":", to: &output)"#
    #expect(SourceNames.types(in: SourceFile("A.swift", text)) == ["welcome"])
  }
}
