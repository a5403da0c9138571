/**
 * The keys of a lease share a hash slot. The token has no end of its own: it must survive the lease.
 */
export function redisKeys(key: string): { lease: string; token: string; since: string; until: string } {
  const prefix = `leader:{${key}}`
  return {
    lease: `${prefix}:current`,
    token: `${prefix}:token`,
    since: `${prefix}:candidates`,
    until: `${prefix}:candidates:until`,
  }
}

/** KEYS: lease, token. ARGV: holder, leaseMs, after. Returns the token, or false. */
export const acquireScript = `
  if redis.call('exists', KEYS[1]) == 1 then return false end
  local last = tonumber(redis.call('get', KEYS[2]) or '0')
  local token = math.max(last, tonumber(ARGV[3])) + 1
  redis.call('set', KEYS[2], string.format('%.0f', token))
  redis.call('hset', KEYS[1], 'holder', ARGV[1], 'token', string.format('%.0f', token))
  redis.call('pexpire', KEYS[1], ARGV[2])
  return token`

const ownerCheck = `
  local held = redis.call('hmget', KEYS[1], 'holder', 'token')
  if held[1] ~= ARGV[1] or held[2] ~= ARGV[2] then return 0 end`

/** KEYS: lease. ARGV: holder, token, leaseMs. Returns 1 or 0. */
export const renewScript = `${ownerCheck}
  return redis.call('pexpire', KEYS[1], ARGV[3])`

/** KEYS: lease. ARGV: holder, token. Returns 1 or 0. */
export const releaseScript = `${ownerCheck}
  return redis.call('del', KEYS[1])`

/** KEYS: since, until. ARGV: holder, ttlMs. Returns the live candidates, the oldest first. */
export const announceScript = `
  local time = redis.call('time')
  local now = time[1] * 1000000 + time[2]
  for _, gone in ipairs(redis.call('zrangebyscore', KEYS[2], '-inf', now)) do
    redis.call('zrem', KEYS[1], gone)
    redis.call('zrem', KEYS[2], gone)
  end
  redis.call('zadd', KEYS[1], 'NX', now, ARGV[1])
  redis.call('zadd', KEYS[2], now + ARGV[2] * 1000, ARGV[1])
  return redis.call('zrange', KEYS[1], 0, -1)`

/** KEYS: since, until. ARGV: holder. */
export const withdrawScript = `
  redis.call('zrem', KEYS[1], ARGV[1])
  return redis.call('zrem', KEYS[2], ARGV[1])`
