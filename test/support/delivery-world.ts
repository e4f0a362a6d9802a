/** The delivery of webhooks over the memory store, with a clock and receivers that tests move. */
import { openMemoryStore } from '../../packages/server/src/adapters/store-memory/store.ts'
import { systemRandom } from '../../packages/server/src/adapters/system/random.ts'
import { type LiveEvent, LiveEvents } from '../../packages/server/src/core/live-events.ts'
import { AppDirectory } from '../../packages/server/src/credentials/app-directory.ts'
import { DeliveryService } from '../../packages/server/src/outbound/webhooks/delivery-service.ts'
import type { Clock } from '../../packages/server/src/ports/clock.ts'
import type { OutgoingWebhook } from '../../packages/server/src/outbound/webhooks/outgoing.ts'
import type {
  WebhookDeliveryRecord,
  WebhookEndpointRecord,
} from '../../packages/server/src/ports/records/webhook.ts'
import type { Store } from '../../packages/server/src/ports/store.ts'
import type { WebhookSender } from '../../packages/server/src/ports/webhook-sender.ts'
import { REGIONS, SETTINGS } from '../contract/records.ts'
import { loadedApp, signingCredential } from './loaded-app.ts'
import { ScriptedSender } from './scripted-sender.ts'
import { webhookEndpoint } from './webhook-endpoint.ts'

const START_MS = 1_790_000_000_000
export const WEBHOOK_SECRET = 'whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE='

export interface DeliveryWorldOptions {
  readonly endpoints?: readonly WebhookEndpointRecord[]
  /** What an earlier world has left. */
  readonly store?: Store
  readonly startMs?: number
  readonly askRetry?: () => number
  /** In place of the receivers of the test. */
  readonly sender?: WebhookSender
  readonly clock?: Clock
}

