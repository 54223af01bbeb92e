// A pseudo-terminal with the program on its other end, for tests that type.

import Glibc
import RoostEventLoop
import TestSupport

/// A program on a terminal of its own.
///
/// One thread at a time.
final class Terminal {
  private let master: Int32
  private let slave: Int32
  private let process: pid_t
  private var text = ""
  private var isWaitedFor = false

  /// Starts the built executable.
  init(_ arguments: [String]) throws {
    // posix_openpt and its kin are not shown to Swift; these are what they do on Linux.
    let number = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC)
    var (lock, place): (Int32, UInt32) = (0, 0)
    guard number >= 0, ioctl(number, 0x4004_5431 /* TIOCSPTLCK */, &lock) == 0,
      ioctl(number, 0x8004_5430 /* TIOCGPTN */, &place) == 0
    else { throw TestFailure("no pseudo-terminal: errno \(errno)") }
    let name = "/dev/pts/\(place)"
    master = number
    // Kept open, so that what the program wrote last can be read behind its end.
    slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC)
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    for descriptor: Int32 in 0...2 {
      posix_spawn_file_actions_adddup2(&actions, slave, descriptor)
    }
    let path = try ServeProcessTests.executable()
    var words: [UnsafeMutablePointer<CChar>?] = ([path] + arguments).map { strdup($0) }
    defer { words.forEach { free($0) } }
    words.append(nil)
    var process: pid_t = 0
    let failure = posix_spawn(&process, path, &actions, nil, words, [nil])
    guard failure == 0 else { throw TestFailure("posix_spawn \(path): \(failure)") }
    self.process = process
  }

  deinit {
    if !isWaitedFor {
      kill(process, SIGKILL)
      var status: Int32 = 0
      waitpid(process, &status, 0)
    }
    close(slave)
    close(master)
  }

  /// Whether the terminal shows what is typed, as it does when nothing has changed it.
  var echoes: Bool {
    var settings = termios()
    return tcgetattr(slave, &settings) == 0 && settings.c_lflag & tcflag_t(ECHO) != 0
      && settings.c_lflag & tcflag_t(ICANON) != 0
  }

  /// Presses keys.
  func types(_ keys: String) {
    let bytes = Array(keys.utf8)
    _ = write(master, bytes, bytes.count)
  }

  /// Reads until a text has come, which is taken away with all before it.
  func awaits(_ wanted: String) throws {
    let deadline = MonotonicInstant.now().advanced(by: .seconds(60))
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
      if let range = text.firstRange(of: wanted) {
        text = String(text[range.upperBound...])
        return
      }
      var entry = pollfd(fd: master, events: Int16(POLLIN), revents: 0)
      guard poll(&entry, 1, 500) > 0 else {
        guard MonotonicInstant.now() < deadline else {
          throw TestFailure("\(wanted) has not come, but \(text.debugDescription)")
        }
        continue
      }
      let count = read(master, &buffer, buffer.count)
      guard count > 0 else { throw TestFailure("the terminal has ended: \(text.debugDescription)") }
      text += String(decoding: buffer.prefix(count), as: UTF8.self)
    }
  }

  /// Waits for the program's end; its exit status.
  func end() throws -> Int32 {
    let deadline = MonotonicInstant.now().advanced(by: .seconds(60))
    var status: Int32 = 0
    while waitpid(process, &status, WNOHANG) == 0 {
      guard MonotonicInstant.now() < deadline else {
        throw TestFailure("the program has not ended")
      }
      // What it writes is read, or it could not write on.
      var entry = pollfd(fd: master, events: Int16(POLLIN), revents: 0)
      if poll(&entry, 1, 50) > 0 {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        _ = read(master, &buffer, buffer.count)
      }
    }
    isWaitedFor = true
    return status & 0x7F == 0 ? status >> 8 & 0xFF : -1
  }
}
