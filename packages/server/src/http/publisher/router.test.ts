/** What becomes of a call whose message could not be kept, sent or told: never a success. */
import { beforeEach, describe, expect, test } from 'bun:test'
import {
  type ConnectionTokenWorld,
  type MadeKey,
  openConnectionTokenWorld,
} from '../../../../../test/support/connection-token-world.ts'
import { openMemoryLimitEngine } from '../../adapters/limit-engine-memory/limit-engine.ts'
import { createGuarding } from '../../assembly/guarding.ts'
import type { PublishOutcome } from '../../core/topics/topic-hub.ts'
import type { TopicMessage } from '../../core/topics/topic-message.ts'
import { Bearers } from '../../credentials/bearers.ts'
import { Outage } from '../../ports/outage.ts'
import type { PublisherDeps } from './deps.ts'
import { publishPathQos } from './paths.ts'
import { handlePublish } from './router.ts'

const SOURCE = { ip: '192.0.2.1', agent: 'test agent' }
const OUTAGE = new Outage('broker_unavailable', 'no bus', { port: 'broker' })

let world: ConnectionTokenWorld
let key: MadeKey
let deps: PublisherDeps
let published: TopicMessage[]
let errors: string[]
let steps: string[]
/** What the next publish does, and what comes of its writes. */
let act: () => Partial<PublishOutcome>
const writes = { writeCount: 0, refusedCount: 0, isDurable: true }

beforeEach(async () => {
  world = await openConnectionTokenWorld()
  key = await world.makeKey()
  published = []
  errors = []
  steps = []
  act = () => ({})
  Object.assign(writes, { writeCount: 0, refusedCount: 0, isDurable: true })
  const { core, events, tally, hub } = world
  const { administration, authority, check, recordUse, recordDenial, ruleBook } = core
  const { clock, random } = administration
  const { apps } = authority
  const engine = openMemoryLimitEngine({ clock })
  const guarding = createGuarding(
    { guard: { limits: [] } },
    { engine, clock, events, recordDenial },
  )
  const { guard, limitBook } = guarding
  deps = {
    directory: apps,
    bearers: new Bearers({ apps, check, clock, recordUse, recordDenial, doors: [] }),
    rules: ruleBook,
    hub,
    topics: {
      publish(_space, message) {
        published.push(message)
        return { receiverCount: 0, retained: undefined, ...act() }
      },
    },
    writesOf: () => ({
      get writeCount() {
        return writes.writeCount
      },
      get refusedCount() {
        return writes.refusedCount
      },
      async settled() {
        steps.push('sessions')
        return writes.isDurable
      },
    }),
    async settle() {
      steps.push('webhooks')
    },
    ...{ guard, limitBook, recordDenial, tally, clock, random },
    log: { debug() {}, info() {}, warn() {}, error: (event) => void errors.push(event) },
  }
})

async function publish(body: object = {}, path = '/v1/publish') {
  const request = new Request(`https://lockgate.example${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `bearer ${key.value}` },
    body: JSON.stringify({ topic: 'a/b', payload: 'x', ...body }),
  })
  const defaultQos = publishPathQos(path)
  if (defaultQos === undefined) throw new Error(`${path} is somebody else's`)
  const answer = await handlePublish(request, { deps, source: () => SOURCE, defaultQos })
  const { success, error } = JSON.parse(await answer.text())
  return { told: `${answer.status} ${success} ${error ?? ''}`.trim(), headers: answer.headers }
}

describe('success is told', () => {
  test('once sessions and webhooks are durable', async () => {
    act = () => {
      writes.writeCount++
      return {}
    }
    expect((await publish()).told).toBe('200 true')
    expect(steps).toEqual(['sessions', 'webhooks'])
    expect(published).toMatchObject([{ topic: 'a/b', qos: 1 }])
  })

  test('without waiting where nothing was written', async () => {
    expect((await publish()).told).toBe('200 true')
    expect(steps).toEqual(['webhooks'])
  })
})

describe('no success is told', () => {
  test('of what the store did not take', async () => {
    act = () => {
      writes.writeCount++
      writes.isDurable = false
      return {}
    }
    const { told, headers } = await publish()
    expect(told).toBe('503 false unavailable')
    expect(headers.get('retry-after')).toBe('1')
  })

  test('of what a session should have had and could not be promised', async () => {
    act = () => {
      writes.refusedCount++
      return {}
    }
    expect((await publish({ qos: 2 })).told).toBe('503 false unavailable')
  })

  test('of what there was no room to retain', async () => {
    act = () => ({ retained: 'full' })
    expect((await publish({ retain: true })).told).toBe('503 false topics_full')
  })

  test('while the bus is out or a webhook cannot be kept', async () => {
    act = () => {
      throw OUTAGE
    }
    expect((await publish()).told).toBe('503 false unavailable')
    act = () => ({})
    deps = { ...deps, settle: () => Promise.reject(OUTAGE) }
    expect((await publish()).told).toBe('503 false unavailable')
    expect(errors).toEqual(['http_outage', 'http_outage'])
  })

  test('of a mistake of ours, which is in the log and not in the answer', async () => {
    act = () => {
      throw new TypeError('secret detail')
    }
    expect((await publish()).told).toBe('500 false internal')
    expect(errors).toEqual(['http_bug'])
    expect(world.tally.bugs).toBe(1)
  })

  test('while there is no room for more', async () => {
    deps = { ...deps, hub: { space: (app) => world.hub.space(app), hasRoom: () => false } }
    expect((await publish()).told).toBe('503 false overloaded')
    expect(published).toEqual([])
  })
})

test('an app that is disabled publishes nothing until it is enabled', async () => {
  await world.change('app', { enabled: false })
  expect((await publish()).told).toBe('403 false app_disabled')
  await world.change('app', { enabled: true })
  expect((await publish()).told).toBe('200 true')
  expect(published).toHaveLength(1)
})

test('what a key for pages publishes is marked as such, and what a server does is not', async () => {
  expect((await publish()).told).toBe('200 true')
  key = await world.makeKey('app', 'pk', ['publish'])
  expect((await publish()).told).toBe('200 true')
  expect(published.map(({ isOfPage }) => isOfPage)).toEqual([undefined, true])
})

test('only its own paths are the publisher’s', () => {
  const paths = ['/v1/publish', '/publish', '/v2/publish', '/api/v1/publish', '//publish']
  expect(paths.map(publishPathQos)).toEqual([1, 1, 1, 0, 1])
  for (const path of ['/', '/publish/', '/v3/publish', '///publish', '/v1/publish/x', '/Publish']) {
    expect(publishPathQos(path)).toBeUndefined()
  }
})