export async function openDeliveryWorld(options: DeliveryWorldOptions = {}) {
  const store = options.store ?? openMemoryStore(REGIONS)
  const database = store.regions.get('local')
  if (database === undefined) throw new Error('the store has no region')
  const time = { wallMs: options.startMs ?? START_MS, monotonicMs: 0 }
  const moved = { nowMs: () => time.wallMs, monotonicMs: () => time.monotonicMs }
  const clock = options.clock ?? moved
  const apps = new AppDirectory()
  const endpoints = new Map(
    (options.endpoints ?? [standardEndpoint('whe_1')]).map((each) => [each.id, each]),
  )
  const places = new Set([...endpoints.values()].map((each) => `${each.tenantId} ${each.appId}`))
  const show = () => {
    for (const place of places) {
      const [tenantId = '', appId = ''] = place.split(' ')
      const own = [...endpoints.values()].filter((each) => each.appId === appId)
      apps.put(appWith({ tenantId, appId }, own))
    }
  }
  show()
  const events = new LiveEvents()
  const told: LiveEvent[] = []
  events.listen({ wants: () => true, hear: (event) => void told.push(event) })
  const scripted = new ScriptedSender()
  const { receivers, sent } = scripted
  const errors: unknown[] = []
  const notes: [id: string, isDelivered: boolean][] = []
  const givenUp: [id: string, because: string][] = []
  const nothing = () => {}
  const error = (event: string, cause: unknown) => void errors.push([event, cause])
  const service = new DeliveryService({
    regions: store.regions,
    apps,
    sender: options.sender ?? scripted,
    clock,
    random: systemRandom,
    events,
    askRetry: options.askRetry ?? (() => 0),
    endpoints: {
      note: async ({ id }, isDelivered) => void notes.push([id, isDelivered]),
      giveUp: async (id, because) => {
        givenUp.push([id, because])
        change(id, { disabled: { reason: because, atMs: time.wallMs } })
      },
    },
    log: { debug: nothing, info: nothing, warn: nothing, error },
  })
  const change = (id: string, changes: Partial<WebhookEndpointRecord>) => {
    const before = endpoints.get(id)
    if (before !== undefined) endpoints.set(id, { ...before, ...changes })
    show()
  }
  const outgoing = (id: string, body = '{}'): OutgoingWebhook => {
    const endpoint = endpoints.get(id)
    if (endpoint === undefined) throw new Error('there is no such endpoint')
    return { endpoint, region: 'local', body, eventTypes: ['channel.occupied'] }
  }
  const add = (id: string, ...bodies: readonly string[]) =>
    service.outbox.add(bodies.map((body) => outgoing(id, body)))
  const settle = async () => {
    for (let turn = 0; turn < 40; turn++) await new Promise(setImmediate)
  }
  /** Lets time pass second by second, as the server's timer does. */
  const wait = async (ms: number) => {
    for (let leftMs = ms; leftMs > 0; leftMs -= 1_000) {
      const stepMs = Math.min(leftMs, 1_000)
      time.wallMs += stepMs
      time.monotonicMs += stepMs
      service.tick()
      await settle()
    }
  }
  /** In one leap, for long waits. */
  const leap = async (ms: number) => {
    time.wallMs += ms
    time.monotonicMs += ms
    service.tick()
    await settle()
  }
  const rows = async (id: string) => {
    const appId = endpoints.get(id)?.appId ?? 'app'
    const page = { appId, endpointId: id, afterId: '', countMax: 100_000 }
    return database.transaction(async (each) => {
      const read = async (state: 'waiting' | 'dead') => {
        const found: WebhookDeliveryRecord[] = []
        for (const { id: deliveryId } of await each.listDeliveries({ ...page, state })) {
          const delivery = await each.findDelivery(deliveryId)
          if (delivery !== undefined) found.push(delivery)
        }
        return found
      }
      return { waiting: await read('waiting'), dead: await read('dead') }
    })
  }
  /** One call of the queue throws, until what is returned is called. */
  const breakStore = (call: 'addDeliveries' | 'finishDeliveries', cause: Error) => {
    database[call] = (): Promise<never> => Promise.reject(cause)
    return () => void Reflect.deleteProperty(database, call)
  }
  const metric = (name: string) => {
    const found = service.metrics().plain.find((each) => each.name === `lockgate_webhook_${name}`)
    return found?.read()
  }
  const counts = (name: string) => {
    const all = service.metrics().labelled
    const found = all.find((each) => each.name === `lockgate_webhook_${name}`)
    return Object.fromEntries(found?.read() ?? [])
  }
  const failures = () =>
    told.flatMap((each) => (each.type === 'webhook.failed' ? [each.details] : []))
  await service.start()
  const world = { store, database, time, apps, receivers, sent, errors, notes, givenUp, service }
  const acts = {
    breakStore,
    change,
    outgoing,
    add,
    settle,
    wait,
    leap,
    rows,
    metric,
    counts,
    failures,
  }
  return { ...world, ...acts, endpoints, show }
}

export function standardEndpoint(id: string, changes: Partial<WebhookEndpointRecord> = {}) {
  return webhookEndpoint({ id, name: id, credentialId: 'cred_hook', ...changes })
}

export function pusherEndpoint(id: string, changes: Partial<WebhookEndpointRecord> = {}) {
  const form = { format: 'pusher', credentialId: undefined } as const
  return webhookEndpoint({ id, name: id, ...form, ...changes })
}

function appWith(
  { tenantId, appId }: { readonly tenantId: string; readonly appId: string },
  webhookEndpoints: readonly WebhookEndpointRecord[],
) {
  const keys = [{ key: 'key', secret: 'secret' }]
  const owner = { tenant: { id: tenantId }, app: { id: appId } }
  const loaded = loadedApp({ ...owner, settings: SETTINGS, signingKeys: keys, webhookEndpoints })
  const hook = signingCredential('hook', WEBHOOK_SECRET)
  const record = { ...hook.record, kind: 'webhook_secret' as const, attributes: {} }
  return { ...loaded, credentials: [...loaded.credentials, { ...hook, record }] }
}
