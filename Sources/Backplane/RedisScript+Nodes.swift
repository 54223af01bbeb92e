// Scripts for what is no room's: the probe, tokens that were taken back, connections of users and
// addresses.

extension RedisScript {
  /// The probe of the data path: rule 16.
  ///
  /// KEYS: the probe's key, the marker of the data. ARGV: channel, text, what a new marker holds.
  /// Returns the marker and the time in ms.
  static let probe = RedisScript(
    """
    redis.call('SET', KEYS[1], ARGV[2], 'PX', 60000)
    redis.call('SET', KEYS[2], ARGV[3], 'NX')
    redis.call('PUBLISH', ARGV[1], ARGV[2])
    local t = redis.call('TIME')
    return {redis.call('GET', KEYS[2]), t[1] * 1000 + math.floor(t[2] / 1000)}
    """)

  /// Remembers what was taken back; of two records with one name, the wider.
  ///
  /// KEYS: the hash. ARGV: name, issued before, until, records kept, the time, all in seconds.
  /// Returns 1, or 0 when there are as many records as may be.
  static let revoke = RedisScript(
    """
    local before, till = tonumber(ARGV[2]), tonumber(ARGV[3])
    local known = redis.call('HGET', KEYS[1], ARGV[1])
    if known then
      local b, t = string.match(known, '^(%-?%d+) (%-?%d+)$')
      before, till = math.max(before, tonumber(b or before)), math.max(till, tonumber(t or till))
    elseif redis.call('HLEN', KEYS[1]) >= tonumber(ARGV[4]) then
      return 0
    end
    redis.call('HSET', KEYS[1], ARGV[1], string.format('%.0f %.0f', before, till))
    local left = till - tonumber(ARGV[5])
    if left > 0 and redis.call('TTL', KEYS[1]) < left then
      redis.call('EXPIRE', KEYS[1], string.format('%.0f', left))
    end
    return 1
    """)

  /// Writes how many connections of a user or an address an incarnation has.
  ///
  /// Figures of the dead, and those that nobody has written for long, go.
  ///
  /// KEYS: the hash. ARGV: incarnation, its figure (0: none), the time in ms or nothing, how long a
  /// figure is believed in ms, then the incarnations that are not alive. Returns the sum.
  static let countConnections = RedisScript(
    clock,
    """
    local now, life, dead, total = clock(ARGV[3]), tonumber(ARGV[4]), {}, 0
    for i = 5, #ARGV do dead[ARGV[i]] = true end
    if ARGV[2] == '0' then
      redis.call('HDEL', KEYS[1], ARGV[1])
    else
      redis.call('HSET', KEYS[1], ARGV[1], ARGV[2] .. string.format(' %.0f', now))
      redis.call('PEXPIRE', KEYS[1], life)
    end
    local all = redis.call('HGETALL', KEYS[1])
    for i = 1, #all, 2 do
      local count, at = string.match(all[i + 1], '^(%d+) (%d+)$')
      if not count or dead[all[i]] or now - at > life then
        redis.call('HDEL', KEYS[1], all[i])
      else
        total = total + count
      end
    end
    return total
    """)
}
