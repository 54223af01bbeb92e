import Glibc
import Testing

@testable import Soak

@Suite struct DataUseTests {
  @Test func `the data and the soft limit of a process are read`() throws {
    let before = try #require(DataUse(of: getpid()))
    // Large enough to be mapped for itself.
    let size = 64 << 20
    let memory = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 16)
    defer { memory.deallocate() }
    let after = try #require(DataUse(of: getpid()))
    #expect(after.bytes > before.bytes + size / 2)
    #expect(DataUse(of: 0) == nil)
  }

  @Test(arguments: [
    ("VmPeak:\t 9 kB\nVmData:\t   1234 kB\nVmStk:\t 1 kB\n", 1_263_616), ("VmData:\t", nil),
    ("", nil),
  ])
  func `the data stands in its line`(text: String, bytes: Int?) {
    #expect(DataUse.bytes(in: text) == bytes)
  }

  @Test(arguments: [
    (
      "Limit  Soft  Hard\nMax data size             unlimited      unlimited      bytes\n",
      "unlimited"
    ),
    ("Max data size             4096      8192      bytes\n", "4096"), ("", nil),
  ])
  func `the limit stands in its line`(text: String, limit: String?) {
    #expect(DataUse.limit(in: text) == limit)
  }
}
