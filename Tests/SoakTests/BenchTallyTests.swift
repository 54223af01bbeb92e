// The checker of what members were given must find each thing that it is for: all of these are
// planted.

import Testing

@testable import Soak

@Suite struct BenchTallyTests {
  /// Two rooms of ten: the even members, and the odd ones.
  private static let workload = BenchWorkload(.w3paced, connections: 20)

  /// What is left of a run in which so many messages were published in room 0, and its member 2 was
  /// given these numbers.
  private static func faults(given numbers: [UInt32], of published: Int) -> BenchFaults {
    var tally = BenchTally(workload)
    for _ in 0..<published { _ = tally.publish(in: 0) }
    for member in stride(from: 0, to: 20, by: 2) {
      let own = member == 2 ? numbers : Array(0..<UInt32(published))
      for number in own {
        let stamp = BenchStamp(room: 0, number: number, nanoseconds: 1)
        _ = tally.receive(stamp, member: member, room: 0)
      }
    }
    tally.conclude { $0 % 2 }
    return tally.faults
  }

  private static func faults(
    lost: Int = 0, doubled: Int = 0, reordered: Int = 0, wrong: Int = 0
  ) -> BenchFaults {
    var faults = BenchFaults()
    faults.lost = lost
    faults.doubled = doubled
    faults.reordered = reordered
    faults.wrong = wrong
    return faults
  }

  static let planted: [([UInt32], BenchFaults)] = [
    ([0, 1, 2, 3, 4, 5], faults()),
    // Lost: the first, one between, the last, all.
    ([1, 2, 3, 4, 5], faults(lost: 1)),
    ([0, 1, 3, 4, 5], faults(lost: 1)),
    ([0, 1, 2, 3, 4], faults(lost: 1)),
    ([], faults(lost: 6)),
    ([0, 3, 5], faults(lost: 3)),
    // Doubled: at once, later, and what had been late.
    ([0, 1, 1, 2, 3, 4, 5], faults(doubled: 1)),
    ([0, 1, 2, 3, 4, 5, 0, 3], faults(doubled: 2)),
    ([0, 2, 1, 1, 3, 4, 5], faults(doubled: 1, reordered: 1)),
    // Out of order: two exchanged, one far behind, all the wrong way round.
    ([0, 2, 1, 3, 4, 5], faults(reordered: 1)),
    ([1, 2, 3, 4, 5, 0], faults(reordered: 1)),
    ([5, 4, 3, 2, 1, 0], faults(reordered: 5)),
    ([5, 2, 0], faults(lost: 3, reordered: 2)),
    // Never sent.
    ([0, 1, 2, 3, 4, 5, 6], faults(wrong: 1)),
    ([0, 1, 2, 3, 4, .max], faults(lost: 1, wrong: 1)),
  ]

  @Test(arguments: planted)
  func `what is planted is found and counted`(numbers: [UInt32], expected: BenchFaults) {
    #expect(Self.faults(given: numbers, of: 6) == expected)
  }

  @Test func `a message of another room is wrong`() {
    var tally = BenchTally(Self.workload)
    _ = tally.publish(in: 0)
    _ = tally.publish(in: 1)
    #expect(tally.expected == 20)
    let stamp = BenchStamp(room: 1, number: 0, nanoseconds: 1)
    let taken = [(0, 0), (1, 1), (1, 1)].map { member, room in
      tally.receive(stamp, member: member, room: room)
    }
    #expect(taken == [false, true, false])
    #expect(tally.received == 1)
    #expect(tally.faults == Self.faults(doubled: 1, wrong: 1))
  }

  @Test func `more holes than are kept become losses, and none is counted twice`() {
    let max = UInt32(BenchLedger.holesMax)
    for (holes, given) in [(max, true), (max + 1, false)] {
      var ledger = BenchLedger()
      // Every second message is missing, from the first on.
      for number in 0..<holes { _ = ledger.receive(2 * number + 1) }
      #expect(ledger.missing(of: 2 * holes) == Int(holes))
      let receipts = [0, 2 * (holes - 1)].map { ledger.receive($0) }
      #expect(receipts == [given ? .late : .again, .late])
      #expect(ledger.missing(of: 2 * holes) == Int(holes) - (given ? 2 : 1))
      #expect(ledger.missing(of: 2 * holes + 3) == Int(holes) + (given ? 1 : 2))
    }
  }

  @Test func `any order of any part of what was sent is counted right`() {
    var numbers = SeededNumbers(seed: 11, stream: 0)
    for _ in 0..<200 {
      let given = (0..<40).map(UInt32.init).filter { _ in numbers.next() % 4 > 0 }
        .shuffled(using: &numbers)
      var highest: UInt32?
      var late = 0
      for number in given {
        if let top = highest, number < top { late += 1 } else { highest = number }
      }
      let faults = Self.faults(given: given, of: 40)
      #expect(faults == Self.faults(lost: 40 - given.count, reordered: late))
    }
  }

