// Where something stands that takes a while, for commands whose result comes at the end.

import Glibc
import RoostEventLoop

/// One line that is written anew on a terminal; elsewhere one every five seconds.
final class ProgressLine {
  private let isTerminal = isatty(2) == 1
  private var next = MonotonicInstant.zero
  private var isOpen = false
  private var last = ""

  func show(_ text: String) {
    if isTerminal {
      guard text != last else { return }
      last = text
      Output.writeError("\r\u{1B}[K\(text)")
      isOpen = true
      return
    }
    let now = MonotonicInstant.now()
    guard now >= next else { return }
    next = now.advanced(by: .seconds(5))
    Output.writeError(text + "\n")
  }

  func end() {
    if isOpen { Output.writeError("\n") }
    isOpen = false
  }
}
