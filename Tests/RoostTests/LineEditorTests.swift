// Keys of a terminal and the line that they make.

import Testing

@testable import roost

struct LineEditorTests {
  private func typed(_ keys: String) -> LineEditor {
    var editor = LineEditor()
    for byte in keys.utf8 { _ = editor.take(byte) }
    return editor
  }

  @Test(arguments: [
    ("abc", "abc", 3), ("a\u{7F}b", "b", 1), ("\u{7F}", "", 0), ("abc\u{1B}[D\u{1B}[DX", "aXbc", 2),
    ("abc\u{01}X", "Xabc", 1), ("abc\u{01}\u{05}X", "abcX", 4),
    ("abc\u{1B}[HX\u{1B}[FY", "XabcY", 5),
    ("abc\u{1B}OH\u{1B}[3~", "bc", 0), ("abc\u{02}\u{02}\u{0B}", "a", 1),
    ("abc\u{02}\u{15}", "c", 0),
    ("one two \u{17}", "one ", 4), ("one two\u{17}\u{17}", "", 0), ("ab\u{01}\u{04}", "b", 0),
    ("ä🐓é\u{1B}[D\u{7F}", "äé", 1), ("e\u{301}", "é", 1), ("a\u{1B}[Cb", "ab", 2),
    ("a\u{1B}[1;5Db", "ab", 2), ("a\u{1B}xb", "ab", 2), ("a\u{0}\u{7}b", "ab", 2),
  ])
  func `keys edit the line`(keys: String, text: String, cursor: Int) {
    let editor = typed(keys)
    #expect(editor.text == text)
    #expect(editor.cursor == cursor)
  }

  @Test func `a line is given at its end, and the next one is empty`() {
    var editor = typed("abc")
    #expect(editor.take(0x0D) == .line("abc"))
    #expect(editor.text == "" && editor.cursor == 0)
    #expect(editor.take(0x0A) == .line(""))
  }

  @Test func `earlier lines come back, and the one under way is kept`() {
    var editor = typed("one\rtwo\rtwo\rthr")
    let up = "\u{1B}[A"
    let down = "\u{1B}[B"
    func press(_ keys: String) -> String {
      for byte in keys.utf8 { _ = editor.take(byte) }
      return editor.text
    }
    #expect(press(up) == "two")
    #expect(press(up) == "one")
    #expect(press(up) == "one")
    #expect(press(down) == "two")
    #expect(press(down) == "thr")
    #expect(press(down) == "thr")
    #expect(press("\u{10}!") == "two!")
    #expect(press("\u{0E}") == "thr")
  }

  @Test(arguments: [
    ("\u{03}", LineEditor.Action.quit), ("\u{04}", .quit), ("\u{0C}", .clear), ("\u{1B}", .nothing),
    ("\u{02}", .nothing), ("a", .changed),
  ])
  func `keys of their own are told`(key: String, action: LineEditor.Action) {
    var editor = LineEditor()
    #expect(key.utf8.map { editor.take($0) }.last == action)
  }

  @Test func `bytes that are no text do nothing`() {
    var editor = LineEditor()
    for byte in [0xFF, 0xC0, 0x80, 0xE4, 0x41, 0x42, 0xC3, 0x28] as [UInt8] {
      _ = editor.take(byte)
    }
    #expect(editor.take(UInt8(ascii: "x")) == .changed)
    #expect(editor.text.hasSuffix("x"))
    for _ in 0..<100 { _ = editor.take(0x1B) }
    _ = editor.take(UInt8(ascii: "["))
    for _ in 0..<100 { _ = editor.take(UInt8(ascii: "1")) }
    #expect(editor.text.hasSuffix("1"))
  }
}
