// On what a run was measured: figures of two machines say little about each other, and those of a
// debug build say nothing at all.

import Glibc
import RoostEventLoop

/// The program that was measured.
public struct BenchBuild: Equatable, Sendable {
  /// The version, with what else tells builds apart.
  public let version: String
  /// Whether it was optimised.
  public let isRelease: Bool

  /// Names both.
  public init(version: String, isRelease: Bool) {
    self.version = version
    self.isRelease = isRelease
  }

  var configuration: String { isRelease ? "release" : "debug" }
}

/// A machine, and how the programs share it.
public struct BenchMachine: Equatable, Sendable {
  var processor: String
  /// Processors that the run may use.
  var processors: Int
  var kernel: String
  var memoryBytes: Int
  /// Whether nodes have a processor for themselves.
  var isPinned: Bool

  /// Reads the facts of this machine.
  static func read(isPinned: Bool) -> BenchMachine {
    var name = utsname()
    let kernel =
      uname(&name) == 0
      ? withUnsafeBytes(of: name.release) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
      : "unknown"
    let text = Machine.contents(of: "/proc/cpuinfo", bytesMax: 4 << 20) ?? ""
    return BenchMachine(
      processor: processorName(cpuinfo: text), processors: Machine.allowedProcessors().count,
      kernel: kernel, memoryBytes: Machine.usableMemoryBytes(), isPinned: isPinned)
  }

  /// The name in the text of `/proc/cpuinfo`; not every architecture has one.
  static func processorName(cpuinfo: String) -> String {
    for line in cpuinfo.split(separator: "\n") {
      guard let colon = line.firstIndex(of: ":") else { continue }
      let key = line[..<colon].filter { $0 != "\t" }.trimmed
      guard ["model name", "Model", "cpu model", "Processor"].contains(key) else { continue }
      let value = String(line[line.index(after: colon)...]).trimmed
      if !value.isEmpty { return String(value.prefix(100)) }
    }
    return "unknown"
  }

  /// One line about it.
  var text: String {
    let gibibytes = Double(memoryBytes) / 1_073_741_824
    return "\(TableText.harmless(processor)), \(processors) "
      + "\(processors == 1 ? "processor" : "processors"), "
      + "\(Decimal.text(gibibytes, digits: 1)) GiB, Linux \(TableText.harmless(kernel))"
  }

  /// What is other on another machine, a sentence each.
  func differences(from other: BenchMachine) -> [String] {
    var sentences: [String] = []
    func compare(_ what: String, _ then: String, _ now: String) {
      guard then != now else { return }
      sentences.append(
        "\(what) was \(TableText.harmless(then)), and is \(TableText.harmless(now))")
    }
    compare("the processor", other.processor, processor)
    compare("the number of processors", "\(other.processors)", "\(processors)")
    compare("the kernel", other.kernel, kernel)
    // A kernel keeps a little for itself, now more and now less.
    if abs(memoryBytes - other.memoryBytes) > memoryBytes / 20 {
      compare("the memory", "\(other.memoryBytes >> 20) MiB", "\(memoryBytes >> 20) MiB")
    }
    func pinning(_ isPinned: Bool) -> String {
      isPinned ? "on a processor for themselves" : "on any processor"
    }
    if isPinned != other.isPinned {
      sentences.append("nodes ran \(pinning(other.isPinned)), and run \(pinning(isPinned))")
    }
    return sentences
  }
}

/// Who runs where.
struct BenchPlaces: Equatable, Sendable {
  /// The nodes' processor.
  let node: Int
  /// That of the clients and of Redis.
  let load: Int

  /// Chooses among the processors that there are; nil for a single one.
  ///
  /// - Parameter siblings: the processors that share a core with one, as far as that is known.
  ///   Two of one core are taken when there is nothing better: they are still two.
  init?(allowed: [Int], siblings: (Int) -> [Int]) {
    guard let first = allowed.first, allowed.count > 1 else { return nil }
    let near = siblings(first)
    node = first
    load = allowed.dropFirst().first { !near.contains($0) } ?? allowed[1]
  }

  /// The processors that share a core with one, from the kernel's list.
  static func siblings(of processor: Int) -> [Int] {
    let path = "/sys/devices/system/cpu/cpu\(processor)/topology/thread_siblings_list"
    return Machine.contents(of: path).map(numbers) ?? []
  }

  /// The numbers of a list as `0-2,8`.
  static func numbers(inList text: String) -> [Int] {
    text.split { $0 == "," || $0 == "\n" }.flatMap { part -> [Int] in
      let ends = part.split(separator: "-").compactMap { Int($0.trimmed) }
      guard let first = ends.first, let last = ends.last, (0...8191).contains(first),
        (first...8191).contains(last)
      else { return [] }
      return Array(first...last)
    }
  }
}

extension StringProtocol {
  /// Without spaces at both ends.
  fileprivate var trimmed: String {
    let front = drop { $0 == " " }
    return String(front.reversed().drop { $0 == " " }.reversed())
  }
}
