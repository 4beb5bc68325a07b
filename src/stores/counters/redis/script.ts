/**
 * The one script of the Redis store: takes from all rules of a check or from none, or gives back, atomically.
 * It counts exactly as the classes in ../memory do; the contract suite holds both to that. Times are microseconds.
 *
 *     KEYS   one for each rule
 *     ARGV   cost; the time of the take to give back, or ''; then for each rule: algorithm, limit, window, capacity
 *     reply  1 if it passed; the time; then for each rule: remaining, reset, wait
 *
 * Redis' own clock decides, so those of the gateways need not agree (RL-17). Every key gets its time to live in
 * the same step as its value (RL-18). Numbers in arguments of `redis.call` are written with all their digits.
 */
export const takeScript = (time = "redis.call('TIME')"): string => `
local time = ${time}
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local MOST_ENTRIES = 128

-- Tokens are counted in tokens x window: a microsecond refills by the whole number limit.
local bucket = {}

function bucket.open(s)
  local saved = redis.call('HMGET', s.key, 'level', 'at')
  s.full = s.capacity * s.window
  local at = tonumber(saved[2]) or now
  s.at = math.max(at, now)
  s.level = math.min(s.full, (tonumber(saved[1]) or s.full) + (s.at - at) * s.limit)
end

function bucket.remaining(s) return math.floor(s.level / s.window) end
function bucket.spend(s, cost) s.level = s.level - cost * s.window end
function bucket.give_back(s, cost) s.level = math.min(s.full, s.level + cost * s.window) end
function bucket.wait(s, cost) return (cost * s.window - s.level) / s.limit end

function bucket.reset(s)
  if s.level >= s.full then return 0 end
  return bucket.wait(s, bucket.remaining(s) + 1)
end

function bucket.save(s)
  redis.call('HSET', s.key, 'level', s.level, 'at', s.at)
  return s.at - now + (s.full - s.level) / s.limit
end

local fixed = {}

function fixed.open(s)
  local saved = redis.call('HMGET', s.key, 'index', 'used')
  local known = tonumber(saved[1]) or -1
  local index = math.floor(now / s.window)
  s.index = math.max(known, index)
  s.used = known < index and 0 or tonumber(saved[2])
end

function fixed.remaining(s) return s.limit - s.used end
function fixed.spend(s, cost) s.used = s.used + cost end

function fixed.give_back(s, cost, at)
  if math.floor(at / s.window) == s.index then s.used = math.max(0, s.used - cost) end
end

function fixed.wait(s) return (s.index + 1) * s.window - now end
function fixed.reset(s) return s.used == 0 and 0 or fixed.wait(s) end

function fixed.save(s)
  redis.call('HSET', s.key, 'index', s.index, 'used', s.used)
  return s.used == 0 and 0 or fixed.wait(s)
end

-- A log of entries 'time units', numbered from first to last.
local sliding = {}

local function entry(s, i)
  local at, units = string.match(redis.call('HGET', s.key, i), '(%d+) (%d+)')
  return tonumber(at), tonumber(units)
end

local function write(s, i, at, units)
  redis.call('HSET', s.key, i, string.format('%.0f %.0f', at, units))
end

function sliding.open(s)
  local saved = redis.call('HMGET', s.key, 'used', 'first', 'last')
  s.used, s.first, s.last = tonumber(saved[1]) or 0, tonumber(saved[2]) or 1, tonumber(saved[3]) or 0
  s.slot = s.limit <= MOST_ENTRIES and 1 or math.ceil(s.window / (MOST_ENTRIES - 1))
  while s.first <= s.last do
    local at, units = entry(s, s.first)
    if at + s.window > now then break end
    redis.call('HDEL', s.key, s.first)
    s.used, s.first = s.used - units, s.first + 1
  end
end

function sliding.remaining(s) return s.limit - s.used end

function sliding.spend(s, cost)
  if cost == 0 then return end
  s.used = s.used + cost
  if s.first <= s.last then
    local at, units = entry(s, s.last)
    if at >= now or math.floor(at / s.slot) == math.floor(now / s.slot) then
      return write(s, s.last, math.max(at, now), units + cost)
    end
  end
  s.last = s.last + 1
  write(s, s.last, now, cost)
end

-- The oldest entry that ends no sooner is the one that was written to.
function sliding.give_back(s, cost, taken)
  for i = s.first, s.last do
    local at, units = entry(s, i)
    if at >= taken then
      local returned = math.min(cost, units)
      s.used = s.used - returned
      write(s, i, at, units - returned)
      break
    end
  end
end

function sliding.wait(s, cost)
  local used = s.used
  for i = s.first, s.last do
    local at, units = entry(s, i)
    used = used - units
    if used + cost <= s.limit then return at + s.window - now end
  end
  return 0
end

function sliding.reset(s)
  return s.used == 0 and 0 or sliding.wait(s, s.limit - s.used + 1)
end

function sliding.save(s)
  redis.call('HSET', s.key, 'used', s.used, 'first', s.first, 'last', s.last)
  return s.used == 0 and 0 or entry(s, s.last) + s.window - now
end

local algorithms = { ['token-bucket'] = bucket, ['fixed-window'] = fixed, ['sliding-window'] = sliding }
local cost, taken = tonumber(ARGV[1]), tonumber(ARGV[2])
local allowed = 1
local states = {}
for i, key in ipairs(KEYS) do
  local at = 4 * i - 1
  local s = { key = key, algorithm = algorithms[ARGV[at]], limit = tonumber(ARGV[at + 1]),
    window = tonumber(ARGV[at + 2]), capacity = tonumber(ARGV[at + 3]) }
  s.algorithm.open(s)
  if not taken and s.algorithm.remaining(s) < cost then allowed = 0 end
  states[i] = s
end

local reply = { allowed, now }
for i, s in ipairs(states) do
  local algorithm = s.algorithm
  if taken then
    algorithm.give_back(s, cost, taken)
  elseif allowed == 1 then
    algorithm.spend(s, cost)
  end
  local remaining = algorithm.remaining(s)
  local wait = (allowed == 1 or cost <= remaining) and 0 or math.ceil(algorithm.wait(s, cost))
  reply[3 * i] = remaining
  reply[3 * i + 1] = wait == 0 and math.ceil(algorithm.reset(s)) or wait
  reply[3 * i + 2] = wait
  local life = algorithm.save(s)
  if life > 0 then
    redis.call('PEXPIRE', s.key, math.ceil(life / 1000))
  else
    redis.call('DEL', s.key)
  end
end
return reply
`;
