// What the settings of `redis` mean: URLs and prefixes are checked where the backplane reads them, and
// passwords are shown nowhere.

import Backplane

/// The settings of `redis`, read.
enum RedisConfiguration {
  /// What is wrong with a URL; nil when it can be used.
  ///
  /// Never shows a password.
  static func problem(withURL text: String) -> String? {
    do throws(RedisEndpointProblem) {
      _ = try RedisEndpoint(text)
      return nil
    } catch {
      return error.description
    }
  }

  /// What is wrong with a prefix; nil when it can be used.
  static func problem(withPrefix text: String) -> String? {
    RedisBackplaneSettings.problem(withPrefix: text)
  }

  /// A URL as it may be shown: word for word, unless it holds a password.
  static func withoutPassword(_ text: String) -> String {
    do throws(RedisEndpointProblem) {
      let endpoint = try RedisEndpoint(text)
      return endpoint.password == nil ? text : endpoint.description
    } catch {
      return ""
    }
  }

  /// Where Redis is; nil for a node that stands alone.
  static func endpoint(_ configuration: Configuration) -> RedisEndpoint? {
    guard let url = configuration.redis.urls.first else { return nil }
    do throws(RedisEndpointProblem) {
      return try RedisEndpoint(url)
    } catch {
      preconditionFailure("a URL that the settings let through: \(error)")
    }
  }

  /// The files that `rediss` needs.
  static func security(_ configuration: Configuration) -> RedisSecurity {
    func file(_ path: String) -> String? { path.isEmpty ? nil : path }
    return RedisSecurity(
      caFile: file(configuration.redis.caFile),
      certificateFile: file(configuration.redis.certificateFile),
      keyFile: file(configuration.redis.keyFile))
  }

  /// What the backplane is made with.
  static func settings(
    _ configuration: Configuration, nodeID: String, process: UInt64, shardCount: Int,
    policies: PolicyTable
  ) -> RedisBackplaneSettings {
    var settings = RedisBackplaneSettings()
    settings.prefix = configuration.redis.prefix
    settings.nodeID = nodeID
    settings.process = process
    settings.shardCount = shardCount
    settings.policies = policies.policies
    settings.replyTimeout = configuration.redis.replyTimeout
    settings.readinessGrace = configuration.redis.readinessGrace
    settings.keyWindow = configuration.limits.idempotencyWindow
    settings.keysPerRoom = configuration.limits.idempotencyKeys
    settings.presenceEventsMax = Bounds.presenceEventsMax
    settings.pageBytesMax = Bounds.replayPageBytes
    return settings
  }
}
