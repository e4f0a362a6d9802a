/**
 * Sends a Redis command through the client a service has already. The clients are known by their
 * shape, so none of them is a dependency.
 */
import { parseJsonObject } from '@lockgate/protocol/bytes'
import { readBoundedText } from './bounded-text.ts'
import { checkedUrl } from './endpoint-url.ts'
import { type System, SYSTEM } from './system.ts'

/**
 * @param command name and arguments.
 * @returns text, a whole number, or null.
 * @throws when there is no answer, or it is an error.
 */
export type RedisSend = (command: readonly string[]) => Promise<unknown>

/** `redis` and `@redis/client`, 4 or later; not their cluster client. */
export interface NodeRedisClient {
  sendCommand(command: string[]): Promise<unknown>
}

/** `ioredis`, its cluster client included. */
export interface IoredisClient {
  call(command: string, args: string[]): Promise<unknown>
}

/** The REST interface of Upstash, and of programs that offer the same in front of Redis. */
export interface RestRedis {
  readonly url: string
  /** Goes into the Authorization header. */
  readonly token: string
  /** Lets the token travel to another machine without TLS. */
  readonly dangerousPlainHttp?: boolean
  /** Absent: the platform's. */
  readonly fetch?: System['fetch']
}

const REST_ANSWER_BYTES_MAX = 256 * 1024
const REST_MS_MAX = 5_000
const REST_DEPTH_MAX = 4

export function nodeRedis(client: NodeRedisClient): RedisSend {
  return (command) => client.sendCommand([...command])
}

export function ioredis(client: IoredisClient): RedisSend {
  return ([name = '', ...args]) => client.call(name, args)
}

/** @throws TypeError for an address that the token must not be sent to. */
export function restRedis(options: RestRedis): RedisSend {
  const { token, fetch = SYSTEM.fetch, dangerousPlainHttp = false } = options
  const url = checkedUrl(options.url, dangerousPlainHttp).href
  return async (command) => {
    const response = await fetch(url, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify(command),
      redirect: 'manual', // the token goes to the address that was named and to no other
      signal: SYSTEM.deadline(REST_MS_MAX),
    })
    const text = await readBoundedText(response.body, REST_ANSWER_BYTES_MAX)
    const answer = response.ok
      ? parseJsonObject(text.ok ? text.value : '', REST_DEPTH_MAX)
      : undefined
    if (answer?.['result'] === undefined) {
      throw new Error(`The REST interface of Redis answered ${response.status} with no result.`)
    }
    return answer['result']
  }
}
