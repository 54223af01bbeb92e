// The grammar of Forwarded: elements, pairs, quotes.

import Testing

@testable import RoostHTTP

@Suite struct ForwardedElementTests {
  private func list(_ text: String) -> [ForwardedElement]? {
    ForwardedElement.list(bytes(text).span, 0..<text.utf8.count)
  }

  private func element(_ node: String?, _ scheme: String? = nil) -> ForwardedElement {
    ForwardedElement(node: node.map(bytes), scheme: scheme.map(bytes))
  }

  @Test func `elements are parted by commas and pairs by semicolons`() {
    #expect(list("") == [])
    #expect(list(" , ") == [])
    #expect(list("for=a") == [element("a")])
    #expect(list("FOR=a;PROTO=b") == [element("a", "b")])
    #expect(list("for=a, by=b,for=\"c,d\"") == [element("a"), element(nil), element("c,d")])
    #expect(list("ext=\"x;y\";for=\"\\\"q\\\\\"") == [element("\"q\\")])
    #expect(list("for=\"\"") == [element("")])
  }

  @Test(arguments: [
    "for", "for=", "for=a b", "for=a;;b", "for=\"a", "for=\"a\\", "for=a\"b\"", "@=a",
  ])
  func `a line that breaks the grammar says nothing`(_ text: String) {
    #expect(list(text) == nil)
  }

  @Test func `of thousands of elements the last ones are kept`() {
    let text = (0..<5_000).map { "for=n\($0)" }.joined(separator: ",")
    let elements = list(text) ?? []
    #expect(elements.count <= 66)
    #expect(elements.last == element("n4999"))
  }
}
