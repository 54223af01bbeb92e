// What the kernel says about this process, for the standard process_* metrics: one small file from
// /proc and some system calls, some microseconds a scrape whatever the number of connections.

import Glibc

/// Figures of this process, as the kernel counts them.
public struct ProcessFigures: Equatable, Sendable {
  /// Memory that is in RAM, in bytes.
  public var residentBytes: UInt64
  /// Address space, in bytes.
  public var virtualBytes: UInt64
  /// Open descriptors; nil where the kernel does not tell without a long count (before Linux 6.2).
  public var openDescriptors: UInt64?
  /// The soft limit of descriptors.
  public var maxDescriptors: UInt64
  /// User and system time so far, in seconds.
  public var processorSeconds: Double
  /// When the process started, in seconds since 1970.
  public var startTimeSeconds: Double
  /// Threads now.
  public var threads: UInt64

  /// Reads the figures, or nothing where /proc is not mounted.
  ///
  /// Any thread.
  public static func read() -> ProcessFigures? {
    guard let stat = ProcessStat(readFile("/proc/self/stat", bytesMax: 4096)) else { return nil }
    let pageBytes = UInt64(max(sysconf(Int32(_SC_PAGESIZE)), 1))
    let ticksPerSecond = Double(max(sysconf(Int32(_SC_CLK_TCK)), 1))
    var limit = rlimit()
    getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    return ProcessFigures(
      residentBytes: stat.residentPages.multipliedReportingOverflow(by: pageBytes).partialValue,
      virtualBytes: stat.virtualBytes,
      openDescriptors: countDescriptors(),
      maxDescriptors: UInt64(limit.rlim_cur),
      processorSeconds: seconds(CLOCK_PROCESS_CPUTIME_ID),
      startTimeSeconds: bootSeconds + Double(stat.startTicks) / ticksPerSecond,
      threads: stat.threads)
  }

  /// Writes the figures as the `process_*` families that Prometheus names.
  public func append(to text: inout PrometheusText) {
    text.family(
      "process_cpu_seconds_total", .counter, help: "User and system time spent, in seconds.")
    text.sample(processorSeconds)
    text.family("process_resident_memory_bytes", .gauge, help: "Memory in RAM, in bytes.")
    text.sample(residentBytes)
    text.family("process_virtual_memory_bytes", .gauge, help: "Address space, in bytes.")
    text.sample(virtualBytes)
    if let openDescriptors {
      text.family("process_open_fds", .gauge, help: "Open descriptors.")
      text.sample(openDescriptors)
    }
    text.family("process_max_fds", .gauge, help: "Soft limit of open descriptors.")
    text.sample(maxDescriptors)
    text.family("process_threads", .gauge, help: "Threads of the process.")
    text.sample(threads)
    text.family(
      "process_start_time_seconds", .gauge, help: "Start of the process, in seconds since 1970.")
    text.sample(startTimeSeconds)
  }

  // When the machine started, which start times are counted from. Read once, so that a step of the
  // clock does not look like a restart.
  private static let bootSeconds = seconds(CLOCK_REALTIME) - seconds(CLOCK_BOOTTIME)

  private static func seconds(_ clock: clockid_t) -> Double {
    var time = timespec()
    guard clock_gettime(clock, &time) == 0 else { return 0 }
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }

  // Since Linux 6.2 the size of this directory is the number of its entries; older kernels say 0,
  // and listing 100,000 entries for each scrape would stop the thread for tens of milliseconds.
  private static func countDescriptors() -> UInt64? {
    var status = stat()
    guard stat("/proc/self/fd", &status) == 0, status.st_size > 0 else { return nil }
    return UInt64(status.st_size)
  }

  private static func readFile(_ path: String, bytesMax: Int) -> [UInt8] {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return [] }
    defer { close(descriptor) }
    return [UInt8](unsafeUninitializedCapacity: bytesMax) { buffer, count in
      count = max(Glibc.read(descriptor, buffer.baseAddress, buffer.count), 0)
    }
  }
}

/// The fields of `/proc/self/stat` that the figures need; see proc_pid_stat(5).
struct ProcessStat: Equatable {
  var threads: UInt64
  var startTicks: UInt64
  var virtualBytes: UInt64
  var residentPages: UInt64

  /// Reads the one line of the file, or fails where it is not what the kernel writes.
  init?(_ line: [UInt8]) {
    // The program's name stands in parentheses and may hold blanks and parentheses itself.
    guard let nameEnd = line.lastIndex(of: UInt8(ascii: ")")) else { return nil }
    let rest = line[(nameEnd + 1)...]
    let fields = rest.split { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\n") }
    // The field after the name is number 3 in the manual page.
    func number(_ position: Int) -> UInt64? {
      guard fields.indices.contains(position - 3) else { return nil }
      return UInt64(String(decoding: fields[position - 3], as: UTF8.self))
    }
    guard let threads = number(20), let startTicks = number(22), let virtualBytes = number(23),
      let residentPages = number(24)
    else { return nil }
    self.threads = threads
    self.startTicks = startTicks
    self.virtualBytes = virtualBytes
    self.residentPages = residentPages
  }
}
