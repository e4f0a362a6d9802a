/**
 * The rotation drill: mixed load goes on while every kind of secret that has a door is rotated with
 * an overlap, again and again. Holders change to the new value during the overlap, then the old one
 * is ended. Nothing may fail and no message may be lost, doubled or late for good.
 */
import { setTimeout as pause } from 'node:timers/promises'
import type { Administration } from './administration.ts'
import { DrillLoad, type DrillPlace, type DrillSecrets } from './drill-load.ts'
import { type DrillConnect, DrillSubscriber } from './drill-subscribers.ts'

export interface Drill {
  readonly place: DrillPlace
  readonly tenantId: string
  readonly signingSecret: string
  readonly clientSecret: string
  /** By the key it was given first. */
  readonly administrationBy: (key: () => string) => Administration
  readonly operatorKey: string
  readonly connect: DrillConnect
  readonly subscriberCount: number
  /** How long rotations go on; a round that has begun is finished. */
  readonly seconds: number
}

export interface DrillOutcome {
  readonly requests: number
  readonly failed: number
  readonly failures: readonly string[]
  /** Accepted messages times subscribers. */
  readonly deliveries: number
  /** Deliveries that did not happen exactly once. */
  readonly wrong: number
  /** Subscribers whose connection was ended. */
  readonly closed: number
  readonly rounds: number
  readonly rotations: number
}

/** Old and new are used side by side for this long in each rotation. */
const OVERLAP_MS = 150
const ARRIVAL_MS_MAX = 10_000
const OVERLAP_SECONDS = 3_600

interface Rotated {
  readonly name: keyof DrillSecrets
  readonly credentialId: string
}

export async function runDrill(drill: Drill): Promise<DrillOutcome> {
  const { place, subscriberCount, connect } = drill
  const owner = drill.administrationBy(() => drill.operatorKey)
  const { secrets, rotating } = await prepare(drill, owner)
  const url = `${place.http.replace(/^http/, 'ws')}/app/${place.app.key}?protocol=7`
  const subscribers = Array.from(
    { length: subscriberCount },
    () => new DrillSubscriber(url, place.channel, connect),
  )
  const load = new DrillLoad(place, secrets)
  const prove = async () => {
    const pair = { key: place.app.key, secret: secrets.signingSecret }
    await Promise.all(subscribers.map((subscriber) => subscriber.prove(pair)))
  }
  await prove()
  const running = load.run()
  const untilMs = performance.now() + drill.seconds * 1000
  let rounds = 0
  let rotations = 0
  while (performance.now() < untilMs || rounds === 0) {
    rounds++
    for (const one of rotating) {
      await rotate(one, { owner, secrets, load, prove })
      rotations++
    }
    await owner.done('master-key.rotate')
    rotations += 1 + (await rotateTenantKey(owner, drill.tenantId))
  }
  load.stop()
  await running
  await arrival(subscribers, load.sent)
  const outcome = {
    requests: load.requestCount,
    failed: load.failedCount,
    failures: load.failures,
    deliveries: load.sent.length * subscriberCount,
    wrong: subscribers.reduce((sum, one) => sum + one.wrongCount(load.sent), 0),
    closed: subscribers.filter(({ closedWith }) => closedWith !== undefined).length,
    rounds,
    rotations,
  }
  for (const subscriber of subscribers) subscriber.close()
  return outcome
}

/** Waits until everybody has everything, or long enough: what is missing then is lost. */
async function arrival(subscribers: readonly DrillSubscriber[], ids: readonly string[]) {
  const untilMs = performance.now() + ARRIVAL_MS_MAX
  while (performance.now() < untilMs && !subscribers.every((each) => each.hasAll(ids))) {
    await pause(20)
  }
}

/** Makes what the app does not have yet, and finds what it has. */
async function prepare(
  drill: Drill,
  owner: Administration,
): Promise<{ secrets: DrillSecrets; rotating: readonly Rotated[] }> {
  const parameters = { appId: drill.place.app.id }
  const { items } = await owner.done('credentials.list', { parameters })
  const idOf = (kind: string) => String(items.find((each) => each.kind === kind)?.id)
  const make = async (kind: 'api_key' | 'jwt_secret') => {
    const body = { kind, name: 'drill' }
    return owner.done('credentials.create', { parameters, body })
  }
  const apiKey = await make('api_key')
  const jwtSecret = await make('jwt_secret')
  const operator = await owner.done('operators.create', { body: { name: 'drill', role: 'viewer' } })
  return {
    secrets: {
      signingSecret: drill.signingSecret,
      clientSecret: drill.clientSecret,
      apiKey: String(apiKey.value),
      jwtSecret: String(jwtSecret.value),
      operatorKey: String(operator.value),
    },
    rotating: [
      { name: 'signingSecret', credentialId: idOf('signing_secret') },
      { name: 'clientSecret', credentialId: idOf('client_secret') },
      { name: 'apiKey', credentialId: apiKey.credential.id },
      { name: 'jwtSecret', credentialId: jwtSecret.credential.id },
      { name: 'operatorKey', credentialId: operator.credential.id },
    ],
  }
}

async function rotate(
  { name, credentialId }: Rotated,
  at: {
    readonly owner: Administration
    readonly secrets: DrillSecrets
    readonly load: DrillLoad
    readonly prove: () => Promise<void>
  },
): Promise<void> {
  const { owner, secrets, load, prove } = at
  const parameters = { credentialId }
  const rotated = await owner.done('credentials.rotate', {
    parameters,
    body: { overlapSeconds: OVERLAP_SECONDS },
  })
  const old = rotated.credential.versions.find(({ state }) => state === 'previous')
  await pause(OVERLAP_MS)
  secrets[name] = String(rotated.value)
  // Old values may still be under way: they are good until the old version is ended.
  await load.settle()
  if (name === 'signingSecret') await prove()
  await owner.done('credentials.disable', {
    parameters,
    body: { versionId: String(old?.id), force: true, reason: 'drill' },
  })
}

/** @returns 1, or 0 while the key of an earlier round has not been published long enough. */
async function rotateTenantKey(owner: Administration, tenantId: string): Promise<number> {
  const answer = await owner.call('signing-keys.rotate', { parameters: { tenantId } })
  if (answer.status < 400) return 1
  if (answer.code === 'too_many_active_secrets') return 0
  throw new Error(`signing-keys.rotate answered ${answer.status} ${answer.code}`)
}
