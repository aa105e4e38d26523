#include "budgets/internal/scripts.h"

namespace fairlead::budgets::internal {
namespace {

constexpr const char* kCommon = R"lua(
local P = 'fairlead:budgets:'
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local KEPT = 86400 * 1000000  -- longer than any call takes
local DONE = 'done'

local function get(key)
  local packed = redis.call('GET', P .. 'a:' .. key)
  return packed and cmsgpack.unpack(packed) or nil
end
local function put(key, meter)
  local kept = math.max((meter.e or meter.f or now) - now, 0) + KEPT
  redis.call('PSETEX', P .. 'a:' .. key, string.format('%.0f', kept / 1000), cmsgpack.pack(meter))
end
local function limit_at(at)
  return {key = ARGV[at], kind = ARGV[at + 1], is_request = ARGV[at + 2] == '1', period = ARGV[at + 3],
          ends = tonumber(ARGV[at + 4]), amount = tonumber(ARGV[at + 5]), limit = tonumber(ARGV[at + 6]),
          refill = tonumber(ARGV[at + 7])}
end
local function time_for(one, amount)
  return math.ceil(amount * one.refill / one.limit)
end

-- The meter as the limit sees it now: a window that is over is followed by the limit's.
local function meter_of(one)
  local m = get(one.key)
  if one.kind == 'c' then return m or {g = 'c', r = 0} end
  if one.kind == 'b' then
    if m and m.g == 'b' then return m end
    local used = 0
    if m and now < m.e then used = math.min(m.s + m.r, one.limit) end
    return {g = 'b', p = one.period, f = now + time_for(one, used), r = 0}
  end
  if m and m.g == 'b' then return {g = one.ends, p = one.period, e = one.ends, s = m.r, r = 0} end
  if not m or now >= m.e then return {g = one.ends, p = one.period, e = one.ends, s = 0, r = 0} end
  if m.p ~= one.period then
    if m.p ~= '' then m.e = one.ends end
    m.p = one.period
  end
  return m
end
-- `m` has spent `amount` of a limit; less than nothing: it gets it back.
local function spend(m, one, amount)
  if m.g == 'b' then
    m.f = math.max(m.f, now) + time_for(one, amount)
  elseif m.g ~= 'c' then
    m.s = math.max(m.s + amount, 0)
  end
end
local function kept_of(one, m)
  return {one.key, m.g, one.amount, one.limit, one.refill}
end
local function settle(kept, truth)
  if not kept then return end
  local m = get(kept[1])
  if not m or m.g ~= kept[2] then return end
  m.r = math.max(m.r - kept[3], 0)
  if truth ~= 0 then spend(m, {limit = kept[4], refill = kept[5]}, truth) end
  put(kept[1], m)
end
-- `kept` was spent when its member was dead; it has come to `more` than that.
local function correct(kept, more, reserve)
  if not kept then return end
  local m = get(kept[1])
  if not m or m.g ~= kept[2] then return end
  spend(m, {limit = kept[4], refill = kept[5]}, more)
  m.r = m.r + reserve
  put(kept[1], m)
end
local function limits_of(kept)
  return kept and kept ~= DONE and cmsgpack.unpack(kept) or {}
end
local function spent_and_end(m, one)
  if m.g == 'b' then return math.ceil(math.max(m.f - now, 0) * one.limit / one.refill), m.f end
  return m.s or 0, m.e or 0
end
-- What a dead member had set aside is spent, once: it is kept under another name, so that one that was only cut off corrects it.
local function bury(dead)
  local all = redis.call('HGETALL', P .. 'r:' .. dead)
  for i = 1, #all, 2 do
    for _, one in ipairs(limits_of(all[i + 1])) do
      if one then settle(one, one[3]) end
    end
    redis.call('HSET', P .. 'x:' .. dead, all[i], all[i + 1])
  end
  redis.call('PEXPIRE', P .. 'x:' .. dead, 86400000)
  redis.call('DEL', P .. 'r:' .. dead)
  redis.call('HDEL', P .. 'gen', dead)
  redis.call('HDEL', P .. 'seq', dead)
  redis.call('ZREM', P .. 'members', dead)
end
local function wait()
  return math.max((tonumber(redis.call('HGET', P .. 'meta', 'open')) or 0) - now, 0)
end
)lua";

}  // namespace

