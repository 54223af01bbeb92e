// JSON: what the scanner accepts, the tree accepts (but for duplicate keys); ranges nest; content
// survives being written and read again.

import RoostJSON

func fuzzJSON(_ text: borrowing Span<UInt8>) {
  let scanner = JSONScanner(depthMax: 32)
  do {
    let document = try scanner.document(in: text)
    checkValue(document, in: text, scanner)
    checkForwarded(document, in: text, scanner)
  } catch {
    let bytes = text.copy()
    let tree = try? JSONTree(parsing: bytes, depthMax: 32, bytesMax: bytes.count)
    precondition(tree == nil, "the tree accepts what the scanner refuses: \(error)")
    return
  }
  do {
    let tree = try JSONTree(parsing: text, depthMax: 32, bytesMax: text.count)
    let place = JSONTree.location(of: tree.offset, in: text)
    precondition(place.line >= 1 && place.column >= 1)
  } catch .duplicateKey {
  } catch {
    preconditionFailure("the tree refuses what the scanner accepts: \(error)")
  }
}

private func checkValue(
  _ value: RawRange, in text: borrowing Span<UInt8>, _ scanner: JSONScanner
) {
  precondition(value.start >= 0 && value.start < value.end && value.end <= text.count)
  var nested: [RawRange] = []
  switch value.kind {
  case .object:
    let again = try? scanner.object(in: text, at: value.start) { nested += [$0, $1] }
    precondition(again == value, "an object read again is \(String(describing: again))")
  case .array:
    let again = try? scanner.array(in: text, at: value.start) { nested.append($0) }
    precondition(again == value, "an array read again is \(String(describing: again))")
  case .string: checkString(value, in: text, scanner)
  case .number: checkNumber(value, in: text, scanner)
  case .boolTrue, .boolFalse, .null: break
  }
  var end = value.start
  for part in nested {
    precondition(part.start > end && part.end < value.end, "\(part) in \(value) after \(end)")
    end = part.end
    checkValue(part, in: text, scanner)
  }
}

private func checkString(
  _ string: RawRange, in text: borrowing Span<UInt8>, _ scanner: JSONScanner
) {
  let content = scanner.unescaped(string, in: text)
  guard let characters = String(validating: content, as: UTF8.self) else {
    preconditionFailure("a string's content is not UTF-8")
  }
  precondition(scanner.equals(string, characters, in: text))
  var written: [UInt8] = []
  JSONWriter.appendString(content.span, to: &written)
  guard let again = try? scanner.document(in: written.span) else {
    preconditionFailure("a written string is not JSON")
  }
  precondition(scanner.unescaped(again, in: written.span) == content)
}

private func checkNumber(
  _ number: RawRange, in text: borrowing Span<UInt8>, _ scanner: JSONScanner
) {
  let double = scanner.double(number, in: text)
  guard let integer = scanner.integer(number, in: text) else { return }
  precondition(double == Double(integer), "\(integer) is not \(String(describing: double))")
}

/// What is forwarded is one line and says the same.
private func checkForwarded(
  _ document: RawRange, in text: borrowing Span<UInt8>, _ scanner: JSONScanner
) {
  var forwarded: [UInt8] = []
  JSONWriter.appendValue(document, in: text, to: &forwarded)
  precondition(!forwarded.contains(0x0A) && !forwarded.contains(0x0D), "a line break is forwarded")
  guard let again = try? scanner.document(in: forwarded.span) else {
    preconditionFailure("what is forwarded is not JSON")
  }
  precondition(again.kind == document.kind && again.count == document.count)
}
