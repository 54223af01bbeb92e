// Every violation has a status that is an error and a reason that a person can read.

import RoostHTTP
import Testing

@Suite struct HTTPViolationTests {
  static let all: [(HTTPViolation, Int)] = [
    (.bareCarriageReturn, 400), (.bareLineFeed, 400), (.nulByte, 400), (.controlCharacter(1), 400),
    (.incompleteHead, 400), (.badRequestLine, 400),
    (.badTarget, 400), (.unsupportedVersion, 505), (.badStatusLine, 400), (.foldedField, 400),
    (.missingColon, 400), (.spaceBeforeColon, 400),
    (.badFieldName, 400), (.missingHost, 400), (.duplicateHost, 400), (.badHost, 400),
    (.unknownExpectation, 417), (.badContentLength, 400),
    (.duplicateContentLength, 400), (.lengthAndTransferEncoding, 400), (.badTransferEncoding, 400),
    (.transferEncodingInOldVersion, 400),
    (.unknownTransferCoding, 501), (.badChunkSize, 400), (.badChunkEnd, 400), (.badTrailer, 400),
    (.targetTooLong, 414), (.headTooLarge, 431),
    (.tooManyFields, 431), (.bodyTooLarge, 413), (.framingTooLarge, 400),
  ]

  @Test(arguments: all)
  func `a violation maps to its status and says why in one sentence`(
    _ violation: HTTPViolation, _ status: Int
  ) {
    #expect(violation.status == status)
    #expect(!ResponseWriter.reasonPhrase(violation.status).isEmpty)
    #expect(violation.reason.hasSuffix("."))
    #expect((15...80).contains(violation.reason.utf8.count))
    #expect(violation.reason.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F })
  }

  @Test func `no two violations give the same reason`() {
    #expect(Set(Self.all.map(\.0.reason)).count == Self.all.count)
  }
}
