import { beforeEach, describe, expect, test } from 'bun:test'
import { createPublicKey, verify } from 'node:crypto'
import { Webhook } from 'standardwebhooks'
import { AdministrationWorld, CALLER } from '../../../../../test/support/administration-world.ts'
import { systemRandom } from '../../adapters/system/random.ts'
import type { LiveEvent } from '../../core/live-events.ts'
import { readUses } from '../../credentials/administration/readiness.ts'
import {
  type SendFailure,
  type SendOrder,
  type SendResult,
  SENDS_IN_FLIGHT_MAX,
} from '../../ports/webhook-sender.ts'
import { Adoption, PROBES_PER_RUN_MAX } from './adoption.ts'
import { PROBES_AT_A_TIME_MAX } from './probe-places.ts'
import { IN_FLIGHT_MAX } from './dispatcher.ts'
import { PROBE_FIRST_MS, PROBE_TRY_COUNT_MAX } from './proof-steps.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

/** A receiver that verifies with the secrets it was given, by npm `standardwebhooks`. */
class Receiver {
  readonly secrets = new Set<string>()
  readonly orders: SendOrder[] = []
  /** In place of verifying. */
  answer: ((order: SendOrder) => SendResult) | undefined

  receive(order: SendOrder, nowMs: number): SendResult {
    this.orders.push(order)
    if (this.answer !== undefined) return this.answer(order)
    const isValid = [...this.secrets].some((secret) => isVerified(secret, order, nowMs))
    return isValid ? answerOf(204) : answerOf(401)
  }
}

const answerOf = (status: number): SendResult => {
  return { kind: 'answered', status, retryAfter: undefined }
}
const failed = (failure: SendFailure): SendResult => ({ kind: 'failed', failure })

/** The library looks at the real clock, so the time of the test is signed over again. */
function isVerified(secret: string, { headers, body }: SendOrder, nowMs: number): boolean {
  const id = headers['webhook-id'] ?? ''
  expect(headers['webhook-timestamp']).toBe(String(Math.floor(nowMs / 1_000)))
  return headers['webhook-signature'] === new Webhook(secret).sign(id, new Date(nowMs), body)
}

const TERMS = {
  name: 'orders',
  url: 'https://hooks.example.org/in',
  format: 'standard',
  events: ['channel.occupied'],
  channelPrefix: '',
  channelSuffix: '',
} as const

let world: AdministrationWorld
let receiver: Receiver
let send: (order: SendOrder) => Promise<SendResult>
let adoption: Adoption
let endpointId = ''
let credentialId = ''
let tenantId = ''

async function openAll(algorithm?: 'ed25519') {
  world = await AdministrationWorld.open()
  receiver = new Receiver()
  send = async (order) => receiver.receive(order, world.time.ms)
  tenantId = await world.tenant()
  const appId = await anotherApp('chat')
  const created = await world.done(world.webhooks.create({ ...TERMS, appId, algorithm }, CALLER))
  endpointId = created.endpoint.id
  credentialId = created.endpoint.credentialId ?? ''
  if (created.secret !== undefined) receiver.secrets.add(created.secret)
  const nothing = () => {}
  adoption = new Adoption({
    authority: world.core.authority,
    changes: world.core.changes,
    webhooks: world.webhooks,
    recordUse: world.core.recordUse,
    sender: { send: (order) => send(order) },
    events: world.core.administration.events,
    clock: { nowMs: () => world.time.ms, monotonicMs: () => world.time.ms },
    random: systemRandom,
    log: { debug: nothing, info: nothing, warn: nothing, error: nothing },
  })
}
beforeEach(() => openAll())

async function anotherApp(name: string): Promise<string> {
  const app = { tenantId, name, plan: 'unlimited', allowedDomains: [], settings: {} }
  const made = await world.done(world.apps.create({ ...app, type: 'confidential' }, CALLER))
  return made.loaded.app.id
}

const probe = () => world.done(adoption.probe({ endpointId }, CALLER))
const rotate = (more: { dropWhenAdopted?: boolean; overlapMs?: number } = {}) =>
  world.done(adoption.rotate({ endpointId, overlapMs: DAY_MS, ...more }, CALLER))
const states = () =>
  world.core.authority.findCredential(credentialId)?.versions.map(({ state }) => state)
const proof = () => world.core.authority.apps.findEndpoint(endpointId)?.endpoint.proof
const readiness = async () => {
  const record = world.core.authority.findCredential(credentialId)
  if (record === undefined) throw new Error('the secret is gone')
  return (await readUses(record, world.core.useReport)).readiness()
}
const actions = () => world.actions(tenantId, 'local')
const after = async (ms: number) => {
  world.time.ms += ms
  await adoption.run()
}

