// The terminal while `roost top` has it: another screen, no echo, and both given back however the
// program ends.

import Glibc
import RoostEventLoop

/// A terminal that is drawn on.
///
/// The main thread only. Letting go of it gives the terminal back.
struct Terminal: ~Copyable {
  private static let output: Int32 = 1
  private static let input: Int32 = 0
  /// Another screen, no cursor, no wrapping.
  private static let entering = "\u{1B}[?1049h\u{1B}[?25l\u{1B}[?7l"
  private static let leaving: StaticString = "\u{1B}[0m\u{1B}[?7h\u{1B}[?25h\u{1B}[?1049l"

  private var saved: termios?

  /// Whether keys can be read.
  let hasKeys = isatty(Terminal.input) == 1

  /// Whether the standard output is a terminal that can be drawn on.
  static func isThere(_ environment: [String: String]) -> Bool {
    isatty(output) == 1 && environment["TERM"] != "dumb" && environment["TERM"]?.isEmpty == false
  }

  /// Takes the terminal.
  init() {
    enter()
    // A bug traps: what was taken is given back before the process ends by the same signal.
    for number in [SIGILL, SIGTRAP, SIGABRT, SIGSEGV, SIGBUS, SIGFPE] {
      signal(number) { number in
        Terminal.abandon()
        signal(number, SIG_DFL)
        raise(number)
      }
    }
  }

  deinit { Self.leave(saved) }

  /// Stops the process as Ctrl-Z does, and takes the terminal again when it goes on.
  mutating func suspend() {
    Self.leave(saved)
    saved = nil
    raise(SIGSTOP)
    enter()
  }

  private mutating func enter() {
    var settings = termios()
    if hasKeys, tcgetattr(Self.input, &settings) == 0 {
      saved = settings
      // Signals stay: Ctrl-C and Ctrl-Z come as such.
      settings.c_lflag &= ~tcflag_t(ICANON | ECHO)
      _ = tcsetattr(Self.input, TCSAFLUSH, &settings)
    }
    _ = Self.write(Self.entering)
  }

  private static func leave(_ saved: termios?) {
    if var saved { _ = tcsetattr(input, TCSAFLUSH, &saved) }
    _ = write("\(leaving)")
  }

  /// On a fatal signal: only calls that a signal allows.
  private static func abandon() {
    _ = Glibc.write(output, leaving.utf8Start, leaving.utf8CodeUnitCount)
    var settings = termios()
    guard tcgetattr(input, &settings) == 0 else { return }
    settings.c_lflag |= tcflag_t(ICANON | ECHO)
    _ = tcsetattr(input, TCSANOW, &settings)
  }

  /// Columns and lines.
  var size: (width: Int, height: Int) {
    var size = winsize()
    guard ioctl(Self.output, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else {
      return (80, 24)
    }
    // A terminal of a thousand columns is a mistake or an attack on memory.
    return (min(Int(size.ws_col), 1000), min(Int(size.ws_row), 500))
  }

  /// Draws lines over what was there; false when the terminal is gone.
  func draw(_ lines: [String]) -> Bool {
    // From the top, each line cleared behind its text: nothing blinks.
    var frame = "\u{1B}[H"
    frame += lines.map { $0 + "\u{1B}[K" }.joined(separator: "\r\n")
    return Self.write(frame + "\u{1B}[J")
  }

  /// Watches the keyboard.
  func watchKeys(on poller: Poller, token: UInt64) throws(Errno) {
    if hasKeys { try poller.add(Self.input, .readable, token: token) }
  }

  /// The keys that were pressed; nil when the keyboard is gone.
  func takeKeys() -> [UInt8]? {
    var buffer = [UInt8](repeating: 0, count: 64)
    let count = Glibc.read(Self.input, &buffer, buffer.count)
    if count < 0, errno == EINTR || errno == EAGAIN { return [] }
    return count > 0 ? Array(buffer[..<count]) : nil
  }

  /// Writes all of a text; false when nobody reads it any more.
  static func write(_ text: String) -> Bool {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.write(output, $0.baseAddress, $0.count) }
      if count >= 0 {
        rest = rest.dropFirst(count)
      } else if errno != EINTR {
        return false
      }
    }
    return true
  }
}
