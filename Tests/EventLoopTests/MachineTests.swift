import Glibc
import RoostEventLoop
import Testing

struct MachineTests {
  /// A file that is gone after the test.
  private static func withFile<Result>(
    of bytes: [UInt8], _ body: (String) throws -> Result
  ) throws -> Result {
    var template = Array("/tmp/roost-machine-XXXXXX".utf8CString)
    let descriptor = Descriptor(taking: mkstemp(&template))
    let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    defer { unlink(path) }
    try #require(write(descriptor.number, bytes, bytes.count) == bytes.count)
    return try body(path)
  }

  /// What a command prints, without its end of line.
  private static func output(of command: String) throws -> String {
    let stream = try #require(popen(command, "r"))
    defer { pclose(stream) }
    var buffer = [CChar](repeating: 0, count: 256)
    guard fgets(&buffer, Int32(buffer.count), stream) != nil else { return "" }
    return String(decoding: buffer.prefix { $0 > 32 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// Once the result of the call was taken for a length, and every machine had one core.
  @Test func `the usable cores are those that the affinity allows, unless a quota is below`() throws
  {
    let cores = Machine.usableCores()
    let allowed = try #require(Int(Self.output(of: "env -u OMP_NUM_THREADS nproc")))
    #expect(cores >= 1)
    #expect(cores <= allowed)
    let quota = Machine.contents(of: "/sys/fs/cgroup/cpu.max") ?? "none"
    let oldQuota = Machine.contents(of: "/sys/fs/cgroup/cpu/cpu.cfs_quota_us") ?? "-1"
    if quota == "none" || quota.hasPrefix("max"), oldQuota.hasPrefix("-1") {
      #expect(cores == allowed)
    }
  }

  @Test func `the usable memory is no more than the machine has`() {
    let physical = sysconf(Int32(_SC_PHYS_PAGES)) * sysconf(Int32(_SC_PAGESIZE))
    #expect(Machine.usableMemoryBytes() > 1 << 20)
    #expect(Machine.usableMemoryBytes() <= physical)
  }

  @Test func `the descriptor limit is raised to the hard one`() async {
    await #expect(processExitsWith: .success) {
      var limit = rlimit()
      getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
      let hard = limit.rlim_max
      limit.rlim_cur = min(hard, 256)
      setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
      #expect(Machine.raiseDescriptorLimit() == Int(min(hard, 1 << 30)))
      getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
      #expect(limit.rlim_cur == hard)
    }
  }

  @Test func `the machine has a name`() throws {
    #expect(!Machine.hostName().isEmpty)
    #expect(Machine.hostName() == (try Self.output(of: "uname -n")))
  }

  @Test(arguments: [0, 1, 16_383, 16_384, 16_385, 40_000])
  func `a file is read whole up to the limit and not at all above it`(size: Int) throws {
    let bytes = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 7) }
    try Self.withFile(of: bytes) { path in
      #expect(Machine.bytes(of: path, bytesMax: size + 1) == bytes)
      #expect(Machine.bytes(of: path, bytesMax: size) == bytes)
      if size > 0 { #expect(Machine.bytes(of: path, bytesMax: size - 1) == nil) }
    }
  }

  @Test func `text of a file is read as UTF-8`() throws {
    try Self.withFile(of: Array("naïve\n".utf8)) { path in
      #expect(Machine.contents(of: path) == "naïve\n")
      #expect(Machine.contents(of: path, bytesMax: 6) == nil)
    }
    try Self.withFile(of: [0x61, 0xFF]) { path in
      #expect(Machine.contents(of: path) == "a\u{FFFD}")
    }
  }

  @Test func `a file without a size of its own is read to its end`() throws {
    let status = try #require(Machine.contents(of: "/proc/self/status"))
    #expect(status.hasPrefix("Name:"))
  }

  @Test(arguments: ["/no/such/file", "/tmp", ""])
  func `what is no readable file gives nothing`(path: String) {
    #expect(Machine.contents(of: path) == nil)
    #expect(Machine.bytes(of: path, bytesMax: 100) == nil)
  }
}