const shared::Script kJoin(std::string(kCommon) + R"lua(
local member, run = ARGV[1], ARGV[3]
local epoch = redis.call('HGET', P .. 'meta', 'epoch')
if not epoch or redis.call('HGET', P .. 'meta', 'run') ~= run then
  epoch = run .. string.format('.%.0f', now)
  redis.call('HSET', P .. 'meta', 'epoch', epoch, 'run', run, 'open', string.format('%.0f', now + ARGV[4]))
end
redis.call('HSET', P .. 'gen', member, ARGV[2])
redis.call('ZADD', P .. 'members', string.format('%.0f', now + ARGV[5]), member)
local listed, at = {}, 7
for _ = 1, tonumber(ARGV[6]) do
  local id, count = ARGV[at], tonumber(ARGV[at + 1])
  listed[id] = true
  at = at + 2
  if redis.call('HEXISTS', P .. 'r:' .. member, id) == 0 then
    local kept = redis.call('HGET', P .. 'x:' .. member, id)
    if kept then
      for _, one in ipairs(limits_of(kept)) do
        if one then correct(one, -one[3], one[3]) end
      end
      redis.call('HDEL', P .. 'x:' .. member, id)
    else
      local all = {}
      for i = 1, count do
        local one = limit_at(at + (i - 1) * 8)
        all[i] = false
        if one.kind ~= 'w' or one.ends > now then
          local m = meter_of(one)
          if one.kind ~= 'w' or m.e == one.ends then
            m.r = m.r + one.amount
            put(one.key, m)
            all[i] = kept_of(one, m)
          end
        end
      end
      kept = cmsgpack.pack(all)
    end
    redis.call('HSET', P .. 'r:' .. member, id, kept)
  end
  at = at + count * 8
end
for _, id in ipairs(redis.call('HKEYS', P .. 'r:' .. member)) do
  if not listed[id] then
    for _, one in ipairs(limits_of(redis.call('HGET', P .. 'r:' .. member, id))) do settle(one, 0) end
    redis.call('HDEL', P .. 'r:' .. member, id)
  end
end
for _, id in ipairs(redis.call('HKEYS', P .. 'x:' .. member)) do
  if not listed[id] then
    for _, one in ipairs(limits_of(redis.call('HGET', P .. 'x:' .. member, id))) do
      if one then correct(one, -one[3], 0) end
    end
    redis.call('HDEL', P .. 'x:' .. member, id)
  end
end
return {now, epoch, wait()}
)lua");

const shared::Script kBeat(std::string(kCommon) + R"lua(
if redis.call('HGET', P .. 'gen', ARGV[1]) ~= ARGV[2] then return {0, now, 0} end
redis.call('ZADD', P .. 'members', string.format('%.0f', now + ARGV[3]), ARGV[1])
for i = 4, #ARGV do redis.call('HDEL', P .. 'r:' .. ARGV[1], ARGV[i]) end
for _, dead in ipairs(redis.call('ZRANGEBYSCORE', P .. 'members', '-inf', string.format('%.0f', now), 'LIMIT', 0, 8)) do
  bury(dead)
end
return {1, now, wait()}
)lua");

