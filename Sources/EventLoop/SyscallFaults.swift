// The fault plan of debug builds: "the nth call of this kind fails like that", once or from then on.
// Tests walk n upwards until a run is untouched. In release builds nothing of it is left.

import Glibc
import Synchronization

/// Makes chosen system calls fail, for tests; inactive unless a plan is set.
///
/// Any thread.
public enum SyscallFaults {
  /// A kind of call that can be made to fail.
  public enum Call: Int, Sendable { case receive, send, accept }

  /// How a call fails.
  public enum Kind: Int, CaseIterable, Sendable {
    /// As if the socket were not ready.
    case wouldBlock
    /// One byte at a time.
    case short
    /// The connection was reset by the peer.
    case reset
    /// No descriptor is free (accept only).
    case shortage
  }

  #if DEBUG
    private static let armed = Atomic<Int>(0)  // 0: none; else 1 + call * 16 + kind
    private static let countdown = Atomic<Int>(0)
    private static let persistent = Atomic<Bool>(false)
    private static let hits = Atomic<Int>(0)

    /// Makes the `nth` call (from 1) of a kind fail; with `persistent` all later ones, too.
    public static func plan(_ call: Call, _ kind: Kind, nth: Int, persistent isPersistent: Bool) {
      precondition(nth >= 1, "calls are counted from 1")
      hits.store(0, ordering: .relaxed)
      countdown.store(nth, ordering: .relaxed)
      persistent.store(isPersistent, ordering: .relaxed)
      armed.store(1 + call.rawValue * 16 + kind.rawValue, ordering: .releasing)
    }

    /// Ends the plan; returns how many calls it touched.
    public static func clear() -> Int {
      armed.store(0, ordering: .releasing)
      return hits.load(ordering: .relaxed)
    }

    private static func fires(_ call: Call) -> Kind? {
      let plan = armed.load(ordering: .acquiring)
      guard plan != 0, (plan - 1) / 16 == call.rawValue else { return nil }
      let left = countdown.subtract(1, ordering: .relaxed).newValue
      guard left == 0 || (left < 0 && persistent.load(ordering: .relaxed)) else { return nil }
      hits.add(1, ordering: .relaxed)
      return Kind(rawValue: (plan - 1) % 16)
    }

    static func next(_ call: Call, bytes: inout Int) -> IOOutcome? {
      switch fires(call) {
      case nil, .shortage: return nil
      case .wouldBlock: return .wouldBlock
      case .reset: return .failed(Errno(code: ECONNRESET))
      case .short:
        bytes = 1
        return nil
      }
    }

    static func nextAccept() -> AcceptOutcome? {
      switch fires(.accept) {
      case nil, .short: return nil
      case .wouldBlock: return .wouldBlock
      case .reset: return .aborted
      case .shortage: return .shortage(Errno(code: EMFILE))
      }
    }
  #else
    @inline(__always)
    static func next(_ call: Call, bytes: inout Int) -> IOOutcome? { nil }

    @inline(__always)
    static func nextAccept() -> AcceptOutcome? { nil }
  #endif
}
