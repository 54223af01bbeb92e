// Scripts for who is in a room: coming, going, taking the place of those who died, and lists.

extension RedisScript {
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
}