const shared::Script kBury(std::string(kCommon) + R"lua(
local buried = 0
for _, member in ipairs(redis.call('ZRANGE', P .. 'members', 0, -1)) do
  if string.sub(member, 1, #ARGV[1]) == ARGV[1] then
    bury(member)
    buried = buried + 1
  end
end
return buried
)lua");

const shared::Script kTake(std::string(kCommon) + R"lua(
local member, id, before = ARGV[1], ARGV[3], ARGV[4]
if redis.call('HGET', P .. 'gen', member) ~= ARGV[2] or redis.call('EXISTS', P .. 'meta') == 0 then return {-1} end
if wait() > 0 then return {-2, wait()} end
local count = tonumber(ARGV[6])
local limits, meters = {}, {}
for i = 1, count do
  local one = limit_at(7 + (i - 1) * 8)
  if one.kind == 'w' and one.ends <= now then return {-3, now} end
  local m = meter_of(one)
  limits[i], meters[i] = one, m
  if one.amount > 0 then
    if m.g == 'b' then
      local with_it = math.max(m.f - now, 0) + time_for(one, m.r + one.amount)
      if with_it > one.refill then
        local spent, full = spent_and_end(m, one)
        return {0, now, i - 1, spent, m.r, full, one.amount > one.limit and 0 or with_it - one.refill}
      end
    elseif (m.s or 0) + m.r + one.amount > one.limit then
      return {0, now, i - 1, m.s or 0, m.r, m.e or 0, 0}
    end
  end
end
local kept, is_kept, reply = {}, false, {1, now}
for i, one in ipairs(limits) do
  local m = meters[i]
  kept[i] = false
  if one.is_request and ARGV[5] == '1' then
    spend(m, one, one.amount)
  else
    m.r = m.r + one.amount
    kept[i] = kept_of(one, m)
    is_kept = true
  end
  put(one.key, m)
  reply[#reply + 1], reply[#reply + 2] = spent_and_end(m, one)
end
if is_kept then redis.call('HSET', P .. 'r:' .. member, id, cmsgpack.pack(kept)) end
if before ~= '' then
  local all = limits_of(redis.call('HGET', P .. 'r:' .. member, before))
  if #all > 0 then
    for i, one in ipairs(all) do
      if one and string.sub(one[1], 17, 19) == ':0:' then
        settle(one, one[3])
        all[i] = false
        local m = get(one[1])
        local spent, ends = 0, 0
        if m and m.g == one[2] then spent, ends = spent_and_end(m, {limit = one[4], refill = one[5]}) end
        reply[#reply + 1], reply[#reply + 2] = spent, ends
      end
    end
    redis.call('HSET', P .. 'r:' .. member, before, cmsgpack.pack(all))
  end
end
return reply
)lua");

const shared::Script kSettle(std::string(kCommon) + R"lua(
local member, id, reply = ARGV[1], ARGV[2], {}
local kept = limits_of(redis.call('HGET', P .. 'r:' .. member, id))
if #kept > 0 then
  for i = 3, #ARGV, 2 do
    local one = kept[ARGV[i] + 1]
    settle(one, tonumber(ARGV[i + 1]))
    local m = one and get(one[1])
    reply[i - 2], reply[i - 1] = 0, 0
    if m and m.g == one[2] then reply[i - 2], reply[i - 1] = spent_and_end(m, {limit = one[4], refill = one[5]}) end
  end
  redis.call('HSET', P .. 'r:' .. member, id, DONE)
  return reply
end
kept = limits_of(redis.call('HGET', P .. 'x:' .. member, id))
for i = 3, #ARGV, 2 do
  local one = kept[ARGV[i] + 1]
  if one then correct(one, ARGV[i + 1] - one[3], 0) end
end
redis.call('HDEL', P .. 'x:' .. member, id)
return reply
)lua");

const shared::Script kAdd(std::string(kCommon) + R"lua(
local member, batch = ARGV[1], tonumber(ARGV[2])
local is_new = batch > (tonumber(redis.call('HGET', P .. 'seq', member)) or 0)
redis.call('HSET', P .. 'seq', member, ARGV[2])
local reply = {}
for i = 1, tonumber(ARGV[3]) do
  local one = limit_at(4 + (i - 1) * 8)
  local spent, ends = 0, 0
  if one.kind ~= 'w' or one.ends > now then
    local m = meter_of(one)
    if is_new then
      spend(m, one, one.amount)
      put(one.key, m)
    end
    spent, ends = spent_and_end(m, one)
  end
  reply[#reply + 1], reply[#reply + 2] = spent, ends
end
return reply
)lua");

const shared::Script kSeed(std::string(kCommon) + R"lua(
for i = 1, tonumber(ARGV[1]) do
  local at = 2 + (i - 1) * 4
  local key, kind, ends, spent = ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
  local m = get(key)
  if ends > now then
    if kind == 'b' then
      if not m then m = {g = 'b', p = '', f = ends, r = 0} end
      if m.g == 'b' then m.f = math.max(m.f, ends) end
      put(key, m)
    elseif not m or (m.e and now >= m.e) then
      put(key, {g = ends, p = '', e = ends, s = spent, r = 0})
    elseif m.e then
      m.s = math.max(m.s, spent)
      put(key, m)
    end
  end
end
return 1
)lua");

}  // namespace fairlead::budgets::internal
