// What this machine allows the process: descriptors, cores (affinity and cgroup), memory.

import Glibc
import RoostCLinux

/// Reads and raises limits of the process.
///
/// Any thread.
public enum Machine {
  /// Raises the soft descriptor limit to the hard one and returns it, clamped to 2^30.
  public static func raiseDescriptorLimit() -> Int {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 1024 }
    if limit.rlim_cur < limit.rlim_max {
      var raised = limit
      raised.rlim_cur = limit.rlim_max
      if setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &raised) == 0 { limit = raised }
    }
    return Int(min(limit.rlim_cur, 1 << 30))
  }

  /// Cores that the process may use, from its affinity and its cgroup's quota, at least 1.
  public static func usableCores() -> Int {
    var mask = [UInt8](repeating: 0, count: 1024)
    let result = mask.withUnsafeMutableBytes {
      roost_sched_getaffinity(0, UInt($0.count), $0.baseAddress)
    }
    // The library's function answers 0 and fills the rest of the mask with zeros.
    var cores = result == 0 ? mask.reduce(0) { $0 + $1.nonzeroBitCount } : 1
    if let quota = cgroupQuota() { cores = min(cores, quota) }
    return max(cores, 1)
  }

  /// Whole cores that the cgroup's quota allows (version 2, then version 1), rounded up.
  private static func cgroupQuota() -> Int? {
    var quotas: [Int] = []
    for folder in cgroupFolders() {
      guard let text = contents(of: folder + "/cpu.max") else { continue }
      let words = text.split(whereSeparator: { $0 == " " || $0 == "\n" })
      if words.count == 2, let quota = Int(words[0]), let period = Int(words[1]), period > 0 {
        quotas.append(wholeCores(quota, period))
      }
    }
    if let smallest = quotas.min() { return smallest }
    guard let quotaText = contents(of: "/sys/fs/cgroup/cpu/cpu.cfs_quota_us"),
      let periodText = contents(of: "/sys/fs/cgroup/cpu/cpu.cfs_period_us"),
      let quota = Int(quotaText.filter { $0 != "\n" }), quota > 0,
      let period = Int(periodText.filter { $0 != "\n" }), period > 0
    else { return nil }
    return wholeCores(quota, period)
  }

  private static func wholeCores(_ quota: Int, _ period: Int) -> Int {
    let (whole, rest) = quota.quotientAndRemainder(dividingBy: period)
    return max(1, whole + (rest > 0 ? 1 : 0))
  }

  /// The process's group of version 2 and all groups around it: each may set a limit.
  private static func cgroupFolders() -> [String] {
    let root = "/sys/fs/cgroup"
    guard let text = contents(of: "/proc/self/cgroup"),
      let line = text.split(separator: "\n").first(where: { $0.hasPrefix("0::/") })
    else { return [root] }
    var folders = [root]
    for part in line.dropFirst(4).split(separator: "/") where part != ".." {
      folders.append((folders.last ?? root) + "/" + part)
    }
    return folders
  }

  /// Bytes of memory that the process may use: the cgroup's limit, or all that the machine has.
  public static func usableMemoryBytes() -> Int {
    let pages = sysconf(Int32(_SC_PHYS_PAGES))
    let page = sysconf(Int32(_SC_PAGESIZE))
    var usable = max(pages, 1) * max(page, 4096)
    let files = cgroupFolders().map { $0 + "/memory.max" }
    for file in files + ["/sys/fs/cgroup/memory/memory.limit_in_bytes"] {
      if let text = contents(of: file), let limit = Int(text.filter { $0 != "\n" }), limit > 0 {
        usable = min(usable, limit)
      }
    }
    return usable
  }

  /// Gives free heap memory back to the system; takes milliseconds when there is much of it.
  public static func returnFreeMemory() {
    _ = roost_malloc_trim(0)
  }

  /// The machine's name, for the node's id; "localhost" when there is none.
  public static func hostName() -> String {
    var name = [CChar](repeating: 0, count: 256)
    guard gethostname(&name, name.count - 1) == 0 else { return "localhost" }
    let bytes = name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
    return bytes.isEmpty ? "localhost" : String(decoding: bytes, as: UTF8.self)
  }

  /// Reads a small file whole, at most `bytesMax` bytes; nil when it cannot be read or is larger.
  public static func contents(of path: String, bytesMax: Int = 65_536) -> String? {
    guard let bytes = bytes(of: path, bytesMax: bytesMax) else { return nil }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Reads a small file's bytes, at most `bytesMax`; nil when it cannot be read or is larger.
  public static func bytes(of path: String, bytesMax: Int) -> [UInt8]? {
    let number = open(path, O_RDONLY | O_CLOEXEC)
    guard number >= 0 else { return nil }
    let descriptor = Descriptor(taking: number)
    var content: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 16_384)
    while true {
      let count = read(descriptor.number, &buffer, buffer.count)
      if count < 0 {
        guard errno == EINTR else { return nil }
        continue
      }
      if count == 0 { return content }
      guard content.count + count <= bytesMax else { return nil }
      content.append(contentsOf: buffer[0..<count])
    }
  }
}
