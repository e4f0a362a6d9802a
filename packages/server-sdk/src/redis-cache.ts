/**
 * A cache in Redis (2.6.12 or later, Valkey, and what speaks the same commands), shared by all
 * instances of a service. Comparing and setting is one Lua script, which Redis runs without
 * anything in between; it touches one key, so it runs on a cluster as well.
 */
import type { RedisSend } from './redis-commands.ts'
import type { CacheChange, TokenCache } from './token-cache.ts'

/** Keys of other programs in the same database are left alone. */
export const REDIS_KEY_PREFIX = 'lockgate:'

/** Arguments: 1 or 0 whether something is expected, that, the value (empty: remove), ms to live. */
const COMPARE_AND_SET = `local kept = redis.call('GET', KEYS[1])
if ARGV[1] == '1' then
  if kept ~= ARGV[2] then return 0 end
elseif kept then
  return 0
end
if ARGV[3] == '' then redis.call('DEL', KEYS[1])
else redis.call('SET', KEYS[1], ARGV[3], 'PX', ARGV[4]) end
return 1`

export class RedisCache implements TokenCache {
  readonly #send: RedisSend
  readonly #prefix: string

  /** @param send sends one command; `redis-commands` has it for the usual clients. */
  constructor(send: RedisSend, prefix: string = REDIS_KEY_PREFIX) {
    this.#send = send
    this.#prefix = prefix
  }

  async get(key: string): Promise<string | undefined> {
    const answer = await this.#send(['GET', this.#prefix + key])
    if (answer === null) return undefined
    if (typeof answer !== 'string') throw new TypeError('Redis answered GET with no text.')
    return answer
  }

  async compareAndSet(key: string, { expected, value, ttlMs }: CacheChange): Promise<boolean> {
    const wanted = expected === undefined ? ['0', ''] : ['1', expected]
    const change = [value ?? '', String(Math.ceil(ttlMs))]
    const script = ['EVAL', COMPARE_AND_SET, '1', this.#prefix + key]
    const answer = await this.#send([...script, ...wanted, ...change])
    if (answer !== 0 && answer !== 1) throw new TypeError('Redis answered EVAL with no number.')
    return answer === 1
  }
}
