// Names of hosts become addresses on a thread of their own: getaddrinfo(3) blocks, for half a minute
// where no name server answers, and it cannot be called back.

import Glibc

/// What looking a host up came to.
public enum HostAnswer: Equatable, Sendable {
  /// Its addresses in the order in which they are to be tried; at least one.
  case addresses([SocketAddress])
  /// There is none; the C library's sentence about it.
  case failed(String)
}

/// One question for the addresses of a host.
///
/// Owner: one loop, which is woken when the answer is there. Letting go of it forgets the question;
/// the thread then ends by itself.
public struct HostLookup: ~Copyable {
  /// Addresses that are kept of an answer.
  public static let addressesMax = 16

  private let result = Lock<HostAnswer?>(nil)
  private let thread: LoopThread
  private var hasAnswer = false

  /// Asks for a host's TCP addresses, each with `port`; `wakeup` is woken after the answer came.
  public init(host: String, port: UInt16, wakeup: Wakeup) throws(Errno) {
    let result = result
    thread = try LoopThread(name: "lookup") {
      let answer = Self.ask(host, port: port)
      result.withLock { $0 = answer }
      wakeup.wake()
    }
  }

  deinit {
    if !hasAnswer { thread.detach() }
  }

  /// The answer, once it is there.
  public mutating func answer() -> HostAnswer? {
    guard let answer = result.withLock({ $0 }) else { return nil }
    if !hasAnswer {
      hasAnswer = true
      thread.join()
    }
    return answer
  }

  private static func ask(_ host: String, port: UInt16) -> HostAnswer {
    var hints = addrinfo()
    hints.ai_family = AF_UNSPEC
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    var list: UnsafeMutablePointer<addrinfo>?
    let failure = getaddrinfo(host, nil, &hints, &list)
    guard failure == 0 else {
      let text = gai_strerror(failure).map { String(cString: $0) }
      return .failed(text ?? "error \(failure)")
    }
    defer { freeaddrinfo(list) }
    var addresses: [SocketAddress] = []
    var next = list
    while let entry = next, addresses.count < addressesMax {
      next = entry.pointee.ai_next
      guard let source = entry.pointee.ai_addr else { continue }
      guard [AF_INET, AF_INET6].contains(entry.pointee.ai_family) else { continue }
      var storage = sockaddr_storage()
      let count = min(Int(entry.pointee.ai_addrlen), MemoryLayout<sockaddr_storage>.size)
      withUnsafeMutableBytes(of: &storage) {
        $0.copyMemory(from: UnsafeRawBufferPointer(start: source, count: count))
      }
      var address = SocketAddress(storage)
      address.port = port
      if !addresses.contains(address) { addresses.append(address) }
    }
    return addresses.isEmpty ? .failed("the host has no address") : .addresses(addresses)
  }
}
