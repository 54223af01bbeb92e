// A Redis of a test's own: a process with a directory, a Unix socket and a port that nothing else
// uses. Tests end it, freeze it and start it again, as machines and operators do.

import Glibc
import RoostEventLoop

/// A redis-server that was started.
///
/// One thread at a time. It ends, and its directory is removed, with the last reference.
public final class RedisServer {
  /// Where it listens besides its Unix socket.
  public enum Door: Sendable {
    /// On its Unix socket only.
    case none
    /// On 127.0.0.1, at a free port.
    case plain
    /// The same over TLS; the settings name the certificates.
    case encrypted
  }

  /// Its own directory, without a slash at the end.
  public let directory: String
  /// Its port on 127.0.0.1; 0 without one.
  public private(set) var port: UInt16
  private let door: Door
  private let settings: [String]
  private let keepsFiles: Bool
  private var process: Subprocess?

  /// The program that tests start; nil where Redis is not installed.
  public static let program: String? = find("redis-server", variable: "ROOST_TEST_REDIS")

  /// Whether tests can start a Redis here.
  public static var isAvailable: Bool { program != nil }

  /// Starts a server and waits until it answers.
  ///
  /// Nothing of it lasts unless `appendOnly`, which writes every command to a file at once.
  /// - Parameter settings: further lines of its configuration.
  public init(_ settings: [String] = [], door: Door = .plain, appendOnly: Bool = false) throws {
    var template = Array("/tmp/roost-redis-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw TestFailure("mkdtemp: errno \(errno)") }
    directory = String(
      decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    self.door = door
    self.settings = settings
    keepsFiles = appendOnly
    port = 0
    // A free port may be taken by somebody else before Redis listens on it.
    for attempt in 1...5 {
      if door != .none { port = try Self.freePort() }
      do {
        try start()
        return
      } catch  where attempt == 5 || !logged.contains("Address already in use") {
        throw error
      } catch {
        try? removeFiles(of: "server.log")
      }
    }
  }

  deinit {
    process?.kill(SIGKILL)
    _ = try? process?.wait()
    _ = try? Subprocess("/bin/rm", ["-rf", directory]).wait()
  }

  /// The path of its Unix socket, on which it always listens.
  public var socketPath: String { "\(directory)/socket" }

  /// `redis://127.0.0.1:PORT`, `rediss://…` or, without a port, the Unix socket's URL.
  public var url: String {
    switch door {
    case .none: unixURL
    case .plain: "redis://127.0.0.1:\(port)"
    case .encrypted: "rediss://127.0.0.1:\(port)"
    }
  }

  /// `redis+unix:///…`.
  public var unixURL: String { "redis+unix://\(socketPath)" }

  /// What the server wrote to its log so far.
  public var logged: String { (try? text(of: "server.log")) ?? "" }

  // MARK: Ending, freezing, starting again

  /// Asks the server to end (SIGTERM) and waits for its end.
  public func stop() throws {
    resume()
    process?.kill(SIGTERM)
    _ = try process?.wait()
    process = nil
  }

  /// Ends the server as a crash would (SIGKILL).
  public func kill() throws {
    process?.kill(SIGKILL)
    _ = try process?.wait()
    process = nil
  }

  /// Freezes the server (SIGSTOP): its kernel still takes connections and bytes, nobody answers.
  public func pause() {
    process?.kill(SIGSTOP)
  }

  /// Lets a frozen server go on (SIGCONT).
  public func resume() {
    process?.kill(SIGCONT)
  }

  /// Starts the server again, on the same port; one that still runs is stopped first.
  ///
  /// - Parameter keepingFiles: false begins with an empty database.
  public func restart(keepingFiles: Bool = true) throws {
    try stop()
    if !keepingFiles { try removeFiles(of: "appendonlydir", "dump.rdb", "appendonly.aof") }
    try start()
  }

  // MARK: Asking

  /// Runs redis-cli with a command and returns what it printed, without the last line's end.
  ///
  /// Options of redis-cli may stand before the command, such as `-n 1` or `--user`.
  @discardableResult
  public func cli(_ words: String...) throws -> String { try cli(words) }

  /// Runs redis-cli with a command and returns what it printed, without the last line's end.
  @discardableResult
  public func cli(_ words: [String]) throws -> String {
    guard let client = Self.find("redis-cli", variable: "ROOST_TEST_REDIS_CLI") else {
      throw TestFailure("redis-cli is not installed")
    }
    let run = try Subprocess(
      client, ["-s", socketPath, "--no-auth-warning"] + words, environment: ["LC_ALL": "C"])
    let end = try run.wait()
    guard end == .exited(0) else {
      throw TestFailure("redis-cli \(words.joined(separator: " ")): \(end) \(run.outputs)")
    }
    return run.output.hasSuffix("\n") ? String(run.output.dropLast()) : run.output
  }

  /// The text of a file in the server's directory.
  public func text(of name: String) throws -> String {
    guard let file = fopen("\(directory)/\(name)", "r") else {
      throw TestFailure("\(name): errno \(errno)")
    }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = fread(&buffer, 1, buffer.count, file)
      guard count > 0 else { return String(decoding: bytes, as: UTF8.self) }
      bytes += buffer[..<count]
    }
  }

  // MARK: How it is started

  private func start() throws {
    guard let program = Self.program else { throw TestFailure("redis-server is not installed") }
    try removeFiles(of: "socket")
    let lines =
      [
        "bind 127.0.0.1", "port \(door == .plain ? port : 0)", "unixsocket \(socketPath)",
        "unixsocketperm 700", "dir \(directory)", "logfile \(directory)/server.log",
        "daemonize no", "save \"\"", "appendonly \(keepsFiles ? "yes" : "no")",
        "appendfsync always", "protected-mode no", "databases 16",
      ] + (door == .encrypted ? ["tls-port \(port)"] : []) + settings
    try write(lines.joined(separator: "\n") + "\n", to: "redis.conf")
    let process = try Subprocess(
      program, ["\(directory)/redis.conf"], environment: ["LC_ALL": "C"])
    let deadline = MonotonicInstant.now().advanced(by: .seconds(60))
    while !answers() {
      var entry = pollfd(fd: -1, events: 0, revents: 0)
      poll(&entry, 1, 5)
      guard !process.hasEnded, MonotonicInstant.now() < deadline else {
        process.kill(SIGKILL)
        _ = try? process.wait()
        throw TestFailure("redis-server does not answer: \(process.outputs)\(logged)")
      }
    }
    self.process = process
  }

  /// Whether it has read its files and takes commands; one that wants a password does.
  private func answers() -> Bool {
    guard let answer = try? Self.ask("PING\r\n", at: socketPath) else { return false }
    return ["+PONG", "-NOAUTH", "-MASTERDOWN"].contains { answer.hasPrefix($0) }
  }

  /// Sends some bytes to a Unix socket and returns what comes first within five seconds.
  ///
  /// Any thread.
  public static func ask(_ question: String, at path: String) throws -> String {
    let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
    let descriptor = socket(AF_UNIX, type, 0)
    guard descriptor >= 0 else { throw TestFailure("socket: errno \(errno)") }
    defer { close(descriptor) }
    var patience = timeval(tv_sec: 5, tv_usec: 0)
    setsockopt(
      descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, UInt32(MemoryLayout<timeval>.size))
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    let connected = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, UInt32(MemoryLayout<sockaddr_un>.size))
      }
    }
    let count = question.utf8.count
    guard connected == 0, send(descriptor, question, count, Int32(MSG_NOSIGNAL)) == count else {
      throw TestFailure("\(path): errno \(errno)")
    }
    var answer = [UInt8](repeating: 0, count: 4096)
    let received = recv(descriptor, &answer, answer.count, 0)
    guard received > 0 else { throw TestFailure("\(path): no answer, errno \(errno)") }
    return String(decoding: answer.prefix(received), as: UTF8.self)
  }

  private func removeFiles(of names: String...) throws {
    let paths = names.map { "\(directory)/\($0)" }
    _ = try Subprocess("/bin/rm", ["-rf"] + paths).wait()
  }

  private func write(_ text: String, to name: String) throws {
    guard let file = fopen("\(directory)/\(name)", "w") else {
      throw TestFailure("\(name): errno \(errno)")
    }
    defer { fclose(file) }
    guard fputs(text, file) >= 0 else { throw TestFailure("\(name): errno \(errno)") }
  }

  private static func freePort() throws -> UInt16 {
    let probe = try Socket.listen(on: .loopback, sharesPort: false, backlog: 1)
    return try Socket.localAddress(of: probe).port
  }

  /// A program by a variable of the environment, or else from PATH.
  private static func find(_ name: String, variable: String) -> String? {
    if let path = getenv(variable).map({ String(cString: $0) }), !path.isEmpty { return path }
    let folders = getenv("PATH").map { String(cString: $0) } ?? "/usr/bin"
    return folders.split(separator: ":").map { "\($0)/\(name)" }.first { access($0, X_OK) == 0 }
  }
}
