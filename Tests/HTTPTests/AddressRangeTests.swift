// Networks: which addresses are in them, and which texts are none.

import RoostHTTP
import Testing

@Suite struct AddressRangeTests {
  private func range(_ text: String) throws(AddressRange.Problem) -> AddressRange {
    try AddressRange(bytes(text).span)
  }

  private func address(_ text: String) throws -> NetworkAddress {
    let parsed = NetworkAddress(bytes(text).span)
    return try #require(parsed)
  }

  @Test(arguments: [
    ("10.0.0.0/8", "10.255.255.255", "11.0.0.0"), ("10.0.0.0/8", "10.0.0.0", "9.255.255.255"),
    ("192.0.2.7", "192.0.2.7", "192.0.2.8"), ("192.0.2.6/31", "192.0.2.7", "192.0.2.8"),
    ("192.0.2.7/32", "192.0.2.7", "192.0.2.6"), ("0.0.0.0/0", "203.0.113.9", "::1"),
    ("128.0.0.0/1", "255.0.0.1", "127.255.255.255"), ("::/0", "2001:db8::1", "1.2.3.4"),
    ("2001:db8::/32", "2001:db8:ffff::1", "2001:db9::"), ("::1", "::1", "::2"),
    ("2001:db8::/64", "2001:db8::ffff:ffff:ffff:ffff", "2001:db8:0:1::"),
    ("2001:db8::/65", "2001:db8::7fff:ffff:ffff:ffff", "2001:db8::8000:0:0:0"),
    ("::ffff:10.0.0.0/104", "10.1.2.3", "11.1.2.3"), ("::ffff:1.2.3.4", "1.2.3.4", "1.2.3.5"),
    ("10.0.0.0/8", "::ffff:10.1.1.1", "::10.1.1.1"),
  ])
  func `a network holds the addresses that share its prefix`(
    _ text: String, _ inside: String, _ outside: String
  ) throws {
    let range = try range(text)
    #expect(try range.contains(address(inside)))
    #expect(try !range.contains(address(outside)))
  }

  @Test(arguments: [
    "", "/", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/08", "10.0.0.0/8/8",
    "10.0.0/8", "::/129", "::/1000", "::/x", "::ffff:0:0/95", "example.com", "10.0.0.0 /8",
    "10.0.0.0-10.0.0.9", "*",
  ])
  func `what is no address with a prefix is refused`(_ text: String) {
    #expect(throws: AddressRange.Problem.malformed) { try range(text) }
  }

  @Test(arguments: ["10.0.0.1/8", "192.0.2.1/31", "1.0.0.0/0", "2001:db8::1/64", "8000::/0"])
  func `bits behind the prefix are refused because nobody knows what was meant`(_ text: String) {
    #expect(throws: AddressRange.Problem.hostBits) { try range(text) }
  }
}
