// Heads and bodies of HTTP: what comes in pieces is judged like what comes at once, and the first
// byte behind a head or body is the same one.

import RoostHTTP

private let requestLineBytesMax = 512
private let headBytesMax = 2048
private let fieldsMax = 16
private let bodyBytesMax = 1024

func fuzzHTTPHead(_ input: borrowing Span<UInt8>) {
  var pieces = Pieces(for: input)
  let whole = scan(input)
  precondition(scan(input, in: &pieces) == whole, "pieces do not give \(whole)")
  guard case .complete(let headBytes) = whole else { return }
  precondition(headBytes > 0 && headBytes <= min(input.count, headBytesMax))
  let head = input.extracting(0..<headBytes)
  _ = try? ResponseHead(
    parsing: head, requestLineBytesMax: requestLineBytesMax, headBytesMax: headBytesMax,
    fieldsMax: fieldsMax)
  do {
    let request = try RequestHead(
      parsing: head, requestLineBytesMax: requestLineBytesMax, headBytesMax: headBytesMax,
      fieldsMax: fieldsMax)
    check(request)
    let rest = input.extracting(headBytes..<input.count)
    let body = decode(request.body, rest)
    precondition(decode(request.body, rest, in: &pieces) == body, "pieces do not give \(body)")
  } catch {
    precondition((400...599).contains(error.status) && !error.reason.isEmpty)
  }
}

private enum Scan: Equatable {
  case incomplete
  case complete(Int)
  case refused(HTTPViolation)
}

private func scanner() -> HeadScanner {
  HeadScanner(
    requestLineBytesMax: requestLineBytesMax, headBytesMax: headBytesMax, fieldsMax: fieldsMax)
}

private func scan(_ input: borrowing Span<UInt8>) -> Scan {
  var scanner = scanner()
  do {
    switch try scanner.scan(input) {
    case .needMore: return .incomplete
    case .complete(let headBytes): return .complete(headBytes)
    }
  } catch {
    return .refused(error)
  }
}

private func scan(_ input: borrowing Span<UInt8>, in pieces: inout Pieces) -> Scan {
  var scanner = scanner()
  var seen = 0
  do {
    repeat {
      seen = min(input.count, seen + pieces.next(upTo: input.count))
      if case .complete(let headBytes) = try scanner.scan(input.extracting(0..<seen)) {
        return .complete(headBytes)
      }
    } while seen < input.count
    return .incomplete
  } catch {
    return .refused(error)
  }
}

private func check(_ request: RequestHead) {
  for (text, _) in request.fields.all {
    let name = FieldName(text)
    precondition(request.fields.count(of: name) >= 1 && request.fields.valueBytes(of: name) != nil)
    _ = request.fields.value(of: name)
    let elements = request.fields.listElements(of: name)
    precondition(elements.allSatisfy { !$0.isEmpty })
  }
  _ = request.fields.hasToken("upgrade", in: "Connection")
  _ = request.pathSegments()
  _ = request.queryValue("since")
  precondition(request.rawQuery.map { request.target.contains($0) } ?? true)
  precondition(
    request.minorVersion == 0 || !request.host.isEmpty || request.fields.count(of: "Host") == 1)
}

private struct Body: Equatable {
  var content: [UInt8] = []
  var consumed = 0
  var end = End.incomplete

  enum End: Equatable {
    case incomplete
    case complete
    case refused(HTTPViolation)
  }
}

private func decode(_ framing: RequestBody, _ input: borrowing Span<UInt8>) -> Body {
  var decoder = BodyDecoder(body: framing, bytesMax: bodyBytesMax)
  var body = Body()
  do {
    let progress = try decoder.decode(input, from: &body.consumed, into: &body.content)
    body.end = progress == .complete ? .complete : .incomplete
  } catch {
    body = Body(end: .refused(error))
  }
  precondition(body.content.count <= bodyBytesMax && body.consumed <= input.count)
  return body
}

private func decode(
  _ framing: RequestBody, _ input: borrowing Span<UInt8>, in pieces: inout Pieces
) -> Body {
  var decoder = BodyDecoder(body: framing, bytesMax: bodyBytesMax)
  var body = Body()
  var seen = 0
  do {
    repeat {
      seen = min(input.count, seen + pieces.next(upTo: input.count))
      // What a piece holds is shown once: the rest of it is shown again with the next one.
      let progress = try decoder.decode(
        input.extracting(0..<seen), from: &body.consumed, into: &body.content)
      if progress == .complete {
        body.end = .complete
        return body
      }
    } while seen < input.count
  } catch {
    body = Body(end: .refused(error))
  }
  return body
}
