/**
 * Webhooks that came already, in Redis (2.6.12 or later, Valkey, and what speaks the same
 * commands), for several instances of a service.
 */
import type { RedisSend } from './redis-commands.ts'
import type { ReplayState, ReplayStore } from './replay-store.ts'

/** Keys of other programs in the same database are left alone. */
export const REPLAY_KEY_PREFIX = 'lockgate:webhook:'

/** One script, which Redis runs without anything in between; it touches one key. */
const TAKE = `local kept = redis.call('GET', KEYS[1])
if kept then return kept end
redis.call('SET', KEYS[1], 'taken', 'PX', ARGV[1])
return 'new'`

export class RedisReplayStore implements ReplayStore {
  readonly #send: RedisSend
  readonly #prefix: string

  /** @param send sends one command; `redis-commands` has it for the usual clients. */
  constructor(send: RedisSend, prefix: string = REPLAY_KEY_PREFIX) {
    this.#send = send
    this.#prefix = prefix
  }

  async take(key: string, ttlMs: number): Promise<ReplayState> {
    const command = ['EVAL', TAKE, '1', this.#prefix + key, String(Math.ceil(ttlMs))]
    const answer = await this.#send(command)
    if (answer === 'new' || answer === 'taken' || answer === 'done') return answer
    throw new TypeError('Redis answered EVAL with no state of a webhook.')
  }

  async finish(key: string, ttlMs: number): Promise<void> {
    const life = ['PX', String(Math.ceil(ttlMs))]
    await this.#send(['SET', this.#prefix + key, 'done', ...life])
  }

  async release(key: string): Promise<void> {
    await this.#send(['DEL', this.#prefix + key])
  }
}
