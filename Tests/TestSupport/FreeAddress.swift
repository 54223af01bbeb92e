// An address for a program that cannot be told to choose one by itself.

public import RoostEventLoop

/// An address of this machine that nothing listens on; another program may come first.
public func freeAddress() throws -> SocketAddress {
  let listener = try Socket.listen(on: .loopback, sharesPort: false, backlog: 1)
  return try Socket.localAddress(of: listener)
}
