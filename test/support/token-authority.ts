/**
 * A token endpoint in memory, by the contract of the real one, with a clock that is moved and a
 * network that fails on demand: what the keeper of tokens is tested against. Refresh tokens rotate,
 * a used one gives the same successor inside the leeway and ends its family after it.
 */
import { setImmediate } from 'node:timers/promises'
import type { System } from '../../packages/server-sdk/src/system.ts'

export const TOKEN_URL = 'https://lockgate.example/connect/token'
export const ISSUER = 'https://lockgate.example/tenant-1'
export const CLIENT_ID = 'prod:client 1'
export const LIFE_SECONDS = 900
const LEEWAY_MS = 10_000

interface Family {
  readonly secret: string
  isEnded: boolean
  current: string
  previous: string | undefined
  usedAtMs: number
}

export interface Seen {
  readonly grant: string
  readonly secret: string | undefined
  readonly refreshToken: string | undefined
  readonly headers: Headers
  readonly atMs: number
}

/** What the network does with one request: answers for the server, or fails. */
export type Event = Response | Error | 'hang' | 'lose the reply'

export class TokenAuthority {
  nowMs = Date.UTC(2026, 0, 1)
  /** Accepted, newest first. */
  secrets: string[] = ['secret-one']
  denied: string | undefined
  givesRefreshTokens = true
  readonly seen: Seen[] = []
  readonly families: Family[] = []
  /** Consumed by the next requests, in order. */
  readonly events: Event[] = []
  /** Awaited before a request reaches the server. */
  gate: Promise<void> | undefined
  readonly pauses: number[] = []
  /** True: a pause ends when the test moves the clock, as it must where many wait at once. */
  isTimeShared = false
  readonly #issued = new Map<string, number>()
  readonly #sleepers = new Map<() => void, number>()
  readonly #deadlines = new Map<AbortController, number>()
  #count = 0

  /** @param random fixed, so that every point in time is exact. */
  system(random = 0.5): System {
    return {
      fetch: (url, init) => this.#fetch(url, init),
      now: () => this.nowMs,
      random: () => random,
      pause: async (ms) => {
        this.pauses.push(ms)
        if (this.isTimeShared) return this.#wake(this.nowMs + ms)
        this.advance(ms)
        await turn()
      },
      deadline: (ms) => {
        const controller = new AbortController()
        this.#deadlines.set(controller, this.nowMs + ms)
        return controller.signal
      },
    }
  }

  advance(ms: number): void {
    this.nowMs += ms
    for (const [wake, atMs] of this.#sleepers) {
      if (this.nowMs < atMs) continue
      this.#sleepers.delete(wake)
      wake()
    }
    for (const [controller, atMs] of this.#deadlines) {
      if (this.nowMs < atMs) continue
      this.#deadlines.delete(controller)
      controller.abort()
    }
  }

  /** Ends a secret and the families that began with it, as a rotation without overlap does. */
  rotate(secret: string): void {
    for (const family of this.families) family.isEnded = true
    this.secrets = [secret]
  }

  /** Whether a server would take an access token now. */
  isValid(accessToken: string): boolean {
    return this.nowMs < (this.#issued.get(accessToken) ?? 0)
  }

  grants(): string[] {
    return this.seen.map(({ grant }) => grant)
  }

  #wake(atMs: number): Promise<void> {
    return new Promise((resolve) => this.#sleepers.set(resolve, atMs))
  }

  async #fetch(url: string, init: RequestInit): Promise<Response> {
    await this.gate
    const event = this.events.shift()
    if (event instanceof Error) throw event
    if (event instanceof Response) return event
    if (event === 'hang') {
      await hang(init, () => this.advance(1_000))
      throw new DOMException('The operation timed out.', 'TimeoutError')
    }
    const response = await this.#answer(new Request(url, init))
    if (event === 'lose the reply') throw new TypeError('fetch failed')
    return response
  }

  async #answer(request: Request): Promise<Response> {
    if (request.url === `${ISSUER}/.well-known/openid-configuration`) {
      return Response.json({ issuer: ISSUER, token_endpoint: TOKEN_URL })
    }
    if (request.url !== TOKEN_URL || request.method !== 'POST') return refusal(404, 'not_found')
    const form = new URLSearchParams(await request.text())
    const secret = basicSecret(request.headers.get('authorization'))
    const refreshToken = form.get('refresh_token') ?? undefined
    const grant = form.get('grant_type') ?? ''
    this.seen.push({ grant, secret, refreshToken, headers: request.headers, atMs: this.nowMs })
    if (grant === 'refresh_token') return this.#refresh(form)
    if (secret === undefined || !this.secrets.includes(secret))
      return refusal(401, 'invalid_client')
    if (this.denied !== undefined) return refusal(403, this.denied)
    if (form.get('scope') !== 'WireSocket.API offline_access') return refusal(400, 'invalid_scope')
    const family = { secret, isEnded: false, current: '', previous: undefined, usedAtMs: 0 }
    this.families.push(family)
    return this.#give(family)
  }

  #refresh(form: URLSearchParams): Response {
    const token = form.get('refresh_token')
    const family = this.families.find(({ current, previous }) =>
      [current, previous].some((each) => each === token),
    )
    if (form.get('client_id') !== CLIENT_ID) return refusal(401, 'invalid_client')
    if (family === undefined || family.isEnded) {
      // Older than the previous one: some family is being replayed.
      for (const each of this.families) if (token?.startsWith(idOf(each))) each.isEnded = true
      return refusal(401, 'invalid_grant')
    }
    if (this.denied !== undefined) return refusal(403, this.denied)
    if (token === family.current) return this.#give(family)
    if (this.nowMs - family.usedAtMs <= LEEWAY_MS) return this.#tokens(family)
    family.isEnded = true
    return refusal(401, 'invalid_grant')
  }

  #give(family: Family): Response {
    family.previous = family.current === '' ? undefined : family.current
    family.usedAtMs = this.nowMs
    this.#count += 1
    family.current = `rt_family${this.families.indexOf(family)}_${this.#count}`
    return this.#tokens(family)
  }

  #tokens({ current }: Family): Response {
    this.#count += 1
    const refreshing = this.givesRefreshTokens ? { refresh_token: current } : {}
    this.#issued.set(`at_${this.#count}`, this.nowMs + LIFE_SECONDS * 1_000)
    const body = { access_token: `at_${this.#count}`, token_type: 'Bearer', ...refreshing }
    return Response.json({ ...body, expires_in: LIFE_SECONDS, scope: 'WireSocket.API' })
  }
}

function idOf({ current }: Family): string {
  return current.slice(0, current.lastIndexOf('_') + 1)
}

export function refusal(
  status: number,
  error: string,
  headers: Record<string, string> = {},
): Response {
  return Response.json({ error, error_description: 'Said for people.' }, { status, headers })
}

/** Lets everything that is ready go on. */
export async function turn(): Promise<void> {
  for (let count = 0; count < 8; count += 1) await setImmediate()
}

/** Lets time pass until the caller gives up. */
async function hang(init: RequestInit, wait: () => void): Promise<void> {
  for (let count = 0; count < 60; count += 1) {
    if (init.signal?.aborted === true) return
    wait()
    await turn()
  }
}

function basicSecret(header: string | null): string | undefined {
  const [, encoded] = /^Basic (.+)$/.exec(header ?? '') ?? []
  if (encoded === undefined) return undefined
  const [id = '', secret = ''] = atob(encoded).split(':')
  const decoded = (text: string) => new URLSearchParams(`a=${text}`).get('a') ?? ''
  return decoded(id) === CLIENT_ID ? decoded(secret) : undefined
}
