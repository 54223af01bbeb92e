// Another program, started, read and ended by a test; no wait is without a deadline.

import Glibc
import RoostEventLoop

/// How a program ended.
public enum ProcessEnd: Equatable, Sendable {
  /// With an exit status.
  case exited(Int32)
  /// By a signal.
  case signalled(Int32)
}

/// A program that was started.
///
/// One thread at a time.
public final class Subprocess {
  private let process: pid_t
  private var descriptors: [Int32]
  private var texts: [[UInt8]] = [[], []]
  private var lineStart = 0
  private var end: ProcessEnd?

  /// Starts a program by its path, with only the environment that is given.
  public init(_ path: String, _ arguments: [String], environment: [String: String] = [:]) throws {
    (process, descriptors) = try Self.starting.withLock { _ throws in
      try Self.spawn(path, arguments, environment)
    }
  }

  /// Held from the making of pipes until the start, so that no program that another test starts
  /// meanwhile inherits the writing ends: what is read from such a pipe would never end.
  private static let starting = Lock<Bool>(true)

  private static func spawn(
    _ path: String, _ arguments: [String], _ environment: [String: String]
  ) throws -> (pid_t, [Int32]) {
    let output = try pipeEnds()
    let errors = try pipeEnds()
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_adddup2(&actions, output[1], 1)
    posix_spawn_file_actions_adddup2(&actions, errors[1], 2)
    // Threads that run tests may block every signal, and a program would begin with that.
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var mask = sigset_t()
    sigemptyset(&mask)
    posix_spawnattr_setsigmask(&attributes, &mask)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
    var words: [UnsafeMutablePointer<CChar>?] = ([path] + arguments).map { strdup($0) }
    var settings: [UnsafeMutablePointer<CChar>?] = environment.map { strdup("\($0)=\($1)") }
    defer { (words + settings).forEach { free($0) } }
    words.append(nil)
    settings.append(nil)
    var process: pid_t = 0
    let failure = posix_spawn(&process, path, &actions, &attributes, words, settings)
    close(output[1])
    close(errors[1])
    guard failure == 0 else {
      close(output[0])
      close(errors[0])
      throw TestFailure("\(path) could not be started: errno \(failure)")
    }
    return (process, [output[0], errors[0]])
  }

  private static func pipeEnds() throws -> [Int32] {
    var ends: [Int32] = [0, 0]
    guard pipe(&ends) == 0 else { throw TestFailure("pipe: errno \(errno)") }
    for descriptor in ends { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
    return ends
  }

  deinit {
    if end == nil {
      Glibc.kill(process, SIGKILL)
      var status: Int32 = 0
      waitpid(process, &status, 0)
    }
    for descriptor in descriptors where descriptor >= 0 { close(descriptor) }
  }

  /// Memory that is the program's own, in bytes.
  public func privateBytes() throws -> Int {
    let text = String(decoding: try contents(of: "/proc/\(process)/smaps_rollup"), as: UTF8.self)
    let lines = text.split(separator: "\n").filter { $0.hasPrefix("Private_") }
    let kibibytes = lines.compactMap {
      $0.split(separator: " ").dropFirst().first.flatMap { Int($0) }
    }
    guard !kibibytes.isEmpty else { throw TestFailure("smaps_rollup has no private memory") }
    return kibibytes.reduce(0, +) * 1024
  }

  /// What was written to the standard output so far.
  public var output: String { String(decoding: texts[0], as: UTF8.self) }

  /// What was written to the standard error output so far.
  public var errors: String { String(decoding: texts[1], as: UTF8.self) }

  /// Both outputs, for a failure's message.
  public var outputs: String { output + errors }

  /// Sends a signal.
  public func kill(_ signal: Int32) {
    guard end == nil else { return }
    Glibc.kill(process, signal)
  }

  /// Whether the program has ended; looks only, `wait` still tells how.
  public var hasEnded: Bool {
    guard end == nil else { return true }
    var information = siginfo_t()
    let found = waitid(P_PID, id_t(process), &information, WEXITED | WNOHANG | WNOWAIT)
    return found == 0 && information.si_signo == SIGCHLD
  }

  /// Takes what the program has written so far, so that its pipes do not fill; waits for nothing.
  public func takeWritten() {
    var entries = descriptors.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
    while poll(&entries, UInt(entries.count), 0) > 0 {
      guard (try? readSome(until: MonotonicInstant.now().advanced(by: .seconds(1)))) == true else {
        return
      }
      entries = descriptors.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
    }
  }

  /// Waits for the next line on the standard error (`fromErrors`) or standard output.
  public func line(fromErrors: Bool = false, within limit: Duration = .seconds(60)) throws -> String
  {
    let deadline = MonotonicInstant.now().advanced(by: limit)
    let stream = fromErrors ? 1 : 0
    while true {
      if let newline = texts[stream][lineStart...].firstIndex(of: UInt8(ascii: "\n")) {
        defer { lineStart = newline + 1 }
        return String(decoding: texts[stream][lineStart..<newline], as: UTF8.self)
      }
      guard descriptors[stream] >= 0, try readSome(until: deadline) else {
        throw TestFailure("no further line came; so far: \(outputs)")
      }
    }
  }

  /// Waits for the program's end; one that does not end in time is asked, then forced to.
  public func wait(within limit: Duration = .seconds(60)) throws -> ProcessEnd {
    if let end { return end }
    let deadline = MonotonicInstant.now().advanced(by: limit)
    do {
      while try readSome(until: deadline) {}
    } catch {
      kill(SIGTERM)
      let patience = MonotonicInstant.now().advanced(by: .seconds(10))
      do {
        while try readSome(until: patience) {}
      } catch {
        kill(SIGKILL)
      }
      _ = collect()
      throw TestFailure("it did not end within \(limit); so far: \(outputs)")
    }
    return collect()
  }

  private func collect() -> ProcessEnd {
    var status: Int32 = 0
    while waitpid(process, &status, 0) < 0, errno == EINTR {}
    let signal = status & 0x7F
    let end = signal == 0 ? ProcessEnd.exited(status >> 8 & 0xFF) : .signalled(signal)
    self.end = end
    return end
  }

  /// Reads what is there; false when both streams have ended, which a program does at its end.
  private func readSome(until deadline: MonotonicInstant) throws -> Bool {
    var entries = descriptors.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
    guard descriptors.contains(where: { $0 >= 0 }) else { return false }
    let left = deadline.since(MonotonicInstant.now()).millisecondsClamped
    let ready = poll(&entries, UInt(entries.count), Int32(clamping: left + 1))
    if ready < 0, errno == EINTR { return true }
    guard ready > 0 else { throw TestFailure("the deadline has passed; so far: \(outputs)") }
    for stream in 0...1 where entries[stream].revents != 0 {
      var buffer = [UInt8](repeating: 0, count: 65_536)
      let count = read(descriptors[stream], &buffer, buffer.count)
      if count > 0 {
        texts[stream] += buffer[..<count]
      } else if count == 0 {
        close(descriptors[stream])
        descriptors[stream] = -1
      }
    }
    return true
  }
}
