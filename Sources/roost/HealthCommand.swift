// `roost health`: one request to the admin port with plain blocking calls, because a container's image
// may have nothing else that speaks HTTP.

import Gateway
import Glibc
import RoostEventLoop

enum HealthCommand {
  /// Seconds until the answer counts as no.
  private static let patience: UInt32 = 5

  static func run(_ invocation: Invocation, environment: [String: String]) -> Int32 {
    guard let reading = ConfigurationReading.read(invocation, environment: environment) else {
      return 1
    }
    let address = reading.configuration.admin
    guard address.port != 0 else {
      return fail("the admin port is 0: give the port that the node has chosen with --admin")
    }
    let path = invocation.has("--ready") ? "/readyz" : "/healthz"
    // The calls below block; the clock that ends them all is the kernel's.
    signal(SIGALRM) { _ in
      HealthCommand.giveUp()
    }
    alarm(patience)
    defer { alarm(0) }
    do throws(Errno) {
      switch try ask(path, of: address, reading.configuration) {
      case 200: return 0
      case 0: return fail("\(address)\(path): no HTTP answer")
      case let status: return fail("\(address)\(path): \(status)")
      }
    } catch {
      return fail("\(address): \(error)")
    }
  }

  /// The status of the answer; 0 when there was none that could be read.
  private static func ask(
    _ path: String, of address: SocketAddress, _ configuration: Configuration
  ) throws(Errno) -> Int {
    guard configuration.tls.admin else { return try status(from: request(path, of: address)) }
    let socket = try Socket.connect(to: address)
    return status(in: try configuration.askSecured(socket, Self.request(path, address)))
  }

  private static func request(_ path: String, _ address: SocketAddress) -> [UInt8] {
    Array("GET \(path) HTTP/1.1\r\nHost: \(address)\r\nConnection: close\r\n\r\n".utf8)
  }

  /// Connects and sends the request.
  static func request(_ path: String, of address: SocketAddress) throws(Errno) -> Descriptor {
    let socket = try Socket.connect(to: address)
    var rest = request(path, address)[...]
    while !rest.isEmpty {
      switch rest.withUnsafeBytes({ Syscalls.send(socket.number, $0) }) {
      case .bytes(let count): rest = rest.dropFirst(count)
      case .failed(let failure): throw failure
      // A blocking socket does neither; there will be no answer then.
      case .wouldBlock, .endOfStream: return socket
      }
    }
    return socket
  }

  /// The status of the answer; 0 when there was none that could be read.
  static func status(from socket: borrowing Descriptor) throws(Errno) -> Int {
    // Only the line's beginning counts: "HTTP/1.1 200".
    var head: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 512)
    while head.count < 12 {
      switch buffer.withUnsafeMutableBytes({ Syscalls.receive(socket.number, into: $0) }) {
      case .bytes(let count): head.append(contentsOf: buffer[..<count])
      case .failed(let failure): throw failure
      case .wouldBlock, .endOfStream: return 0
      }
    }
    return status(in: head)
  }

  /// RFC 9112, 4: the three digits of a status line; 0 when the bytes begin no status line.
  static func status(in head: [UInt8]) -> Int {
    let digits = head.dropFirst(9).prefix(3)
    guard head.starts(with: "HTTP/1.".utf8), head.count >= 12, head[8] == UInt8(ascii: " "),
      digits.allSatisfy({ (48...57).contains($0) })
    else { return 0 }
    return digits.reduce(0) { $0 * 10 + Int($1) - 48 }
  }

  /// On SIGALRM: only calls that a signal allows.
  private static func giveUp() {
    let sentence: StaticString = "roost health: no answer within 5 seconds\n"
    _ = Glibc.write(2, sentence.utf8Start, sentence.utf8CodeUnitCount)
    _exit(1)
  }

  private static func fail(_ reason: String) -> Int32 {
    Output.writeError("roost health: \(reason)\n")
    return 1
  }
}
