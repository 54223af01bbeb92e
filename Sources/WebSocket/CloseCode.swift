// Which numbers may stand in a close frame; RFC 6455 7.4 and IANA's registry for 1012 to 1014.

/// The rule for close codes on the wire, and the codes that stand for the lack of one.
public enum CloseCode {
  /// What a close frame without a code is reported as; never sent.
  ///
  /// RFC 6455 7.1.5.
  public static let noCode: UInt16 = 1005

  /// What a connection that ended without a close frame is reported as; never sent.
  ///
  /// RFC 6455 7.1.5.
  public static let abnormal: UInt16 = 1006

  /// Whether the code may stand in a close frame: 1000...1003, 1007...1014 and 3000...4999.
  public static func isValidOnWire(_ code: UInt16) -> Bool {
    switch code {
    case 1000...1003, 1007...1014, 3000...4999: true
    default: false
    }
  }
}
