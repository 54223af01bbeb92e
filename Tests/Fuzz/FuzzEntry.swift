// libFuzzer's two doors into this program. It is one program for all targets, because what they are
// built from is the same; ROOST_FUZZ_TARGET chooses, so that the processes that libFuzzer starts
// itself (minimising, merging) choose alike.

import Glibc

/// What this process fuzzes; read once.
private let target: FuzzTarget = {
  let name = getenv("ROOST_FUZZ_TARGET").map { String(cString: $0) } ?? ""
  guard let target = FuzzTarget(rawValue: name) else {
    let names = FuzzTarget.allCases.map(\.rawValue).joined(separator: "\n")
    // --list of ops/fuzz relies on this.
    puts(names)
    exit(name.isEmpty ? 0 : 2)
  }
  return target
}()

/// Called once, before libFuzzer reads its own flags.
@_cdecl("LLVMFuzzerInitialize")
public func initialize(
  _ count: UnsafeMutablePointer<CInt>, _ arguments: UnsafeMutableRawPointer
) -> CInt {
  _ = target
  return 0
}

/// Called with one input after another; a trap ends the process, and libFuzzer keeps the input.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  target.run(UnsafeBufferPointer(start: start, count: count).span)
  return 0
}
