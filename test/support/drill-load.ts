/**
 * The load of a rotation drill: lanes that each do one kind of request after the other with the
 * secret they hold at that moment, and write down everything that is not answered with 200.
 */
import { createHmac } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { drillMessage } from './drill-subscribers.ts'
import { type Answer, send } from './http.ts'
import { signedQuery } from './signing.ts'

/** Every kind of secret that has a door; each lane reads its own at every request. */
export interface DrillSecrets {
  signingSecret: string
  apiKey: string
  clientSecret: string
  jwtSecret: string
  operatorKey: string
}

export interface DrillPlace {
  /** Base URL. */
  readonly http: string
  readonly app: { readonly id: string; readonly key: string }
  readonly clientId: string
  readonly channel: string
}

/** Between two requests of a lane: a drill is about what fails, not about how much. */
const PAUSE_MS = 10
const OPERATOR_PAUSE_MS = 100
/** Kept of what failed, to explain it. */
const FAILURE_COUNT_MAX = 20

export class DrillLoad {
  /** Ids of the messages that were accepted. */
  readonly sent: string[] = []
  readonly failures: string[] = []
  failedCount = 0
  requestCount = 0
  readonly #place: DrillPlace
  readonly #secrets: DrillSecrets
  readonly #pending = new Set<Promise<unknown>>()
  readonly #stopping = new AbortController()

  constructor(place: DrillPlace, secrets: DrillSecrets) {
    this.#place = place
    this.#secrets = secrets
  }

  /** @returns when {@link stop} was called and every lane has finished. */
  async run(): Promise<void> {
    let family = ''
    const lanes: readonly [string, number, (index: number) => Promise<unknown>][] = [
      ['signed', PAUSE_MS, (index) => this.#publishSigned(`signed-${index}`)],
      ['api key', PAUSE_MS, (index) => this.#publish(this.#secrets.apiKey, `key-${index}`)],
      ['customer token', PAUSE_MS, (index) => this.#publish(this.#mint(), `jwt-${index}`)],
      ['access token', PAUSE_MS, (index) => this.#publishWithAccessToken(`token-${index}`)],
      [
        'refresh',
        PAUSE_MS,
        async () => {
          family = await this.#refresh(family)
        },
      ],
      ['operator', OPERATOR_PAUSE_MS, () => this.#whoami()],
    ]
    await Promise.all(lanes.map((lane) => this.#keepGoing(...lane)))
  }

  stop(): void {
    this.#stopping.abort()
  }

  /** Resolves when everything that was under way has been answered. */
  async settle(): Promise<void> {
    await Promise.all(this.#pending)
  }

  async #keepGoing(
    name: string,
    pauseMs: number,
    step: (index: number) => Promise<unknown>,
  ): Promise<void> {
    for (let index = 0; !this.#stopping.signal.aborted; index++) {
      const stepping = step(index).catch((error: unknown) =>
        this.#failed(`${name}: ${String(error)}`),
      )
      this.#pending.add(stepping)
      await stepping
      this.#pending.delete(stepping)
      await pause(pauseMs)
    }
  }

  async #publishSigned(id: string): Promise<void> {
    const { app, channel } = this.#place
    const path = `/apps/${app.id}/events`
    const body = drillMessage(channel, id)
    const pair = { key: app.key, secret: this.#secrets.signingSecret }
    const query = signedQuery(pair, { method: 'POST', path, body })
    await this.#post(`${path}?${query}`, body, {})
    this.sent.push(id)
  }

  async #publish(bearer: string, id: string): Promise<void> {
    const { app, channel } = this.#place
    const headers = { authorization: `Bearer ${bearer}` }
    await this.#post(`/apps/${app.id}/events`, drillMessage(channel, id), headers)
    this.sent.push(id)
  }

  async #publishWithAccessToken(id: string): Promise<void> {
    const { access } = await this.#buy('WireSocket.API')
    await this.#publish(access, id)
  }

  /** A family lives as long as the version that started it; a new secret starts a new one. */
  async #refresh(family: string): Promise<string> {
    const [secret = '', token = ''] = family.split('\n')
    if (secret !== this.#secrets.clientSecret) {
      const bought = await this.#buy('WireSocket.API offline_access')
      return `${bought.secret}\n${bought.refresh}`
    }
    const form = { grant_type: 'refresh_token', refresh_token: token }
    const { refresh_token: next } = await this.#trade(form)
    return `${secret}\n${next}`
  }

  async #buy(scope: string) {
    const secret = this.#secrets.clientSecret
    const form = { grant_type: 'client_credentials', client_secret: secret, scope }
    const { access_token: access, refresh_token: refresh } = await this.#trade(form)
    return { access, refresh, secret }
  }

  async #trade(form: Readonly<Record<string, string>>) {
    const body = new URLSearchParams({ ...form, client_id: this.#place.clientId }).toString()
    const headers = { 'content-type': 'application/x-www-form-urlencoded' }
    const answer = await this.#post('/connect/token', body, headers)
    return JSON.parse(answer.body) as { access_token: string; refresh_token: string }
  }

  async #whoami(): Promise<void> {
    const headers = { authorization: `Bearer ${this.#secrets.operatorKey}` }
    await this.#ask({ method: 'GET', target: '/admin/v1/whoami', headers })
  }

  #post(target: string, body: string, headers: Readonly<Record<string, string>>): Promise<Answer> {
    return this.#ask({ method: 'POST', target, body, headers })
  }

  async #ask(options: Parameters<typeof send>[1]): Promise<Answer> {
    this.requestCount++
    const answer = await send(this.#place.http, options)
    if (answer.status === 200) return answer
    const [path = ''] = options.target.split('?')
    throw new Error(`${path} answered ${answer.status} ${answer.body.slice(0, 300)}`)
  }

  #failed(text: string): void {
    this.failedCount++
    if (this.failures.length < FAILURE_COUNT_MAX) this.failures.push(text)
  }

  /** As a customer's backend signs for one of its users: RFC 7515, HS256. */
  #mint(): string {
    const iat = Math.floor(Date.now() / 1000)
    const { app, channel } = this.#place
    const claims = { app: app.id, channels: { [channel]: ['publish'] }, sub: 'user-1', iat }
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const input = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ ...claims, exp: iat + 300 })}`
    const key = this.#secrets.jwtSecret
    return `${input}.${createHmac('sha256', key).update(input).digest('base64url')}`
  }
}