describe('a probe', () => {
  test('is signed by the newest version alone, and then by a key of nobody, read alike', async () => {
    const { value = '' } = await rotate()
    receiver.secrets.add(value)
    const [first = ''] = receiver.secrets
    expect(await probe()).toMatchObject({ isAdopted: true, outcome: '204', receiverVerifies: true })
    const [real, control] = receiver.orders
    if (real === undefined || control === undefined) throw new Error('nobody was asked')
    expect(isVerified(value, real, world.time.ms)).toBe(true)
    expect(isVerified(first, real, world.time.ms)).toBe(false)
    expect(isVerified(value, control, world.time.ms)).toBe(false)
    expect(control.body).toBe(real.body)
    expect(Object.keys(control.headers)).toEqual(Object.keys(real.headers))
    expect(control.headers['webhook-id']).not.toBe(real.headers['webhook-id'])
    expect(JSON.parse(real.body)).toMatchObject({ type: 'webhook.probe', data: { endpointId } })
  })

  test('proves nothing to whom verifies nothing, which is said', async () => {
    receiver.answer = () => answerOf(200)
    await rotate({ dropWhenAdopted: true })
    const told = await probe()
    expect(told).toMatchObject({ isAdopted: false, receiverVerifies: false })
    expect(states()).toEqual(['previous', 'current'])
    expect(proof()).toMatchObject({ state: 'unverifying', nextAtMs: undefined })
    expect((await readiness()).canDisable).toBe(false)
  })

  test('proves nothing while the control has no answer', async () => {
    receiver.answer = () => (receiver.orders.length === 1 ? answerOf(200) : failed('too_slow'))
    expect(await probe()).toMatchObject({ isAdopted: false, outcome: 'too_slow' })
    expect(proof()?.state).toBe('waiting')
  })

  test.each([429, 502, 503, 504])(
    'proves nothing where the control is answered by %i, which says nothing of the signature',
    async (status) => {
      receiver.answer = () => answerOf(receiver.orders.length === 1 ? 200 : status)
      await rotate({ dropWhenAdopted: true })
      const told = await probe()
      expect(told).toMatchObject({ isAdopted: false, outcome: String(status) })
      expect(told.receiverVerifies).toBeUndefined()
      expect(states()).toEqual(['previous', 'current'])
      expect(proof()).toMatchObject({ state: 'waiting', dropsOld: true })
    },
  )

  test('is one at a time for an endpoint: who asks again is told to wait', async () => {
    const waiting: (() => void)[] = []
    send = async (order) => {
      await new Promise<void>((resolve) => void waiting.push(resolve))
      return receiver.receive(order, world.time.ms)
    }
    const first = adoption.probe({ endpointId }, CALLER)
    const again = await adoption.probe({ endpointId }, CALLER)
    expect(again).toMatchObject({ ok: false, refusal: 'overloaded' })
    expect(waiting).toHaveLength(1)
    send = async (order) => receiver.receive(order, world.time.ms)
    for (const resume of waiting) resume()
    expect(await first).toMatchObject({ ok: true, value: { isAdopted: true } })
    expect(await probe()).toMatchObject({ isAdopted: true })
  })

  test('takes no place of deliveries, however many endpoints of a tenant are asked', async () => {
    const ids: string[] = []
    for (let app = 0; ids.length <= PROBES_AT_A_TIME_MAX; app++) {
      const appId = await anotherApp(`app ${app}`)
      for (let number = 0; number < 15; number++) {
        const terms = { ...TERMS, appId, name: `${number}` }
        ids.push((await world.done(world.webhooks.create(terms, CALLER))).endpoint.id)
      }
    }
    let underWayCount = 0
    send = () => {
      underWayCount++
      return new Promise<SendResult>(() => {})
    }
    const asked = ids.map((id) => adoption.probe({ endpointId: id }, CALLER))
    const refused = await Promise.race(asked)
    expect(refused).toMatchObject({ refusal: 'overloaded' })
    expect(underWayCount).toBeLessThan(PROBES_AT_A_TIME_MAX)
    expect(PROBES_AT_A_TIME_MAX + PROBES_PER_RUN_MAX + IN_FLIGHT_MAX).toBeLessThanOrEqual(
      SENDS_IN_FLIGHT_MAX,
    )
  })

  test('of a version that was replaced meanwhile says nothing of the next one', async () => {
    let next: Awaited<ReturnType<typeof rotate>> | undefined
    send = async (order) => {
      next ??= await rotate({ dropWhenAdopted: true })
      return receiver.receive(order, world.time.ms)
    }
    expect(await adoption.probe({ endpointId }, CALLER)).toMatchObject({
      ok: false,
      refusal: 'changed_meanwhile',
    })
    expect(proof()).toMatchObject({ versionId: next?.versionId, state: 'waiting', dropsOld: true })
  })

  test.each([
    ['401', answerOf(401)],
    ['410', answerOf(410)],
    ['302', answerOf(302)],
    ['unreachable', failed('unreachable')],
  ])('that is answered by %s is no proof, and no control follows', async (outcome, answer) => {
    receiver.answer = () => answer
    expect(await probe()).toMatchObject({ isAdopted: false, outcome, receiverVerifies: undefined })
    expect(receiver.orders).toHaveLength(1)
    expect(proof()).toMatchObject({ state: 'refused', outcome, tryCount: 1 })
    expect((await actions()).at(-1)).toBe('webhook.probed')
  })

  test('of a version that is staged asks for that one, and a person promotes it', async () => {
    const staged = await world.done(world.core.changes.stage({ credentialId }, CALLER))
    expect((await probe()).isAdopted).toBe(false)
    receiver.secrets.add(staged.value ?? '')
    expect((await probe()).isAdopted).toBe(true)
    expect(states()).toEqual(['current', 'pending'])
  })

  test('is signed by a pair as v1a, and verified with its public text', async () => {
    await openAll('ed25519')
    const shownKey = () => {
      const loaded = world.core.authority.apps.findCredential(credentialId)
      const [secret] = [...(loaded?.secrets.values() ?? [])]
      return Buffer.from(String(Buffer.from(secret ?? [])).slice('whsk_'.length), 'base64')
    }
    const x = shownKey().subarray(32).toString('base64url')
    const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' })
    receiver.answer = ({ headers, body }) => {
      const [, text = ''] = headers['webhook-signature']?.split('v1a,') ?? []
      const signed = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`
      const isValid = verify(null, Buffer.from(signed), key, Buffer.from(text, 'base64'))
      return answerOf(isValid ? 204 : 401)
    }
    expect(await probe()).toMatchObject({ isAdopted: true, receiverVerifies: true })
  })

  test('of the Pusher form, of nothing, and of a revoked secret is refused', async () => {
    const { appId } = world.core.authority.apps.findEndpoint(endpointId)?.endpoint ?? {}
    const terms = { name: 'p', url: 'https://a.example/', events: ['cache_miss'] }
    const filter = { channelPrefix: '', channelSuffix: '' }
    const request = { appId: appId ?? '', format: 'pusher' as const, ...terms, ...filter }
    const { endpoint } = await world.done(world.webhooks.create(request, CALLER))
    const refusals = ['input_invalid', 'not_found', 'invalid_transition']
    await world.done(world.core.changes.revoke({ credentialId, reason: 'leaked' }, CALLER))
    for (const [index, id] of [endpoint.id, 'whe_none', endpointId].entries()) {
      const refused = await adoption.probe({ endpointId: id }, CALLER)
      expect(refused).toMatchObject({ ok: false, refusal: refusals[index] })
    }
    expect(receiver.orders).toEqual([])
  })

  test('whose receiver moved meanwhile says nothing of the new one', async () => {
    receiver.answer = () => answerOf(204)
    const moving = adoption.probe({ endpointId }, CALLER)
    await world.webhooks.update({ endpointId, url: 'https://b.example/' }, CALLER)
    expect(await moving).toMatchObject({ refusal: 'changed_meanwhile' })
    expect(proof()).toBeUndefined()
  })
})

describe('a rotation', () => {
  test('is asked about by itself until the receiver has the new secret; the old one ends then', async () => {
    const { value = '' } = await rotate({ dropWhenAdopted: true })
    await after(PROBE_FIRST_MS - 1)
    expect(receiver.orders).toEqual([])
    await after(1)
    expect(proof()).toMatchObject({ state: 'refused', tryCount: 1, outcome: '401' })
    expect(states()).toEqual(['previous', 'current'])
    const [blocker] = (await readiness()).blockers
    expect(blocker).toStartWith('the receiver of orders has not proved that it has version 2')
    expect(blocker).toContain(`lockgate webhooks probe ${endpointId}`)
    receiver.secrets.add(value)
    await after(2 * PROBE_FIRST_MS)
    expect(proof()).toMatchObject({ state: 'adopted', nextAtMs: undefined })
    expect(states()).toEqual(['disabled', 'current'])
    const count = receiver.orders.length
    await after(DAY_MS)
    expect(receiver.orders).toHaveLength(count)
    expect((await actions()).filter((action) => action === 'webhook.probed')).toHaveLength(2)
    expect((await actions()).at(-1)).not.toBe('rotation.overdue')
  })

  test('keeps the old one to the end of the overlap where nobody asked otherwise', async () => {
    const { value = '' } = await rotate()
    receiver.secrets.add(value)
    await after(PROBE_FIRST_MS)
    expect(proof()?.state).toBe('adopted')
    expect(states()).toEqual(['previous', 'current'])
    expect(await readiness()).toMatchObject({ canDisable: true, blockers: [] })
    const uses = (await readiness()).versions.map(({ useCount }) => useCount)
    expect(uses).toEqual([0, 1])
  })

  test('that nobody has adopted refuses to lose its old version, unless it is forced', async () => {
    await rotate()
    const { versions = [] } = world.core.authority.findCredential(credentialId) ?? {}
    const versionId = versions[0]?.id ?? ''
    const request = { credentialId, versionId }
    const refused = await world.core.changes.disable(request, CALLER)
    expect(refused).toMatchObject({ refusal: 'still_in_use' })
    const forced = { ...request, isForced: true, reason: 'it is gone' }
    await world.done(world.core.changes.disable(forced, CALLER))
  })

  test('whose overlap ends without a proof is told of once, and ends as the engine says', async () => {
    const heard: LiveEvent[] = []
    world.core.administration.events.listen({
      wants: (type) => type === 'credential.changed',
      hear: (event) => void heard.push(event),
    })
    const { versionId } = await rotate({ dropWhenAdopted: true })
    await after(PROBE_FIRST_MS)
    expect(states()).toEqual(['previous', 'current'])
    for (let times = 0; times < 3; times++) await after(DAY_MS)
    expect((await actions()).filter((action) => action === 'rotation.overdue')).toHaveLength(1)
    expect(proof()).toMatchObject({ state: 'refused', isOverdue: true, nextAtMs: undefined })
    const overdue = heard.filter(
      ({ details }) => 'action' in details && details.action === 'rotation.overdue',
    )
    const details = { action: 'rotation.overdue', credentialId, kind: 'webhook_secret', versionId }
    expect(overdue.map((event) => event.details)).toEqual([details])
  })

  test('without an overlap is not waited for, and a person may still ask', async () => {
    await rotate({ overlapMs: 0 })
    for (let times = 0; times < 3; times++) await after(DAY_MS)
    expect(receiver.orders).toEqual([])
    expect((await probe()).isAdopted).toBe(false)
    await after(DAY_MS)
    expect(await actions()).not.toContain('rotation.overdue')
  })

  test('made as one of a credential is followed too', async () => {
    const request = { credentialId, overlapMs: DAY_MS }
    const rotated = await world.done(world.core.changes.rotate(request, CALLER))
    receiver.secrets.add(rotated.value ?? '')
    await after(0)
    await after(PROBE_FIRST_MS)
    expect(proof()).toMatchObject({ versionId: rotated.versionId, state: 'adopted' })
    expect(states()).toEqual(['previous', 'current'])
  })

  test('that is rolled back never ends the version that signs', async () => {
    const { value = '' } = await rotate({ dropWhenAdopted: true })
    await world.done(world.core.changes.rollback({ credentialId }, CALLER))
    receiver.secrets.add(value)
    for (let times = 0; times < 5; times++) await after(PROBE_FIRST_MS)
    expect((await probe()).isAdopted).toBe(true)
    expect(states()).toEqual(['current', 'previous'])
  })

  test('is asked about a bounded number of times, ever more rarely', async () => {
    await rotate({ overlapMs: 30 * DAY_MS })
    for (let hours = 0; hours < 20 * 24; hours++) await after(HOUR_MS)
    expect(receiver.orders).toHaveLength(PROBE_TRY_COUNT_MAX)
    expect(states()).toEqual(['previous', 'current'])
    expect((await actions()).filter((action) => action === 'webhook.probed')).toHaveLength(1)
  }, 60_000)

  test('of an endpoint that is disabled asks nobody', async () => {
    await rotate()
    await world.done(world.webhooks.disable({ endpointId, reason: 'moved' }, CALLER))
    await after(HOUR_MS)
    expect(receiver.orders).toEqual([])
  })

  test('that two nodes follow is asked about by one of them', async () => {
    await rotate()
    world.time.ms += PROBE_FIRST_MS
    await Promise.all([adoption.run(), adoption.run()])
    expect(receiver.orders).toHaveLength(1)
  })
})

test('a secret that rotates by itself takes over when its receiver has proved it', async () => {
  const policy = { maxAgeDays: 30, isAutomatic: true }
  await world.done(world.core.changes.update({ credentialId, policy }, CALLER))
  world.time.ms += 31 * DAY_MS
  await world.core.schedule.run()
  expect(states()).toEqual(['current', 'pending'])
  await after(HOUR_MS)
  expect(receiver.orders).toEqual([]) // Nobody has fetched the value: nobody can have it.
  const { versions = [] } = world.core.authority.findCredential(credentialId) ?? {}
  const fetch = { credentialId, versionId: versions[1]?.id ?? '' }
  const fetched = await world.done(world.core.deliveries.fetch(fetch, CALLER))
  receiver.secrets.add(fetched.value ?? '')
  await after(0)
  await after(PROBE_FIRST_MS)
  expect(states()).toEqual(['previous', 'current'])
})
