// The server API without HTTP: a request is put to the node and its answer waited for.

public import Gateway

extension Node {
  /// Puts a request to the node and waits for the answer.
  public func answer(to request: ServerRequest) async -> ServerAnswer {
    await withCheckedContinuation { continuation in
      ask(request) { continuation.resume(returning: $0) }
    }
  }
}
