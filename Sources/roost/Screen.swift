// A terminal whose last line is an editor: what comes is written above it. The terminal's own settings
// are put back at the end; Ctrl-C is a key like others meanwhile, and ends the program in order.

import Glibc

/// The terminal of `roost connect`.
///
/// Owner: the thread that reads keys; one a process.
struct Screen {
  private let before: termios

  /// Remembers the settings of now.
  init() {
    var settings = termios()
    tcgetattr(0, &settings)
    before = settings
  }

  /// Keys come one by one from now on, Ctrl-C among them.
  func open() {
    var settings = before
    settings.c_lflag &= ~tcflag_t(ECHO | ICANON | ISIG | IEXTEN)
    settings.c_iflag &= ~tcflag_t(IXON | ICRNL)
    tcsetattr(0, TCSADRAIN, &settings)
  }

  /// As it was.
  func close() {
    var settings = before
    tcsetattr(0, TCSADRAIN, &settings)
    Output.write("\r\u{1B}[K")
  }

  /// Writes lines above the editor.
  func show(_ text: String) {
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    Output.write("\r\u{1B}[K" + lines.map { Self.harmless($0) + "\r\n" }.joined())
  }

  func clear() { Output.write("\u{1B}[H\u{1B}[2J") }

  /// Draws the line under way; of one that is wider than the terminal, the part around the cursor.
  func draw(_ editor: LineEditor) {
    var size = winsize()
    let columns = ioctl(1, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 10 ? Int(size.ws_col) : 80
    let room = columns - 3
    let start = max(0, editor.cursor - room + 1)
    let visible = editor.characters[start...].prefix(room)
    let behind = visible.count - (editor.cursor - start)
    let back = behind > 0 ? "\u{1B}[\(behind)D" : ""
    Output.write("\r\u{1B}[K> " + Self.harmless(String(visible)[...]) + back)
  }

  /// What others have sent must not give orders to the terminal.
  private static func harmless(_ text: Substring) -> String {
    String(
      String.UnicodeScalarView(
        text.unicodeScalars.map { scalar in
          switch scalar.properties.generalCategory {
          case .control, .lineSeparator, .paragraphSeparator: "?"
          case .format where scalar.value != 0x200D: "?"
          default: scalar
          }
        }))
  }
}
