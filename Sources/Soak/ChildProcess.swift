// Programs that the harness starts: each in a process group of its own, so that Ctrl-C reaches only
// the harness, and each killed by the kernel when the harness dies, however that comes about.

import Glibc
import RoostEventLoop

/// A program that was started.
///
/// One thread, and the same one for all: the kernel ends a program with the thread that started it.
final class ChildProcess {
  /// How a program ended.
  enum End: Equatable, Sendable {
    case exited(Int32)
    case signalled(Int32)
  }

  let name: String
  let id: pid_t
  /// Where it writes.
  let log: String
  private(set) var end: End?

  /// Starts a program; what it writes goes to the end of a file.
  ///
  /// - Parameters:
  ///   - path: the program, with its folder.
  ///   - log: the file.
  init(
    _ name: String, _ path: String, _ arguments: [String], environment: [String: String] = [:],
    log: String
  ) throws(SoakFailure) {
    self.name = name
    self.log = log
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 1, log, O_WRONLY | O_CREAT | O_APPEND, 0o600)
    posix_spawn_file_actions_adddup2(&actions, 1, 2)
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    sigemptyset(&none)
    posix_spawnattr_setsigmask(&attributes, &none)
    var defaults = sigset_t()
    sigemptyset(&defaults)
    sigaddset(&defaults, SIGPIPE)
    posix_spawnattr_setsigdefault(&attributes, &defaults)
    let flags = POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF
    posix_spawnattr_setflags(&attributes, Int16(flags))
    var words = [path] + arguments
    if let wrapper = Program.find("setpriv") { words = [wrapper, "--pdeathsig", "KILL"] + words }
    var pointers: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) }
    var settings: [UnsafeMutablePointer<CChar>?] = environment.map { strdup("\($0)=\($1)") }
    defer { (pointers + settings).forEach { free($0) } }
    pointers.append(nil)
    settings.append(nil)
    var process: pid_t = 0
    let failure = posix_spawn(&process, words[0], &actions, &attributes, pointers, settings)
    guard failure == 0 else {
      throw SoakFailure("\(words[0]) could not be started: \(Errno(code: failure))")
    }
    id = process
  }

  deinit {
    guard end == nil else { return }
    Glibc.kill(id, SIGKILL)
    var status: Int32 = 0
    while waitpid(id, &status, 0) < 0, errno == EINTR {}
  }

  /// Sends a signal to a program that has not ended.
  func signal(_ number: Int32) {
    guard !hasEnded() else { return }
    Glibc.kill(id, number)
  }

  /// Whether it has ended; looks only.
  func hasEnded() -> Bool {
    guard end == nil else { return true }
    var status: Int32 = 0
    guard waitpid(id, &status, WNOHANG) == id else { return false }
    let signal = status & 0x7F
    end = signal == 0 ? .exited(status >> 8 & 0xFF) : .signalled(signal)
    return true
  }

  /// Waits for its end; false when it has not come in time.
  func wait(within limit: Duration) -> Bool {
    let deadline = MonotonicInstant.now().advanced(by: limit)
    while !hasEnded() {
      guard MonotonicInstant.now() < deadline else { return false }
      _ = poll(nil, 0, 5)
    }
    return true
  }

  /// Waits until it does its work; throws when it ends before, takes longer, or somebody has had enough.
  ///
  /// - Parameter title: what it is called in the sentence that says so; nil: its name.
  func waitUntilUp(
    as title: String? = nil, within limit: Duration, _ isInterrupted: () -> Bool,
    _ isUp: () -> Bool
  ) throws(SoakFailure) {
    let title = title ?? name
    let deadline = MonotonicInstant.now().advanced(by: limit)
    while !isUp() {
      if isInterrupted() { throw SoakFailure("it was interrupted") }
      if hasEnded() { throw SoakFailure("\(title) ended: \(lastWords)") }
      guard MonotonicInstant.now() < deadline else {
        throw SoakFailure("\(title) did not come up within \(limit): \(lastWords)")
      }
      _ = poll(nil, 0, 10)
    }
  }

  /// The end of what it has written.
  var lastWords: String {
    let text = Files.tail(of: log, bytes: 400).split(separator: "\n").suffix(2)
    return text.joined(separator: " ")
  }
}

/// Finds programs.
enum Program {
  /// A program's path; nil when it is in no folder of PATH, nor where Debian keeps what only root
  /// has on it.
  static func find(_ name: String) -> String? {
    let path = getenv("PATH").map { String(cString: $0) } ?? ""
    let folders = path.split(separator: ":").map(String.init) + ["/usr/sbin", "/usr/bin", "/bin"]
    return folders.map { "\($0)/\(name)" }.first { access($0, X_OK) == 0 }
  }
}
