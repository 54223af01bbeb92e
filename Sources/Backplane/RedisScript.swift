// The steps that must be one step in Redis, in Lua. Redis does not roll back: in each script what can
// fail comes first, and PUBLISH comes last. Numbers stay below 2^53, where Lua's are exact.

import RoostCrypto

/// A script by its text and the name by which Redis knows it.
struct RedisScript: Sendable {
  let text: String
  /// SHA-1 of the text in hexadecimal digits.
  let digest: [UInt8]

  init(_ parts: String...) {
    text = parts.joined()
    digest = Digest.sha1(Array(text.utf8).span).flatMap { byte in
      [byte >> 4, byte & 15].map { $0 < 10 ? 48 + $0 : 87 + $0 }
    }
  }

  /// All scripts, for loading.
  static let all = [
    append, publish, enter, leave, register, reap, tellCount, read, compare, presence, probe,
    revoke, countConnections,
  ]

  // MARK: Parts

  static let clock = """
    local function clock(given)
      if given ~= '' then return tonumber(given) end
      local t = redis.call('TIME')
      return t[1] * 1000 + math.floor(t[2] / 1000)
    end

    """

  /// The room's life under this era: rule 3.
  ///
  /// Nil when the era is an earlier one than the room's.
  static let life = """
    local function life(meta, log, era, fresh, ttl)
      local h = redis.call('HMGET', meta, 'epoch', 'offset', 'era', 'seams')
      local epoch, offset, seams = h[1], tonumber(h[2] or '0'), h[4] or ''
      if epoch and h[3] == era then return {epoch, offset, seams} end
      if epoch then
        if string.find(seams, ':' .. era .. ';', 1, true) then return nil end
        seams = epoch .. ':' .. string.format('%.0f', offset) .. ':' .. h[3] .. ';' .. seams
        local n, to = 0, 0
        for s, e in string.gmatch(seams, '()[^;]*;()') do
          n = n + 1
          if n <= 4 then to = e - 1 end
        end
        seams = string.sub(seams, 1, to)
      else
        redis.call('DEL', log)
        offset, seams = 0, ''
      end
      redis.call('HSET', meta, 'epoch', fresh, 'offset', string.format('%.0f', offset),
        'era', era, 'seams', seams)
      redis.call('PEXPIRE', meta, ttl)
      return {fresh, offset, seams}
    end

    """

  /// Drops what is over the bytes or the age; returns the bytes before and the time of the oldest.
  static let trim = """
    local function trim(log, least, cut)
      for _ = 1, 1000 do
        local page = redis.call('XRANGE', log, '-', '+', 'COUNT', 32)
        if #page == 0 then return least, 0 end
        for _, e in ipairs(page) do
          local ms = tonumber(string.match(e[1], '-(%d+)$'))
          local before = tonumber(string.match(e[2][4], '^(%d+)%+'))
          if before >= least and ms > cut then
            redis.call('XTRIM', log, 'MINID', e[1])
            return before, ms
          end
        end
        if #page < 32 then
          redis.call('XTRIM', log, 'MAXLEN', 0)
          return least, 0
        end
        redis.call('XTRIM', log, 'MINID', page[#page][1])
      end
      return least, 0
    end

    """

  /// Entries of a log that are young enough: offset, time and value of each, flat.
  static let entries = """
    local function entries(log, after, cut, bytes, most)
      local found, size, from = {}, 0, string.format('%.0f-0', after + 1)
      while most > 0 do
        local page = redis.call('XRANGE', log, from, '+', 'COUNT', math.min(most, 64))
        for _, e in ipairs(page) do
          local offset, ms = string.match(e[1], '^(%d+)-(%d+)$')
          -- Nodes' times differ a little: behind a young entry an older one is no reason for a hole.
          if #found > 0 or tonumber(ms) > cut then
            size = size + tonumber(string.match(e[2][4], '^%d+%+(%d+)'))
            if #found > 0 and size > bytes then return found end
            found[#found + 1], found[#found + 2], found[#found + 3] = offset, ms, e[2][2]
            most = most - 1
          end
          from = string.format('%.0f-0', tonumber(offset) + 1)
        end
        if #page < 64 then return found end
      end
      return found
    end
    local function backwards(log, before, least, cut, bytes, most)
      local found, size = {}, 0
      while most > 0 and before >= 1 do
        local page = redis.call('XREVRANGE', log, string.format('(%.0f-0', before), '-',
          'COUNT', math.min(most, 64))
        for _, e in ipairs(page) do
          local offset, ms = string.match(e[1], '^(%d+)-(%d+)$')
          size = size + tonumber(string.match(e[2][4], '^%d+%+(%d+)'))
          if tonumber(ms) <= cut or tonumber(offset) <= least or (#found > 0 and size > bytes) then
            return found
          end
          found[#found + 1], found[#found + 2], found[#found + 3] = offset, ms, e[2][2]
          before, most = tonumber(offset), most - 1
        end
        if #page < 64 then return found end
      end
      return found
    end

    """

  /// Whether a connection stands under another incarnation, too: its node has begun a new one.
  static let elsewhere = """
    local function elsewhere(nodes, members, inc, connection)
      local head = string.sub(members, 1, #members - #inc)
      for _, other in ipairs(redis.call('HKEYS', nodes)) do
        if other ~= inc and redis.call('HEXISTS', head .. other, connection) == 1 then
          return true
        end
      end
      return false
    end

    """

  /// Members over all incarnations but one and the dead, which stand in ARGV from a place on.
  static let count = """
    local function count(nodes, but, from)
      local dead, total = {}, 0
      for i = from, #ARGV do dead[ARGV[i]] = true end
      local all = redis.call('HGETALL', nodes)
      for i = 1, #all, 2 do
        if all[i] ~= but and not dead[all[i]] then total = total + tonumber(all[i + 1]) end
      end
      return total
    end

    """
}
