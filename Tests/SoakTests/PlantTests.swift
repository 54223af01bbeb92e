// Planted bugs without sockets: frames as a node sends them are cut, spoilt, read as the engine
// reads them and judged. Each bug is found, and each has its sentence.

import RoostEventLoop
import RoostWebSocket
import Testing

@testable import Soak

@Suite struct PlantTests {
  static let head = Array("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n".utf8)

  static func frame(_ text: String) -> [UInt8] {
    let bytes = Array(text.utf8)
    return FrameEncoder.frame(opcode: .text, payload: bytes.span)
  }

  static func message(_ number: Int) -> [UInt8] {
    let parcel = Parcel(room: 0, number: number, publisher: 0, dueNanoseconds: 1)
    let data = String(decoding: parcel.text(bytes: 80), as: UTF8.self)
    return frame(#"{"type":"message","room":"log:0","data":"\#(data)","offset":\#(number + 1)}"#)
  }

  /// What the judge says when the frames of ten messages pass a plant that spoils one in four.
  static func verdict(_ plant: Plant) -> [String] {
    var judge = Judge(
      rooms: [SoakRoom(name: "log:0", keepsHistory: true)], historyMessages: 100, findingsMax: 10)
    let now = MonotonicInstant(nanoseconds: 1)
    let member = judge.addMember(client: 7, room: 0)
    judge.joined(member, position: ("e", 0), recovered: nil, at: now)
    var frames = PlantedFrames(plant, every: 4, first: 0)
    var cutter = FrameCutter()
    _ = cutter.cut(head[...])
    for number in 0..<10 {
      _ = judge.publish(room: 0, publisher: 0)
      var bytes = message(number)
      bytes += frame(#"{"type":"ok","id":\#(number),"epoch":"e","offset":\#(number + 1)}"#)
      for piece in cutter.cut(bytes[...]) {
        guard case .text(let frame, let payload) = piece else { continue }
        for bytes in frames.replace(frame, payload: payload) {
          take(Array(bytes.dropFirst(bytes[1] < 126 ? 2 : 4)), member, &judge, now)
        }
      }
    }
    judge.conclude()
    return judge.findings.kept.map { "\($0.kind.rawValue): \($0.sentence)" }
  }

  private static func take(
    _ text: [UInt8], _ member: Int, _ judge: inout Judge, _ now: MonotonicInstant
  ) {
    guard let object = WireObject(text.span) else { return }
    switch object.kind {
    case .message:
      guard let data = object.data else { return }
      _ = judge.received(
        member, text[data], epoch: object.epoch, offset: object.offset, at: now)
    case .ok:
      judge.acknowledged(
        room: 0, number: Int(object.id), epoch: object.epoch, offset: object.offset, at: now)
    case .error:
      judge.refused(room: 0, number: Int(object.id), code: object.code ?? "")
    case .gap: judge.gap(member, at: now)
    default: break
    }
  }

  @Test(arguments: [
    (
      Plant.drop,
      [
        "lost: client 7 in log:0 was never given offset 4, and nobody said so",
        "lost: client 7 in log:0 was never given offset 8, and nobody said so",
      ]
    ),
    (
      .double,
      [
        "doubled: client 7 in log:0 was given offset 4 again, behind 4",
        "doubled: client 7 in log:0 was given offset 8 again, behind 8",
      ]
    ),
    (
      .swap,
      [
        "reordered: client 7 in log:0 was given offset 4 behind offset 5",
        "reordered: client 7 in log:0 was given offset 9 behind offset 10",
      ]
    ),
    (
      .corrupt,
      [
        "corrupted: client 7 in log:0 was given offset 4 with a wrong checksum",
        "corrupted: client 7 in log:0 was given offset 8 with a wrong checksum",
      ]
    ),
    (
      .gap,
      Array(
        repeating:
          "announced_without_cause: client 7 in log:0 was told of a gap, although the room has "
          + "a history, and nothing had happened", count: 2)
    ),
    (
      .refuse,
      [
        "refused_delivered: publish 3 of client 0 in log:0 was refused with unavailable and had been "
          + "delivered at offset 4",
        "refused_delivered: publish 7 of client 0 in log:0 was refused with unavailable and had been "
          + "delivered at offset 8",
      ]
    ),
    (.ghost, []),
    (.leak, []),
  ])
  func `what a plant does to frames is found by the judge`(plant: Plant, sentences: [String]) {
    #expect(Self.verdict(plant) == sentences)
  }

  @Test func `frames are cut alike at every split point`() {
    var bytes = Self.head + Self.message(0)
    bytes += FrameEncoder.frame(opcode: .ping, payload: [1, 2].span)
    bytes += Self.frame(String(repeating: "x", count: 70_000))
    var cutter = FrameCutter()
    let whole = cutter.cut(bytes[...])
    #expect(whole.count == 4)
    for split in Array(0..<300) + [69_000, bytes.count - 1] {
      var cutter = FrameCutter()
      #expect(cutter.cut(bytes[..<split]) + cutter.cut(bytes[split...]) == whole, "\(split)")
    }
  }
}