  @Test func `a cut connection is a fault of its own, and all faults have their words`() {
    var tally = BenchTally(Self.workload)
    #expect(tally.faults.isEmpty)
    tally.cut()
    tally.receiveWrong()
    #expect(!tally.faults.isEmpty)
    #expect(tally.faults.text == "0/0/0, 1 wrong, 1 cut")
    var faults = Self.faults(lost: 1_200, doubled: 1, reordered: 2, wrong: 3)
    faults.cut = 2
    #expect(
      faults.sentence
        == "1,200 lost, 1 doubled, 2 out of order, 3 not as sent, 2 connections cut")
    #expect(BenchFaults().text == "0/0/0")
  }
}

@Suite struct BenchStampTests {
  private static func stamp(_ text: [UInt8], at place: Int) -> BenchStamp? {
    BenchStamp(text.span, at: place)
  }

  private static func kind(_ text: [UInt8]) -> BenchText.Kind { BenchText.kind(text.span) }

  private static func kindOfEcho(_ text: [UInt8]) -> BenchText.Kind {
    BenchText.kindOfEcho(text.span)
  }

  @Test func `a stamp is letters at a place and is read from there`() {
    let stamp = BenchStamp(room: 0x1234, number: 0xDEAD_BEEF, nanoseconds: 0x0123_4567_89AB_CDEF)
    var text = Array(String(repeating: ".", count: 40).utf8)
    stamp.write(into: &text, at: 3)
    #expect(
      String(decoding: text, as: UTF8.self) == "...AAAABCDENOKNLOOPABCDEFGHIJKLMNOP.....")
    #expect(Self.stamp(text, at: 3) == stamp)
    #expect(Self.stamp(text, at: 4) == nil)
    #expect(Self.stamp(text, at: 9) == nil)
    #expect(Self.stamp(text, at: -1) == nil)
    #expect(Self.stamp(Array(text[..<35]), at: 3) == stamp)
    #expect(Self.stamp(Array(text[..<34]), at: 3) == nil)
  }

  @Test func `a stamp with any other byte at any place is none`() {
    var text = [UInt8](repeating: 0, count: 32)
    BenchStamp(room: .max, number: 0, nanoseconds: .max).write(into: &text, at: 0)
    for place in 0..<32 {
      for byte in UInt8.min ... .max where !(UInt8(ascii: "A")...UInt8(ascii: "P")).contains(byte) {
        var other = text
        other[place] = byte
        #expect(Self.stamp(other, at: 0) == nil, "\(byte) at \(place)")
      }
    }
  }

  /// As a node writes it: with who sent it behind the data, or without.
  private static func delivered(_ publish: [UInt8], room: Int, tail: String = "") -> [UInt8] {
    let text = String(decoding: publish, as: UTF8.self)
    let data = text.split(separator: "\"data\":\"").last?.prefix { $0 != "\"" } ?? ""
    return Array(
      #"{"type":"message","room":"\#(BenchText.roomName(room))","data":"\#(data)"\#(tail)}"#.utf8)
  }

  @Test func `what is published is found in what a node delivers`() {
    var (text, place) = BenchText.publish(room: 417)
    let stamp = BenchStamp(room: 417, number: 9, nanoseconds: 77)
    stamp.write(into: &text, at: place)
    #expect(
      String(decoding: text.prefix(73), as: UTF8.self)
        == #"{"type":"publish","room":"b000417","data":"AAAAABKBAAAAAAAJAAAAAAAAAAAAAA"#)
    #expect(text.count == place + 128 + 2)
    #expect(Self.kind(Self.delivered(text, room: 417)) == .message(stamp))
    let long = Self.delivered(text, room: 417, tail: #","from":{"connection":"a"},"time":1"#)
    #expect(Self.kind(long) == .message(stamp))
    #expect(Self.kind(Self.delivered(text, room: 417).dropLast(3).bytes) == .wrong)
    var damaged = Self.delivered(text, room: 417)
    damaged[BenchText.messageStampPlace + 20] = UInt8(ascii: "a")
    #expect(Self.kind(damaged) == .wrong)
  }

  @Test(arguments: [
    #"{"type":"welcome","connection":"a"}"#, #"{"type":"ok","id":1,"room":"b000000"}"#, "",
    #"{"type":"messag"#, #"{"type":"gap","room":"b000000"}"#,
  ])
  func `what else a node says is no message`(text: String) {
    #expect(Self.kind(Array(text.utf8)) == .other)
  }

  @Test func `an echo is the text that was sent and nothing else`() {
    var (text, place) = BenchText.echo()
    let stamp = BenchStamp(room: 3, number: 1, nanoseconds: 5)
    stamp.write(into: &text, at: place)
    #expect(text.count == 128)
    #expect(Self.kindOfEcho(text) == .message(stamp))
    #expect(Self.kindOfEcho(text.dropLast().bytes) == .wrong)
    #expect(Self.kindOfEcho(BenchText.echo().text) == .wrong)
  }
}

extension Sequence where Element == UInt8 {
  fileprivate var bytes: [UInt8] { Array(self) }
}
