// `roost token make`: a token for somebody, from a key of one's own. For trying things out, for tests
// and for services that have no library; the key never stands on the command line.

import Auth
import Gateway
import Glibc

enum TokenMakeCommand {
  static func run(_ invocation: Invocation, environment: [String: String]) -> Int32 {
    var configuration: Configuration?
    if invocation.has(Flag.config.name) {
      guard let reading = ConfigurationReading.read(invocation, environment: environment) else {
        return 1
      }
      configuration = reading.configuration
    }
    let now = Int64(time(nil))
    let claims: TokenClaims
    do throws(CommandMistake) {
      claims = try Self.claims(invocation, rules: configuration?.auth.tokens.rules, now: now)
    } catch {
      Output.writeError("roost token make: \(error.sentence)\n")
      return 2
    }
    do throws(CommandMistake) {
      let signer = try TokenKeys.signer(invocation, configuration: configuration)
      let token = signer.token(claims: claims.json())
      if let configuration {
        let keys = try TokenKeys.verifying(
          Invocation(command: invocation.command, flags: [], argument: nil),
          configuration: configuration, shown: nil)
        let verdict = TokenVerdict.of(
          token, keys: keys, rules: configuration.auth.tokens.rules, now: now)
        if case .refused(_, let why) = verdict {
          Output.writeError("note: a node of this configuration refuses it: \(why)\n")
        }
      }
      Output.write(String(decoding: token, as: UTF8.self) + "\n")
      return 0
    } catch {
      Output.writeError("roost token make: \(error.sentence)\n")
      return 1
    }
  }

  /// What the flags say; issuer and audience that a configuration demands are filled in.
  static func claims(
    _ invocation: Invocation, rules: TokenRules?, now: Int64
  ) throws(CommandMistake) -> TokenClaims {
    guard let user = invocation.value(of: "--sub") else {
      throw CommandMistake("--sub is missing: a token is somebody's")
    }
    guard Identity.isValidUser(Array(user.utf8)) else {
      throw CommandMistake(
        "--sub is a name of 1 to \(Identity.userBytesMax) bytes without control characters")
    }
    if invocation.has("--key"), invocation.has("--secret-file") {
      throw CommandMistake("--key and --secret-file: one of them signs, not both")
    }
    _ = try TokenKeys.algorithm(invocation)
    let lifetime = try seconds("--expires", invocation) ?? 900
    guard lifetime > 0 else { throw CommandMistake("--expires 0: nobody would take that token") }
    var claims = TokenClaims(user: user, issuedAt: now, expiresAt: now + lifetime)
    claims.notBefore = try seconds("--not-before", invocation).map { now + $0 }
    claims.issuer = invocation.value(of: "--iss") ?? rules?.issuer
    claims.audiences = invocation.values(of: "--aud")
    if claims.audiences.isEmpty { claims.audiences = Array((rules?.audiences ?? []).prefix(1)) }
    let rooms = invocation.values(of: "--room")
    guard rooms.count <= RoomRights.rulesMax else {
      throw CommandMistake("more than \(RoomRights.rulesMax) --room")
    }
    for room in rooms { claims.rules.append(try TokenClaims.Rule(room)) }
    if let info = invocation.value(of: "--info") { claims.info = try TokenClaims.checkedInfo(info) }
    if let tokenID = invocation.value(of: "--jti") {
      guard (1...TokenClaims.tokenIDBytesMax).contains(tokenID.utf8.count) else {
        throw CommandMistake("--jti has 1 to \(TokenClaims.tokenIDBytesMax) bytes")
      }
      claims.tokenID = tokenID
    }
    return claims
  }

  private static func seconds(
    _ flag: String, _ invocation: Invocation
  ) throws(CommandMistake) -> Int64? {
    guard let text = invocation.value(of: flag) else { return nil }
    guard let seconds = TimeText.seconds(of: text) else {
      throw CommandMistake("\(flag) \(text) is no span of time such as 90s, 15m, 12h or 7d")
    }
    return seconds
  }
}
