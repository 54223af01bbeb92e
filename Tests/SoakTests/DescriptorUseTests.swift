import Glibc
import RoostEventLoop
import Testing

@testable import Soak

@Suite struct DescriptorUseTests {
  @Test func `the highest descriptor and the soft limit of a process are read`() throws {
    let before = try #require(DescriptorUse(of: getpid()))
    let number = fcntl(1, F_DUPFD_CLOEXEC, Int32(before.highest) + 7)
    try #require(number > before.highest)
    let descriptor = Descriptor(taking: number)
    // Other tests may have opened some meanwhile.
    #expect((DescriptorUse(of: getpid())?.highest ?? 0) >= Int(descriptor.number))
    var limit = rlimit()
    try #require(getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
    #expect(before.limit == Int(limit.rlim_cur))
    #expect(DescriptorUse(of: 0) == nil)
  }

  @Test(arguments: [
    ("Limit  Soft  Hard\nMax open files            1024      4096      files\n", 1024),
    ("Max open files            unlimited      unlimited      files\n", nil),
    ("", nil),
  ])
  func `the limit stands in its line`(text: String, limit: Int?) {
    #expect(DescriptorUse.limit(in: text) == limit)
  }
}
