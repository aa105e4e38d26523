#include "gateway/cache/shared_scripts.h"

namespace fairlead::gateway::cache {

// A token has 17 letters, so a stamp 71. Tokens have no end, so volatile-lru leaves them alone; where one is lost all
// the same, so are its answers.

const shared::Script kGet(R"(
local tokens = redis.call('HMGET', ARGV[1], ARGV[4], ARGV[5], ARGV[6], ARGV[7])
for i = 1, 4 do
  if not tokens[i] then
    tokens[i] = ARGV[2] .. i
    redis.call('HSET', ARGV[1], ARGV[3 + i], tokens[i])
  end
end
local stamp = table.concat(tokens, ' ')
if ARGV[3] == '' then return {stamp} end
local there = redis.call('GET', ARGV[3])
if not there then return {stamp} end
if string.sub(there, 1, #stamp) ~= stamp then
  -- What was cleared has a stamp of the same form, and is no fault.
  if string.find(there, '^%x+ %x+ %x+ %x+') then return {stamp} end
  return {stamp, 0, there}
end
return {stamp, redis.call('PTTL', ARGV[3]), string.sub(there, #stamp + 1)}
)");

const shared::Script kPut(R"(
local tokens = redis.call('HMGET', ARGV[1], ARGV[6], ARGV[7], ARGV[8], ARGV[9])
for i = 1, 4 do
  if not tokens[i] then return 0 end
end
if table.concat(tokens, ' ') ~= ARGV[2] then return 0 end
redis.call('SET', ARGV[3], ARGV[2] .. ARGV[5], 'PX', ARGV[4])
return 1
)");

const shared::Script kClear(R"(
local before = redis.call('HGET', ARGV[1], ARGV[3]) or ''
redis.call('HSET', ARGV[1], ARGV[3], ARGV[2] .. 0)
redis.call('XADD', ARGV[4], 'MAXLEN', '~', 1000, '*', 'node', ARGV[5], 'project', ARGV[6], 'prompt', ARGV[7], 'model', ARGV[8])
return before
)");

const shared::Script kSweep(R"(
local page = redis.call('SCAN', ARGV[1], 'MATCH', ARGV[2], 'COUNT', 500, 'TYPE', 'string')
local removed = 0
for _, key in ipairs(page[2]) do
  if string.find(redis.call('GETRANGE', key, 0, 70), ARGV[3], 1, true) then
    removed = removed + redis.call('UNLINK', key)
  end
end
return {page[1], removed}
)");

const shared::Script kCleared(R"(
local last = ARGV[2]
if last == '' or #redis.call('XRANGE', ARGV[1], last, last) == 0 then
  local newest = redis.call('XREVRANGE', ARGV[1], '+', '-', 'COUNT', 1)
  if newest[1] then return {'lost', newest[1][1]} end
  return {'lost', redis.call('XADD', ARGV[1], '*', 'node', 'none', 'project', '', 'prompt', '', 'model', '')}
end
local out = {}
for _, one in ipairs(redis.call('XRANGE', ARGV[1], '(' .. last, '+')) do
  last = one[1]
  out[#out + 1] = {one[2][2], one[2][4], one[2][6], one[2][8]}
end
return {'', out, last}
)");

}  // namespace fairlead::gateway::cache
