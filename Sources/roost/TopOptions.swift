// What `roost top` was asked to do: from flags, and where those say nothing, from the node's own
// configuration on the same machine.

import Fetch
import Gateway
import RoostEventLoop

/// The command line of `roost top`, understood.
struct TopOptions {
  /// Scheme, host and port of the admin port.
  let place: FetchURL
  let key: String?
  let authorityFile: String?
  let interval: Duration
  let isOnce: Bool
  let isJSON: Bool

  /// Why the options cannot be used.
  enum Problem: Error, Equatable {
    /// The command line is wrong.
    case usage(String)
    /// What it names cannot be used.
    case refused(String)
    /// The configuration was refused, and every reason was written.
    case told
  }

  /// Reads flags, key file and where needed the configuration.
  init(_ invocation: Invocation, environment: [String: String]) throws(Problem) {
    interval = try Self.interval(invocation.value(of: "--interval") ?? "2")
    isOnce = invocation.has("--once")
    isJSON = invocation.has("--json")
    authorityFile = invocation.value(of: "--ca-file")
    var configuredKey: String?
    if let admin = invocation.value(of: "--admin") {
      place = try Self.url(admin)
    } else {
      guard let reading = ConfigurationReading.read(invocation, environment: environment) else {
        throw .told
      }
      let configuration = reading.configuration
      guard configuration.admin.port != 0 else {
        throw .refused("the admin port is 0: give the one that the node has chosen with --admin")
      }
      place = try Self.url(
        (configuration.tls.admin ? "https://" : "http://") + configuration.admin.description)
      configuredKey = configuration.auth.apiKeys.first
    }
    key = try invocation.value(of: "--key-file").map(Self.key) ?? configuredKey
  }

  /// A request for a path; nil when the key cannot stand in a header.
  func request(_ path: String) -> FetchRequest? {
    do {
      var request = FetchRequest(
        url: try FetchURL(place.text + path), body: nil, timeout: .seconds(10),
        connectTimeout: .seconds(5), responseBytesMax: ClusterSnapshot.bytesMax,
        authorityFile: authorityFile)
      if let key { try request.add("Authorization", "Bearer \(key)") }
      try request.add("Accept", "application/json")
      return request
    } catch {
      return nil
    }
  }

  /// `http://HOST:PORT`, or without the scheme; a path has no place in it.
  private static func url(_ text: String) throws(Problem) -> FetchURL {
    let whole = text.contains("://") ? text : "http://" + text
    let trimmed = whole.hasSuffix("/") ? String(whole.dropLast()) : whole
    do {
      let url = try FetchURL(trimmed)
      guard url.place == trimmed else {
        throw Problem.usage("--admin has a path: give only https://HOST:PORT")
      }
      return url
    } catch let problem as FetchProblem {
      throw .usage("--admin \(problem)")
    } catch let problem as Problem {
      throw problem
    } catch {
      throw .usage("--admin cannot be used")
    }
  }

  private static func interval(_ text: String) throws(Problem) -> Duration {
    guard text.utf8.count <= 8, let seconds = Double(text), (0.5...3600).contains(seconds) else {
      throw .usage("--interval is a number of seconds from 0.5 to 3600")
    }
    return .milliseconds(Int64(seconds * 1000))
  }

  private static func key(_ name: String) throws(Problem) -> String {
    let content: [UInt8]
    switch ProcessEnvironment.contents(of: name) {
    case .success(let bytes): content = bytes
    case .failure(let failure): throw .refused("\(name) cannot be read: \(failure)")
    }
    let key = content.drop { $0 <= 32 }.reversed().drop { $0 <= 32 }.reversed()
    guard (1...512).contains(key.count), key.allSatisfy({ (0x21...0x7E).contains($0) }) else {
      throw .refused("\(name) holds no API key: one line of printable characters without spaces")
    }
    return String(decoding: key, as: UTF8.self)
  }
}
