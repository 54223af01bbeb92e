// Scripts for a room's messages: their numbers, their log, and where it ends.

extension RedisScript {
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
}
