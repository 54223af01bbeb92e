// The first message of every connection. Most of it is the same for all connections of a node, so
// that it is written once: thousands of clients may come back in one second.

import RoostJSON
public import RoostRooms

/// Writes `welcome`.
///
/// Any thread; a value.
public struct Welcome: Sendable {
  /// What stands between the connection and the user.
  private let node: [UInt8]
  /// What stands behind the user.
  private let terms: [UInt8]

  /// Prepares what a node tells all its connections.
  ///
  /// - Parameters:
  ///   - node: the node's id.
  ///   - pingMilliseconds: time between pings, 0 for none.
  ///   - messageBytesMax: the most bytes of a message.
  ///   - version: the node's version.
  public init(node: String, pingMilliseconds: Int64, messageBytesMax: Int, version: String) {
    var text: [UInt8] = []
    RoostWire.append("\",\"node\":", to: &text)
    JSONWriter.appendString(node, to: &text)
    self.node = text
    text = []
    RoostWire.append(",\"ping_ms\":", to: &text)
    JSONWriter.appendInteger(pingMilliseconds, to: &text)
    RoostWire.append(",\"max_message_bytes\":", to: &text)
    JSONWriter.appendInteger(messageBytesMax, to: &text)
    RoostWire.append(",\"version\":", to: &text)
    JSONWriter.appendString(version, to: &text)
    text.append(UInt8(ascii: "}"))
    terms = text
  }

  /// Appends the message to one connection.
  ///
  /// - Parameters:
  ///   - isResumed: whether a ticket was accepted, and the id is that of the connection before.
  ///   - ticket: by which another node knows the connection again; nil where there is no other.
  public func append(
    connection: ConnectionID, user: String?, isResumed: Bool = false, ticket: [UInt8]? = nil,
    to output: inout [UInt8]
  ) {
    RoostWire.append("{\"type\":\"welcome\",\"connection\":\"", to: &output)
    connection.append(to: &output)
    output.append(contentsOf: node)
    if let user {
      RoostWire.append(",\"user\":", to: &output)
      JSONWriter.appendString(user, to: &output)
    }
    if isResumed { RoostWire.append(",\"resumed\":true", to: &output) }
    appendTicket(ticket, to: &output)
    output.append(contentsOf: terms)
  }
}
