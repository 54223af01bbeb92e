// Bugs that are planted on purpose, to see that the judge sees them: what a frame from a node
// becomes on its way to a client. Pure; the proxy that uses it knows sockets.

import RoostWebSocket

/// A bug that nodes must not have.
public enum Plant: String, CaseIterable, Sendable {
  /// A message is left out now and then.
  case drop
  /// A message comes twice.
  case double
  /// Two messages change their places.
  case swap
  /// A digit of a message is another one.
  case corrupt
  /// A gap is told where nothing is missing.
  case gap
  /// A publish that was done is answered as one that was not.
  case refuse
  /// A member that left is not told to have left.
  case ghost
  /// A connection stays open behind its client's end.
  case leak

  /// One in so many of what it spoils is spoilt; few leave, and many are told something.
  var every: Int { self == .ghost ? 4 : 40 }
}

/// What one connection's frames become.
struct PlantedFrames {
  private let plant: Plant
  /// Every so many messages of a connection one is spoilt.
  private let every: Int
  private var count: Int
  private var held: [UInt8]?

  /// - Parameter first: how many messages of this connection count as passed already.
  init(_ plant: Plant, every: Int, first: Int) {
    self.plant = plant
    self.every = every
    count = first
  }

  /// The frames that go on in place of one unfragmented text frame.
  mutating func replace(_ frame: [UInt8], payload: Range<Int>) -> [[UInt8]] {
    let text = String(decoding: frame[payload], as: UTF8.self)
    if plant == .refuse { return [refusal(of: text) ?? frame] }
    if plant == .ghost {
      guard text.hasPrefix(#"{"type":"left""#) else { return [frame] }
      count += 1
      return count % every == 0 ? [] : [frame]
    }
    guard text.contains(#""type":"message""#) else { return [frame] }
    if let held {
      self.held = nil
      return [frame, held]
    }
    count += 1
    guard count % every == 0 else { return [frame] }
    switch plant {
    case .drop: return []
    case .double: return [frame, frame]
    case .swap:
      held = frame
      return []
    case .corrupt:
      guard let place = frame[payload].firstRange(of: Array("soak-".utf8)) else { return [frame] }
      var changed = frame
      changed[place.upperBound] ^= 1
      return [changed]
    case .gap:
      guard let room = Self.value("room", in: text) else { return [frame] }
      return [frame, Self.frame(#"{"type":"gap","room":"\#(room)"}"#)]
    case .refuse, .ghost, .leak: return [frame]
    }
  }

  private mutating func refusal(of text: String) -> [UInt8]? {
    guard text.hasPrefix(#"{"type":"ok""#), !text.contains(#""room""#),
      let id = text.firstRange(of: #""id":"#).map({
        text[$0.upperBound...].prefix(while: \.isNumber)
      })
    else { return nil }
    count += 1
    guard count % every == 0 else { return nil }
    return Self.frame(
      #"{"type":"error","id":\#(id),"code":"unavailable","message":"planted"}"#)
  }

  private static func value(_ key: String, in text: String) -> Substring? {
    text.firstRange(of: "\"\(key)\":\"").map { text[$0.upperBound...].prefix { $0 != "\"" } }
  }

  private static func frame(_ text: String) -> [UInt8] {
    let bytes = Array(text.utf8)
    return FrameEncoder.frame(opcode: .text, payload: bytes.span)
  }
}

/// Cuts a node's bytes into the head of its answer and frames, which have no mask (RFC 6455, 5.2).
struct FrameCutter {
  private var bytes: [UInt8] = []
  private var hasHead = false

  /// What came out of it.
  enum Piece: Equatable {
    /// To be passed on as it is.
    case plain([UInt8])
    /// A final text frame, and where its payload stands.
    case text([UInt8], payload: Range<Int>)
  }

  /// Takes bytes; gives whole pieces.
  mutating func cut(_ more: ArraySlice<UInt8>) -> [Piece] {
    bytes += more
    var pieces: [Piece] = []
    if !hasHead {
      guard let end = bytes.firstRange(of: Array("\r\n\r\n".utf8)) else { return [] }
      pieces.append(.plain(Array(bytes[..<end.upperBound])))
      bytes.removeFirst(end.upperBound)
      hasHead = true
    }
    var start = 0
    while let (header, length) = Self.measure(bytes[start...]) {
      let frame = Array(bytes[start..<start + header + length])
      start += header + length
      // Uncompressed, final, text.
      pieces.append(
        frame[0] == 0x81 ? .text(frame, payload: header..<header + length) : .plain(frame))
    }
    bytes.removeFirst(start)
    return pieces
  }

  /// Lengths of header and payload; nil before the frame is whole.
  private static func measure(_ bytes: ArraySlice<UInt8>) -> (Int, Int)? {
    guard bytes.count >= 2 else { return nil }
    let first = bytes.startIndex
    let short = Int(bytes[first + 1] & 0x7F)
    let header = short == 126 ? 4 : short == 127 ? 10 : 2
    guard bytes.count >= header else { return nil }
    var length = short
    if header > 2 {
      length = bytes[first + 2..<first + header].reduce(0) { $0 << 8 | Int($1) }
    }
    guard length >= 0, bytes.count - header >= length else { return nil }
    return (header, length)
  }
}
