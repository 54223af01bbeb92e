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

  /// Puts messages into a room: rules 1 to 8.
  ///
  /// KEYS: meta, log, keys counter, then one key for each message that has one.
  /// ARGV: era, fresh epoch, channel, messages kept (0: no history), lifetime in ms, bytes kept,
  /// time to live of meta in ms, of keys in ms, keys a window, the time in ms or nothing, head of a
  /// payload without history; then for each message: the number of its key or 0, the hash of its
  /// data, the bytes of its data, its body behind its length.
  /// Returns the epoch, then for each message its offset, or `epoch:offset` when its key was used
  /// before, or -1 when it was used for other data, or -2 when there are too many keys.
  static let publish = RedisScript(
    clock, life, trim,
    """
    local meta, log = KEYS[1], KEYS[2]
    local messages, lifetime, bytes = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
    local now = clock(ARGV[10])
    local h, epoch, offset, total, floor, oldest, renewed
    if messages > 0 then
      h = life(meta, log, ARGV[1], ARGV[2], tonumber(ARGV[7]))
      if not h then return redis.error_reply('ERA superseded') end
      epoch, offset = h[1], h[2]
      local more = redis.call('HMGET', meta, 'total', 'floor', 'oldest', 'renewed')
      total, floor = tonumber(more[1] or '0'), tonumber(more[2] or '0')
      oldest, renewed = tonumber(more[3] or '0'), tonumber(more[4] or '0')
    end
    local result, live, first = {epoch or ''}, {}, nil
    for i = 12, #ARGV, 4 do
      local place, hash, size, body = tonumber(ARGV[i]), ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]
      local known = place > 0 and redis.call('GET', KEYS[place + 3])
      if known then
        if string.sub(known, 1, #hash) == hash then
          result[#result + 1] = string.sub(known, #hash + 2)
        else
          result[#result + 1] = -1
        end
      else
        local allowed = true
        if place > 0 then
          local count = redis.call('INCR', KEYS[3])
          if count == 1 then redis.call('PEXPIRE', KEYS[3], ARGV[8]) end
          allowed = count <= tonumber(ARGV[9])
        end
        if not allowed then
          result[#result + 1] = -2
        else
          if messages > 0 then
            local id = string.format('%.0f-%.0f', offset + 1, now)
            local sum = string.format('%.0f+', total) .. size
            local done = redis.pcall('XADD', log, 'MAXLEN', '~', messages, id, 'm', body, 'c', sum)
            if type(done) == 'table' and done.err then
              if string.find(done.err, 'OOM', 1, true) then
                if #live == 0 then return done end
                result[#result + 1] = -3
                body = nil
              else
                redis.call('DEL', log)
                -- What this call wrote before is part of the new life, whose log begins here.
                epoch, result[1] = ARGV[2], ARGV[2]
                redis.call('HSET', meta, 'epoch', epoch, 'seams', '')
                redis.call('XADD', log, id, 'm', body, 'c', sum)
                floor, oldest = total, now
              end
            end
            if body then
              offset = offset + 1
              total = total + tonumber(size)
              if oldest == 0 then oldest = now end
              first = first or offset
            end
          end
          if body then
            live[#live + 1] = body
            result[#result + 1] = offset or 0
            if place > 0 then
              redis.call('SET', KEYS[place + 3],
                hash .. ':' .. (epoch or '') .. ':' .. string.format('%.0f', offset or 0),
                'PX', ARGV[8])
            end
          end
        end
      end
    end
    if #live == 0 then return result end
    local payload
    if messages > 0 then
      if total - floor > bytes or now - oldest >= lifetime then
        floor, oldest = trim(log, total - bytes, now - lifetime)
      end
      local metaTTL = tonumber(ARGV[7])
      if now - renewed > lifetime / 8 then
        renewed = now
        redis.call('PEXPIRE', log, math.ceil(lifetime * 1.25))
        redis.call('PEXPIRE', meta, metaTTL)
      end
      redis.call('HSET', meta, 'offset', string.format('%.0f', offset),
        'total', string.format('%.0f', total), 'floor', string.format('%.0f', floor),
        'oldest', string.format('%.0f', oldest), 'renewed', string.format('%.0f', renewed))
      payload = 'H' .. epoch .. string.format('%.0f:', first) .. table.concat(live)
    else
      payload = ARGV[11] .. table.concat(live)
    end
    redis.call('PUBLISH', ARGV[3], payload)
    return result
    """)

  /// Puts messages without keys into a room with history: the way of nearly all of them.
  ///
  /// KEYS: meta, log. ARGV: era, fresh epoch, channel, messages kept, lifetime in ms, bytes kept, time
  /// to live of meta in ms, the time in ms or nothing, the bytes of each message's data, then the body of each
  /// behind its length.
  /// Returns `epoch:offset` of the first.
  ///
  /// What is not needed for every message is left out: nodes of the stream are trimmed whole, and
  /// readers look no further back than the newest messages that the room keeps.
  static let append = RedisScript(
    clock, life, trim,
    """
    local meta, log, era, format = KEYS[1], KEYS[2], ARGV[1], string.format
    local h = redis.call('HMGET', meta, 'epoch', 'offset', 'era', 'total', 'floor')
    local epoch, before = h[1], h[2]
    if h[3] ~= era then
      local l = life(meta, log, era, ARGV[2], ARGV[7])
      if not l then return redis.error_reply('ERA superseded') end
      epoch, before = l[1], l[2]
    end
    local now = clock(ARGV[8])
    local tail = format('-%d', now)
    local total, first = tonumber(h[4] or 0), before + 1
    local offset, kept = first - 1, ARGV[4]
    local i = 9
    for size in string.gmatch(ARGV[9], '%d+') do
      i = i + 1
      local body = ARGV[i]
      offset = offset + 1
      local id, sum = format('%d', offset) .. tail, format('%d+', total) .. size
      local done = redis.pcall('XADD', log, 'MAXLEN', '~', kept, id, 'm', body, 'c', sum)
      if type(done) == 'table' then
        if string.find(done.err, 'OOM', 1, true) then return done end
        redis.call('DEL', log)
        epoch = ARGV[2]
        redis.call('HSET', meta, 'epoch', epoch, 'seams', '')
        redis.call('XADD', log, id, 'm', body, 'c', sum)
      end
      total = total + size
    end
    redis.call('HSET', meta, 'offset', format('%d', offset), 'total', format('%d', total))
    local floor = h[5] or 0
    -- Age and lives are looked at every sixteenth message: readers are exact by themselves.
    if total - floor > ARGV[6] + 0 or first % 16 <= #ARGV - 10 or first == 1 then
      local lifetime = ARGV[5] + 0
      local m = redis.call('HMGET', meta, 'oldest', 'renewed')
      local oldest = tonumber(m[1] or now)
      if total - floor > ARGV[6] + 0 or now - oldest >= lifetime then
        floor, oldest = trim(log, total - ARGV[6], now - lifetime)
      end
      redis.call('HSET', meta, 'floor', format('%d', floor), 'oldest', format('%d', oldest))
      if now - (m[2] or 0) > lifetime / 8 then
        redis.call('PEXPIRE', log, math.ceil(lifetime * 1.25))
        redis.call('PEXPIRE', meta, ARGV[7])
        redis.call('HSET', meta, 'renewed', format('%d', now))
      end
    end
    redis.call('PUBLISH', ARGV[3],
      'H' .. epoch .. format('%d:', first) .. table.concat(ARGV, '', 10))
    return epoch .. format(':%d', first)
    """)

  /// Makes a connection a member, and reads what it missed: rule 10.
  ///
  /// KEYS: meta, log, nodes, this incarnation's members. ARGV: era, fresh epoch, channel, messages
  /// kept, lifetime in ms, time to live of meta in ms, the time in ms or nothing, incarnation,
  /// members of this incarnation, connection, member, whether there are events (0 or 1), members up
  /// to which they are told, members allowed (0: any), the epoch and offset of the client's
  /// position (nothing: none), bytes and messages of a page, whether the connection came from
  /// another node (0 or 1); then the incarnations that are not alive. Returns `FULL`, or members,
  /// epoch, offset, seams, pseq (0: nothing was told), entries.
  static let enter = RedisScript(
    clock, life, entries, count,
    """
    local meta, log, nodes, members = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
    local messages, allowed = tonumber(ARGV[4]), tonumber(ARGV[14])
    local total = count(nodes, ARGV[8], 20) + tonumber(ARGV[9])
    -- The connection before may stand elsewhere: both are one member, and the later one has it.
    -- What stands under the dead is in no list, so that who is taken over from there comes anew.
    local before, stands = {}, false
    if ARGV[19] == '1' and ARGV[11] ~= '' then
      local head, dead = string.sub(members, 1, #members - #ARGV[8]), {}
      for i = 20, #ARGV do dead[ARGV[i]] = true end
      for _, other in ipairs(redis.call('HKEYS', nodes)) do
        if redis.call('HEXISTS', head .. other, ARGV[10]) == 1 then
          if not dead[other] then total, stands = total - 1, true end
          if other ~= ARGV[8] then before[#before + 1] = head .. other end
        end
      end
    end
    if allowed > 0 and total > allowed then return 'FULL' end
    local h = {'', 0, ''}
    if messages > 0 then
      h = life(meta, log, ARGV[1], ARGV[2], tonumber(ARGV[6]))
      if not h then return redis.error_reply('ERA superseded') end
    end
    redis.call('HSET', nodes, ARGV[8], ARGV[9])
    local pseq = '0'
    if ARGV[11] ~= '' then
      -- Who stands there already was told of before the link was lost that asked for it first.
      local isNew = redis.call('HSET', members, ARGV[10], ARGV[11]) == 1 and not stands
      for _, key in ipairs(before) do redis.call('HDEL', key, ARGV[10]) end
      if isNew and ARGV[12] == '1' and total - 1 <= tonumber(ARGV[13]) then
        pseq = redis.call('HINCRBY', meta, 'pseq', 1)
        if messages == 0 then redis.call('PEXPIRE', meta, ARGV[6]) end
        redis.call('PUBLISH', ARGV[3], 'J' .. string.format('%.0f:', pseq) .. ARGV[11])
      end
    end
    local found = {}
    if ARGV[15] ~= '' and messages > 0 then
      found = entries(log, math.max(tonumber(ARGV[16]), h[2] - messages),
        clock(ARGV[7]) - tonumber(ARGV[5]), tonumber(ARGV[17]), tonumber(ARGV[18]))
    end
    return {total, h[1], string.format('%.0f', h[2]), h[3], pseq, found}
    """)

  /// Takes connections out of a room: rules 22 and 23.
  ///
  /// KEYS: meta, nodes, this incarnation's members.
  /// ARGV: channel, incarnation, members left of this incarnation, whether there are events, members
  /// up to which there are, time to live of meta, then connection and member of each.
  /// Returns pseq, or 0 when nothing was told, or -1 when nobody was there: they have moved.
  static let leave = RedisScript(
    """
    local meta, nodes, members = KEYS[1], KEYS[2], KEYS[3]
    local gone = {}
    for i = 7, #ARGV, 2 do
      if redis.call('HDEL', members, ARGV[i]) == 1 then gone[#gone + 1] = ARGV[i + 1] end
    end
    if ARGV[3] == '0' then
      redis.call('HDEL', nodes, ARGV[2])
    else
      redis.call('HSET', nodes, ARGV[2], ARGV[3])
    end
    if #gone == 0 then return -1 end
    if ARGV[4] ~= '1' then return 0 end
    local total = 0
    for _, c in ipairs(redis.call('HVALS', nodes)) do total = total + tonumber(c) end
    if total > tonumber(ARGV[5]) then return 0 end
    local pseq = redis.call('HINCRBY', meta, 'pseq', 1)
    redis.call('PEXPIRE', meta, ARGV[6])
    redis.call('PUBLISH', ARGV[1], 'L' .. string.format('%.0f:', pseq) .. table.concat(gone))
    return pseq
    """)

  /// Writes all members of this incarnation anew, after a new lease, lost data or a lost link, and
  /// tells the difference.
  ///
  /// Who came from another node is taken over from there, and so is who stands under an incarnation
  /// that is not alive: what is left there are those who have gone, and lists were without those who
  /// have not, so that everybody is told to read again. Whose later connection stands under another
  /// living incarnation is left to that one.
  ///
  /// KEYS: meta, nodes, this incarnation's members. ARGV: channel, incarnation, members of this
  /// incarnation, whether there are events, members up to which there are, time to live of meta,
  /// how many were accepted here and how many came from other nodes, then connection and member of
  /// each; then the incarnations that are not alive. Returns pseq.
  static let register = RedisScript(
    """
    local meta, nodes, members = KEYS[1], KEYS[2], KEYS[3]
    local old, came, kept, dead, others, isBack = {}, {}, {}, {}, {}, false
    local guests = 9 + 2 * ARGV[7]
    local last = guests + 2 * ARGV[8] - 1
    local head = string.sub(members, 1, #members - #ARGV[2])
    for i = last + 1, #ARGV do dead[ARGV[i]] = true end
    for _, other in ipairs(redis.call('HKEYS', nodes)) do
      if other ~= ARGV[2] then others[#others + 1] = other end
    end
    local before = redis.call('HGETALL', members)
    for i = 1, #before, 2 do old[before[i]] = before[i + 1] end
    for i = 9, last, 2 do
      local isKnown, isTaken = old[ARGV[i]] ~= nil, false
      for _, other in ipairs(others) do
        if i >= guests or dead[other] then
          if redis.call('HDEL', head .. other, ARGV[i]) == 1 then
            isKnown, isBack = true, isBack or dead[other]
          end
        elseif redis.call('HEXISTS', head .. other, ARGV[i]) == 1 then
          isKnown, isTaken = true, true
        end
      end
      old[ARGV[i]] = nil
      if not isKnown then came[#came + 1] = ARGV[i + 1] end
      if not isTaken then
        kept[#kept + 1] = ARGV[i]
        kept[#kept + 1] = ARGV[i + 1]
      end
    end
    redis.call('DEL', members)
    if ARGV[3] == '0' then
      redis.call('HDEL', nodes, ARGV[2])
    else
      redis.call('HSET', nodes, ARGV[2], ARGV[3])
    end
    for i = 1, #kept, 2 do redis.call('HSET', members, kept[i], kept[i + 1]) end
    local total, gone = 0, {}
    for _, c in ipairs(redis.call('HVALS', nodes)) do total = total + tonumber(c) end
    for _, member in pairs(old) do gone[#gone + 1] = member end
    if ARGV[4] == '1' and total <= tonumber(ARGV[5]) then
      if isBack then
        -- Lists left them out for a while: a number is left out, too, and everybody reads again.
        local pseq = redis.call('HINCRBY', meta, 'pseq', 2)
        redis.call('PUBLISH', ARGV[1], 'L' .. string.format('%.0f:', pseq))
      end
      if #gone > 0 then
        local pseq = redis.call('HINCRBY', meta, 'pseq', 1)
        redis.call('PUBLISH', ARGV[1], 'L' .. string.format('%.0f:', pseq) .. table.concat(gone))
      end
      for _, member in ipairs(came) do
        local pseq = redis.call('HINCRBY', meta, 'pseq', 1)
        redis.call('PUBLISH', ARGV[1], 'J' .. string.format('%.0f:', pseq) .. member)
      end
      redis.call('PEXPIRE', meta, ARGV[6])
    end
    return redis.call('HGET', meta, 'pseq') or '0'
    """)

  /// Removes what a dead incarnation left in a room; the one that finds it tells of it: rule 22.
  ///
  /// KEYS: meta, nodes, the dead incarnation's members. ARGV: channel, incarnation, members up to
  /// which there are events. Returns how many members went.
  static let reap = RedisScript(
    elsewhere,
    """
    local first = redis.call('HDEL', KEYS[2], ARGV[2])
    local gone = {}
    local all = redis.call('HGETALL', KEYS[3])
    for i = 1, #all, 2 do
      if not elsewhere(KEYS[2], KEYS[3], ARGV[2], all[i]) then gone[#gone + 1] = all[i + 1] end
    end
    redis.call('DEL', KEYS[3])
    if first == 0 or #gone == 0 then return 0 end
    local total = #gone
    for _, c in ipairs(redis.call('HVALS', KEYS[2])) do total = total + tonumber(c) end
    local pseq = redis.call('HINCRBY', KEYS[1], 'pseq', 1)
    if total <= tonumber(ARGV[3]) then
      redis.call('PUBLISH', ARGV[1], 'L' .. string.format('%.0f:', pseq) .. table.concat(gone))
    else
      redis.call('PUBLISH', ARGV[1], 'C' .. string.format('%.0f', total - #gone))
    end
    return #gone
    """)

  /// Tells a room's size to its members.
  ///
  /// KEYS: nodes. ARGV: channel, then the incarnations that are not alive. Returns the size.
  static let tellCount = RedisScript(
    count,
    """
    local total = count(KEYS[1], '', 2)
    redis.call('PUBLISH', ARGV[1], 'C' .. string.format('%.0f', total))
    return total
    """)

  /// Reads a room's log.
  ///
  /// KEYS: meta, log, nodes. ARGV: lifetime in ms, the time in ms or nothing, offset after which to
  /// read (backwards: before which), bytes and messages of a page, whether backwards, era (nothing:
  /// only look), fresh epoch, time to live of meta, messages kept, then the incarnations that are not
  /// alive.
  /// Returns epoch (nothing: there is no log), offset, seams, pseq, members, entries.
  static let read = RedisScript(
    clock, life, entries, count,
    """
    local meta, log = KEYS[1], KEYS[2]
    if ARGV[7] ~= '' and not life(meta, log, ARGV[7], ARGV[8], tonumber(ARGV[9])) then
      return redis.error_reply('ERA superseded')
    end
    local h = redis.call('HMGET', meta, 'epoch', 'offset', 'seams', 'pseq')
    local found = {}
    if h[1] and tonumber(ARGV[5]) > 0 then
      local cut = clock(ARGV[2]) - tonumber(ARGV[1])
      local least = h[2] - ARGV[10]
      if ARGV[6] == '1' then
        found = backwards(log, tonumber(ARGV[3]), least, cut, tonumber(ARGV[4]), tonumber(ARGV[5]))
      else
        found = entries(log, math.max(tonumber(ARGV[3]), least), cut, tonumber(ARGV[4]),
          tonumber(ARGV[5]))
      end
    end
    return {h[1] or '', h[2] or '0', h[3] or '', h[4] or '0', count(KEYS[3], '', 11), found}
    """)

  /// Compares positions: rule 14.
  ///
  /// Renews the lives of what members look at.
  ///
  /// KEYS: meta, log, meta, log … ARGV: for each pair the lifetime of the log and that of meta in ms.
  /// Returns epoch, offset, pseq of each, flat.
  static let compare = RedisScript(
    """
    local result = {}
    for i = 1, #KEYS, 2 do
      local h = redis.call('HMGET', KEYS[i], 'epoch', 'offset', 'pseq')
      result[#result + 1] = h[1] or ''
      result[#result + 1] = h[2] or '0'
      result[#result + 1] = h[3] or '0'
      if h[1] then redis.call('PEXPIRE', KEYS[i], ARGV[i + 1]) end
    end
    return result
    """)

  /// Lists members over incarnations, a page at a time.
  ///
  /// KEYS: nodes. ARGV: what the members' keys begin with, the cursor, members of a page, then the
  /// incarnations that are not alive. The cursor counts incarnations above 2^40 and the members' own
  /// cursor below. Returns the next cursor ('0': none) and the members.
  static let presence = RedisScript(
    """
    local dead = {}
    for i = 4, #ARGV do dead[ARGV[i]] = true end
    local all = {}
    for _, inc in ipairs(redis.call('HKEYS', KEYS[1])) do
      if not dead[inc] then all[#all + 1] = inc end
    end
    table.sort(all)
    local cursor, limit, found = tonumber(ARGV[2]), tonumber(ARGV[3]), {}
    local place = math.floor(cursor / 1099511627776)
    local inner = cursor - place * 1099511627776
    while place < #all do
      repeat
        local page = redis.call('HSCAN', ARGV[1] .. all[place + 1], string.format('%.0f', inner),
          'COUNT', limit)
        inner = tonumber(page[1])
        for i = 2, #page[2], 2 do found[#found + 1] = page[2][i] end
        if #found >= limit and inner ~= 0 then
          return {string.format('%.0f', place * 1099511627776 + inner), found}
        end
      until inner == 0
      place = place + 1
      if #found >= limit and place < #all then
        return {string.format('%.0f', place * 1099511627776), found}
      end
    end
    return {'0', found}
    """)

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

  /// All scripts, for loading.
  static let all = [
    append, publish, enter, leave, register, reap, tellCount, read, compare, presence, probe,
    revoke, countConnections,
  ]

  // MARK: Parts

  private static let clock = """
    local function clock(given)
      if given ~= '' then return tonumber(given) end
      local t = redis.call('TIME')
      return t[1] * 1000 + math.floor(t[2] / 1000)
    end

    """

  /// The room's life under this era: rule 3.
  ///
  /// Nil when the era is an earlier one than the room's.
  private static let life = """
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
  private static let trim = """
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
  private static let entries = """
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
  private static let elsewhere = """
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
  private static let count = """
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
