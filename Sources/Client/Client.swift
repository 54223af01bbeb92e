// The library's front: what an application holds in its hands. All work is done on the loop's thread.

import RoostCrypto
import RoostEventLoop
import RoostRooms

/// A client of Roost: one connection that comes back by itself, and the rooms that it is in.
///
/// Any thread. It connects when told to, stays connected until it is closed or the server says that it
/// is not to come back, and closes with its last reference.
public final class Client: Sendable {
  let hub: ClientHub
  private let loop: ClientLoop

  /// A client that does not connect yet.
  ///
  /// Throws `.configuration`: an address or a proxy that cannot be read, no thread for the loop.
  /// - Parameters:
  ///   - url: `ws://HOST[:PORT][/PATH]` or `wss://…`; without a path it is `/ws`.
  ///   - options: everything else.
  ///   - loop: whose thread does the work; nil takes one that all clients of the process share.
  public init(
    url: String, options: ClientOptions = ClientOptions(), loop: ClientLoop? = nil
  ) throws(ClientFailure) {
    let address = try ClientURL(url)
    let proxy = try ClientProxy.choose(for: address, options)
    guard (options.certificateFile == nil) == (options.keyFile == nil) else {
      throw .configuration("a certificate and its key go together")
    }
    if let loop {
      self.loop = loop
    } else {
      self.loop = try ClientLoop.shared.get()
    }
    hub = try self.loop.makeHub(options)
    let plan = DialPlan(url: address, proxy: proxy, options)
    let machine = ClientMachineOptions(
      hasTokenProvider: options.token != nil, callTimeout: options.callTimeout,
      callsMax: options.callsMax, callBytesMax: options.callBytesMax)
    guard hub.post(.add(hub, plan, machine)) else {
      throw .configuration("the loop has stopped or does not keep up")
    }
  }

  deinit { hub.post(.remove(client: hub.client)) }

  /// What happens to the client, and in rooms that the server put it into.
  ///
  /// When nobody takes them the oldest are dropped, and `dropped` says how many.
  public var events: ClientEvents { ClientEvents(buffer: hub.events) }

  /// What the client is doing now.
  public var state: ClientState { hub.phase }

  /// Begins to connect; without effect when it has begun already.
  public func connect() {
    hub.connect()
  }

  /// Waits until the client is connected; throws `.refused` with the close code's number when it is
  /// closed instead, `.cancelled` when the task is.
  @discardableResult
  public func connected() async throws(ClientFailure) -> ClientSession {
    switch await hub.settled() {
    case .open(let session)?: return session
    case .closed(let code, let reason)?: throw .refused(code: "\(code)", message: reason)
    default: throw .cancelled
    }
  }

  /// Closes; calls that wait fail, and sequences of events end.
  public func close() { hub.close() }

  /// Joins a room and stays in it, over all reconnects, until `leave`.
  ///
  /// Waits for the server's answer, and for a connection before that: cancel the task to give up. The
  /// room's events are kept from the first one on, so read them, or give `roomEventsMax` a thought.
  /// Throws `.refused`, `.closed`, `.cancelled`, `.roomName`.
  public func join(_ name: String) async throws(ClientFailure) -> Room {
    let room = try Self.roomName(name)
    let buffer = hub.buffer(of: room)
    let client = hub.client
    _ = try await hub.ask { ticket in
      .join(client: client, room, ticket, buffer)
    } cancelledBy: { ticket in
      .cancelJoin(client: client, room, ticket)
    }
    return Room(client: self, room: room, buffer: buffer)
  }

  /// Publishes a value into a room without joining it, where the room allows that; see `Room.publish`.
  @discardableResult
  public func publish(
    _ data: JSONValue, to name: String, key: String? = nil, timeout: Duration? = nil
  ) async throws(ClientFailure) -> PublishReceipt {
    let room = try Self.roomName(name)
    return PublishReceipt(
      try await call(.publish(room: room, data: data, key: key), timeout: timeout))
  }

  /// Sends a value to every connection of a user, or to one connection.
  ///
  /// It is sent once: `.unknown` when the connection ends before the answer.
  @discardableResult
  public func send(
    _ data: JSONValue, to target: SendTarget, timeout: Duration? = nil
  ) async throws(ClientFailure) -> SendReceipt {
    SendReceipt(try await call(.send(to: target, data: data), timeout: timeout))
  }

  func call(_ call: ClientCall, timeout: Duration?) async throws(ClientFailure) -> JSONValue {
    let client = hub.client
    return try await hub.ask { ticket in
      .call(client: client, call, ticket, timeout: timeout)
    } cancelledBy: { ticket in
      .cancel(client: client, ticket)
    }
  }

  static func roomName(_ name: String) throws(ClientFailure) -> RoomName {
    do throws(RoomNameViolation) {
      return try RoomName(Array(name.utf8))
    } catch {
      throw .roomName(error.reason)
    }
  }
}
