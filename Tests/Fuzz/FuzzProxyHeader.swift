// What stands in front of a connection, and what stands in a request about whose it is: pieces are
// judged like the whole, and nobody who is not trusted chooses an address.

import RoostHTTP

func fuzzProxyHeader(_ input: borrowing Span<UInt8>) {
  var pieces = Pieces(for: input)
  let whole = scan(input)
  var seen = 0
  var inPieces = Scan.incomplete
  while seen < input.count, inPieces == .incomplete {
    seen = min(input.count, seen + max(pieces.next(upTo: input.count), 1))
    inPieces = scan(input.extracting(0..<seen))
  }
  precondition(inPieces == whole, "pieces give \(inPieces), not \(whole)")
  if case .complete(let headerBytes, _) = whole {
    precondition((1...min(input.count, ProxyHeader.headerBytesMax)).contains(headerBytes))
  }
  if whole == .incomplete { precondition(input.count < ProxyHeader.headerBytesMax) }
  if let address = NetworkAddress(input) {
    precondition(address.isIPv6 || address.high == 0 && address.low <= UInt64(UInt32.max))
  }
  if let range = try? AddressRange(input) { precondition(range.contains(range.base)) }
  checkFields(input)
}

private enum Scan: Equatable {
  case incomplete
  case complete(Int, ProxySource)
  case refused(ProxyViolation)
}

private func scan(_ input: borrowing Span<UInt8>) -> Scan {
  do {
    switch try ProxyHeader.scan(input) {
    case .needMore: return .incomplete
    case .complete(let headerBytes, let source): return .complete(headerBytes, source)
    }
  } catch {
    return .refused(error)
  }
}

/// Puts the input into the fields that proxies write.
private func checkFields(_ input: borrowing Span<UInt8>) {
  guard input.count <= 1024 else { return }
  let text = input.copy().filter { $0 >= 0x20 && $0 != 0x7F }
  var head = Array("GET / HTTP/1.1\r\nHost: a\r\nForwarded: ".utf8)
  head += text
  head += Array("\r\nX-Forwarded-For: ".utf8)
  head += text
  head += Array("\r\n\r\n".utf8)
  guard
    let request = try? RequestHead(
      parsing: head.span, requestLineBytesMax: 512, headBytesMax: 4096, fieldsMax: 16)
  else { return }
  let proxy = NetworkAddress(ipv4: 0x0A00_0001)
  guard let range = try? AddressRange("10.0.0.0/8".utf8.span) else { preconditionFailure("10/8") }
  for field in ForwardedField.allCases {
    let believed = ForwardedClient(
      peer: proxy, fields: request.fields, believing: field, from: TrustedProxies([range]))
    precondition(believed.finding != .malformed || believed.address == proxy)
    let stranger = NetworkAddress(ipv4: 0xC000_0201)
    let ignored = ForwardedClient(
      peer: stranger, fields: request.fields, believing: field, from: TrustedProxies([range]))
    precondition(ignored.address == stranger && ignored.finding == .peer)
  }
}
