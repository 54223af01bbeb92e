// `roost token inspect`: what a token says, and what a node says about it.

import Auth
import Gateway
import Glibc
import RoostEventLoop
import RoostJSON

enum TokenInspectCommand {
  /// More than any token has that a node reads.
  private static let tokenBytesMax = 65_536

  static func run(_ invocation: Invocation, environment: [String: String]) -> Int32 {
    var configuration: Configuration?
    if invocation.has(Flag.config.name) {
      guard let reading = ConfigurationReading.read(invocation, environment: environment) else {
        return 1
      }
      configuration = reading.configuration
    }
    do throws(CommandMistake) {
      let token = try read(invocation.argument)
      let text = TokenText(token)
      let header = text.flatMap {
        try? JSONTree(parsing: $0.header, depthMax: 64, bytesMax: 65_536)
      }
      let shown = header?["alg"]?.string.flatMap(TokenAlgorithm.init(name:))
      let now = Int64(time(nil))
      let sources = [Flag.config.name, "--key", "--secret-file"]
      guard sources.contains(where: invocation.has) else {
        guard let text else { return fail("this is no token: three parts of base64url with dots") }
        Output.write(TokenReport.text(text, verdict: nil, now: now))
        return 0
      }
      let keys = try TokenKeys.verifying(invocation, configuration: configuration, shown: shown)
      var rules = (configuration ?? Configuration()).auth.tokens.rules
      if let issuer = invocation.value(of: "--iss") { rules.issuer = issuer }
      let audiences = invocation.values(of: "--aud")
      if !audiences.isEmpty { rules.audiences = audiences }
      let verdict = TokenVerdict.of(token, keys: keys, rules: rules, now: now)
      Output.write(TokenReport.text(text, verdict: verdict, now: now))
      if let url = configuration?.auth.tokens.jwksURL, !url.isEmpty, !invocation.has("--key") {
        Output.writeError(
          "note: the keys at auth.tokens.jwks_url were not fetched; fetch them and give --key\n")
      }
      if case .accepted = verdict { return 0 }
      return 1
    } catch {
      return fail(error.sentence)
    }
  }

  /// A token without what a person copies along: white space and the scheme of `Authorization`.
  static func trimmed(_ bytes: [UInt8]) -> [UInt8] {
    func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }
    var token = bytes[...]
    token = token.drop(while: isBlank)
    while let last = token.last, isBlank(last) { token.removeLast() }
    let scheme = "bearer "
    if String(decoding: token.prefix(scheme.utf8.count), as: UTF8.self).lowercased() == scheme {
      token = token.dropFirst(scheme.utf8.count).drop(while: isBlank)
    }
    return Array(token)
  }

  private static func read(_ file: String?) throws(CommandMistake) -> [UInt8] {
    if let file, file.split(separator: ".").count == 3, file.utf8.count > 60 {
      throw CommandMistake(
        "give the token on the standard input or in a file: arguments are seen by everybody")
    }
    let content: Result<[UInt8], Errno>
    if let file, file != "-" {
      content = ProcessEnvironment.contents(of: file)
    } else {
      if isatty(0) == 1 { Output.writeError("the token, then Ctrl-D:\n") }
      content = ProcessEnvironment.standardInput()
    }
    switch content {
    case .failure(let failure):
      throw CommandMistake("\(file ?? "the standard input") cannot be read: \(failure)")
    case .success(let bytes):
      let token = trimmed(bytes)
      guard token.count <= tokenBytesMax else {
        throw CommandMistake("this is longer than any token: \(token.count) bytes")
      }
      return token
    }
  }

  private static func fail(_ sentence: String) -> Int32 {
    Output.writeError("roost token inspect: \(sentence)\n")
    return 1
  }
}
