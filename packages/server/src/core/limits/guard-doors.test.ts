import { describe, expect, test } from 'bun:test'
import { SETTINGS } from '../../../../../test/contract/records.ts'
import { guardWorld } from '../../../../../test/support/guard-world.ts'
import { loadedApp } from '../../../../../test/support/loaded-app.ts'
import type { LimitVerdict } from '../../ports/limit-engine.ts'
import { ownSubject } from './charges.ts'

const SOURCE = { ip: '192.0.2.1', agent: 'test', protocol: 'pusher' }
const DAY_MS = 24 * 3_600_000

interface Door {
  /** The limit, and whether the installation or the app sets it. */
  readonly name: string
  readonly by: 'installation' | 'app'
  readonly ask: (world: ReturnType<typeof open>) => LimitVerdict
}

const asker = {
  user: ownSubject('app', 'ann'),
  connection: ownSubject('app', '1.1'),
  source: SOURCE,
}
const message = { channel: 'private-a', data: 'x' }
const request = [{ channels: [{ name: 'a' }], data: 'x' }]
const ownDoors = ['oauth_failures.ip', 'admin_failures.ip', 'admin_calls.credential'] as const

const DOORS: readonly Door[] = [
  { name: 'connect.ip', by: 'installation', ask: ({ guard }) => guard.connect('ip', () => SOURCE) },
  ...['auth.ip', 'auth.user'].map((name): Door => {
    return { name, by: 'installation', ask: ({ guard }) => guard.authenticate('ip', 'ann', SOURCE) }
  }),
  ...ownDoors.map((name): Door => {
    const about = { owner: undefined, source: () => SOURCE }
    const charged = [{ name, subject: 'somebody' }]
    return { name, by: 'installation', ask: ({ guard }) => guard.charge(charged, about) }
  }),
  ...['publish.app', 'publish.channel', 'publish.user', 'client_events.connection'].map(
    (name): Door => ({
      name,
      by: 'app',
      ask: ({ guard, limits }) => guard.clientPublish(limits, asker, message),
    }),
  ),
  ...['subscribe.app', 'subscribe.channel', 'subscribe.user'].map((name): Door => {
    return { name, by: 'app', ask: ({ guard, limits }) => guard.subscribe(limits, asker, 'a') }
  }),
  ...['http_publish.app', 'message_bytes.app', 'publish.app', 'publish.channel'].map(
    (name): Door => ({
      name,
      by: 'app',
      ask: ({ guard, limits }) => guard.serverPublish(limits, asker, request),
    }),
  ),
  {
    name: 'webhook_retries.endpoint',
    by: 'app',
    ask: ({ guard, limits }) => guard.webhookRetry(limits, 'whe_1'),
  },
]

function open({ name, by }: Door, quota: number) {
  const time = { ms: 10 * DAY_MS, wallMs: 10 * DAY_MS }
  const clock = { nowMs: () => time.wallMs, monotonicMs: () => time.ms }
  const texts = [`${name} ${quota}/1m`]
  const { guard, limitBook } = guardWorld(clock, by === 'installation' ? texts : [])
  const settings = { ...SETTINGS, limits: by === 'app' ? texts : [] }
  const limits = limitBook.of(loadedApp({ settings, signingKeys: [] }))
  return { guard, limits, time }
}

describe.each(DOORS.map((door) => [door.name, door] as const))('the door of %s', (name, door) => {
  test('lets nothing through where the limit is zero, however long one waits', () => {
    const world = open(door, 0)
    for (const waitMs of [0, 60_000, DAY_MS]) {
      world.time.ms += waitMs
      expect(door.ask(world).refused?.rule).toMatchObject({ name, quota: 0 })
    }
  })

  test('gives nothing back for a clock set back, and works again when its time has passed', () => {
    const world = open(door, 2)
    for (let count = 0; count < 2; count++) expect(door.ask(world).refused).toBeUndefined()
    for (const backMs of [1, 60_000, DAY_MS]) {
      world.time.ms -= backMs
      world.time.wallMs -= backMs
      expect(door.ask(world).refused?.rule.name).toBe(name)
    }
    world.time.ms += DAY_MS + 60_001 + 120_000
    expect(door.ask(world).refused).toBeUndefined()
  })
})
