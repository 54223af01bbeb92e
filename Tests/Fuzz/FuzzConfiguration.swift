// Configuration files: whatever stands in one, there is a configuration or a list of problems, and
// what a configuration prints of itself loads as the same configuration.

import Gateway

func fuzzConfiguration(_ text: borrowing Span<UInt8>) {
  var sources = ConfigurationSources()
  sources.file = text.copy()
  switch ConfigurationLoader.load(sources) {
  case .refused(let problems):
    precondition(!problems.isEmpty && problems.allSatisfy { !$0.reason.isEmpty })
  case .loaded(let configuration, _):
    // Secrets are not printed, so that they cannot be read again.
    guard !configuration.json().contains("***") else { return }
    sources.file = Array(configuration.json().utf8)
    guard case .loaded(let again, _) = ConfigurationLoader.load(sources) else {
      preconditionFailure("a configuration does not load what it prints: \(configuration.json())")
    }
    precondition(again == configuration, "\(again.json()) is not \(configuration.json())")
  }
}
