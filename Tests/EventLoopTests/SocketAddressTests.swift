import RoostEventLoop
import Testing

struct SocketAddressTests {
  private static let texts: [(text: String, expected: String)] = [
    ("127.0.0.1:80", "127.0.0.1:80"),
    ("0.0.0.0:0", "0.0.0.0:0"),
    ("255.255.255.255:65535", "255.255.255.255:65535"),
    ("localhost:8080", "127.0.0.1:8080"),
    ("[::]:8080", "[::]:8080"),
    ("[::1]:1", "[::1]:1"),
    ("[2001:DB8:0:0:0:0:0:1]:443", "[2001:db8::1]:443"),
    ("[fe80::1:2:3:4]:9", "[fe80::1:2:3:4]:9"),
    ("[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:9", "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:9"),
    ("[::ffff:10.1.2.3]:9", "10.1.2.3:9"),
    ("[::ffff:a01:203]:9", "10.1.2.3:9"),
    ("[64:ff9b::10.1.2.3]:9", "[64:ff9b::a01:203]:9"),
  ]

  @Test(arguments: texts)
  func `a numeric address is read and written`(text: String, expected: String) throws {
    let address = try #require(SocketAddress(text: text))
    #expect(address.description == expected)
    #expect(SocketAddress(text: address.description) == address)
  }

  @Test(arguments: [
    "", ":", ":80", "80", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1",
    "127.0.0.1:+80", "127.0.0.1: 80", "127.0.0.1:80 ", " 127.0.0.1:80", "127.0.0.1:８０",
    "127.0.0.1:99999999999999999999", "127.0.0:80", "127.0.0.1.1:80", "127.0.0.256:80",
    "127.0.0.01:80", "0x7f000001:80", "2130706433:80", "example.org:80", "Localhost:80",
    "::1:80", "::1", "[::1]", "[::1:80", "::1]:80", "[]:80", "[:]:80", "[127.0.0.1]:80",
    "[localhost]:80", "[::1%lo]:80", "[[::1]]:80", "[1::2::3]:80", "127.0.0.1:80\0", "\0:80",
    "127.0.0.1\0.example.org:80", "[::1\0x]:80",
  ])
  func `anything else is refused`(text: String) {
    #expect(SocketAddress(text: text) == nil)
  }

  @Test func `an IPv4 address is four bytes in one number`() throws {
    let address = SocketAddress(ipv4: 0x7F00_0001, port: 8_080)
    #expect(address.description == "127.0.0.1:8080")
    #expect(address.hostText == "127.0.0.1")
    #expect(!address.isIPv6)
    #expect(address.high == 0)
    #expect(address.low == 0x7F00_0001)
    #expect(SocketAddress(text: "127.0.0.1:8080") == address)
  }

  @Test func `an IPv6 address is sixteen bytes in two numbers`() throws {
    let address = try #require(SocketAddress(text: "[2001:db8::12:3456]:7"))
    #expect(address.isIPv6)
    #expect(address.high == 0x2001_0db8_0000_0000)
    #expect(address.low == 0x0012_3456)
    #expect(address.port == 7)
    #expect(address.hostText == "2001:db8::12:3456")
  }

  @Test func `an IPv4-mapped address equals its IPv4 form`() throws {
    let mapped = try #require(SocketAddress(text: "[::ffff:192.0.2.1]:5"))
    #expect(mapped == SocketAddress(ipv4: 0xC000_0201, port: 5))
    #expect(!mapped.isIPv6)
  }

  @Test func `addresses with different ports differ`() {
    var address = SocketAddress(ipv4: 1, port: 1)
    #expect(address != SocketAddress(ipv4: 1, port: 2))
    address.port = 2
    #expect(address == SocketAddress(ipv4: 1, port: 2))
  }
}
