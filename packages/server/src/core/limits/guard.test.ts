import { describe, expect, test } from 'bun:test'
import { guardWorld } from '../../../../../test/support/guard-world.ts'
import { hearing } from '../../../../../test/support/heard-events.ts'
import { loadedApp } from '../../../../../test/support/loaded-app.ts'
import { SETTINGS } from '../../../../../test/contract/records.ts'
import { readLimits } from '../../credentials/app-limits.ts'
import { UNLIMITED } from '../../ports/records/plan.ts'
import { LiveEvents } from '../live-events.ts'
import { ownSubject } from './charges.ts'
import type { Asker } from './charge-writing.ts'

const SOURCE = { ip: '192.0.2.1', agent: 'test', protocol: 'pusher' }

function world(texts: readonly string[] = [], guardTexts: readonly string[] = []) {
  const time = { ms: 1_000_000 }
  const clock = { nowMs: () => time.ms, monotonicMs: () => time.ms }
  const events = new LiveEvents()
  const guarded = guardWorld(clock, guardTexts, events)
  const appOf = (id: string, more: readonly string[] = texts) =>
    loadedApp({
      settings: { ...SETTINGS, clientEventsPerSecondMax: 1_000, limits: more },
      signingKeys: [],
      app: { id },
    })
  return { ...guarded, events, time, appOf, app: appOf('app') }
}

function asker(user: string | undefined, connection = '1.1', appId = 'app'): Asker {
  const own = (id: string) => ownSubject(appId, id)
  return {
    user: user === undefined ? undefined : own(user),
    connection: own(connection),
    source: SOURCE,
  }
}

describe('a message of a client', () => {
  const say = (each: ReturnType<typeof world>, who: Asker, channel = 'private-a') =>
    each.guard.clientPublish(each.limitBook.of(each.app), who, { channel, data: 'x' })

  test.each([
    ['publish.app 2/1s', asker('other', '2.2'), 'private-b'],
    ['publish.channel 2/1s', asker('other', '2.2'), 'private-a'],
    ['publish.user 2/1s', asker('ann', '2.2'), 'private-b'],
    ['client_events.connection 2/1s', asker('ann', '1.1'), 'private-b'],
    ['message_bytes.app 2/1s', asker('other', '2.2'), 'private-b'],
  ])('is refused by %s alone, whoever else shares that count', (text, other, channel) => {
    const each = world([text])
    expect(say(each, asker('ann')).isAllowed).toBe(true)
    expect(say(each, asker('ann')).isAllowed).toBe(true)
    const verdict = say(each, other, channel)
    expect(verdict.isAllowed).toBe(false)
    expect(verdict.refused?.rule.name).toBe(text.split(' ')[0] ?? '')
  })

  test.each([
    ['publish.channel 1/1s', asker('ann', '1.1'), 'private-b'],
    ['publish.user 1/1s', asker('bob', '1.1'), 'private-a'],
    ['client_events.connection 1/1s', asker('ann', '2.2'), 'private-a'],
  ])('%s leaves alone who does not share the count', (text, other, channel) => {
    const each = world([text])
    say(each, asker('ann'))
    expect(say(each, other, channel).isAllowed).toBe(true)
  })

  test('that one tier refuses is charged to none', () => {
    const each = world(['publish.user 1/1s', 'publish.app 2/1s'])
    say(each, asker('ann'))
    for (let count = 0; count < 10; count++) expect(say(each, asker('ann')).isAllowed).toBe(false)
    expect(say(each, asker('bob')).isAllowed).toBe(true)
    expect(say(each, asker('eve')).refused?.rule.name).toBe('publish.app')
  })

  test('of one app uses nothing of another, even where ids are the same', () => {
    const each = world(['publish.app 1/1s', 'publish.channel 1/1s', 'publish.user 1/1s'])
    say(each, asker('ann'))
    const other = each.limitBook.of(each.appOf('other'))
    const message = { channel: 'private-a', data: 'x' }
    const verdict = each.guard.clientPublish(other, asker('ann', '1.1', 'other'), message)
    expect(verdict.isAllowed).toBe(true)
  })

  test('costs its bytes, as UTF-8 counts them', () => {
    const each = world(['message_bytes.app 10/1m'])
    const limits = each.limitBook.of(each.app)
    const send = (data: string) =>
      each.guard.clientPublish(limits, asker('ann'), { channel: 'private-a', data })
    expect(send('✓✓✓').isAllowed).toBe(true)
    expect(send('xx').isAllowed).toBe(false)
    expect(send('x').isAllowed).toBe(true)
  })

  test('is never allowed by a limit of zero, and passes where no limit is', () => {
    expect(say(world(['publish.user 0/1s']), asker('ann')).isAllowed).toBe(false)
    const each = world()
    for (let count = 0; count < 500; count++) {
      expect(say(each, asker('ann')).isAllowed).toBe(true)
    }
  })

  test('is not let through by a clock that goes backwards', () => {
    const each = world(['publish.user 2/1m'])
    say(each, asker('ann'))
    say(each, asker('ann'))
    each.time.ms -= 3_600_000
    expect(say(each, asker('ann')).isAllowed).toBe(false)
  })
})

describe('a request that publishes', () => {
  const items = (...names: string[]) => [{ channels: names.map((name) => ({ name })), data: 'ab' }]

  test('costs one for each channel, and one as a request', () => {
    const each = world(['publish.app 5/1m', 'http_publish.app 2/1m', 'message_bytes.app 8/1m'])
    const limits = each.limitBook.of(each.app)
    const send = (...names: string[]) =>
      each.guard.serverPublish(limits, asker(undefined), items(...names))
    expect(send('a', 'b', 'c').isAllowed).toBe(true)
    expect(send('a', 'b', 'c').refused?.rule.name).toBe('publish.app')
    expect(send('a', 'b').refused?.rule.name).toBe('message_bytes.app')
    expect(send('a').isAllowed).toBe(true)
    expect(send('a').refused?.rule.name).toBe('http_publish.app')
  })

  test('is charged as a whole: one channel that refuses keeps the others free', () => {
    const each = world(['publish.channel 1/1m'])
    const limits = each.limitBook.of(each.app)
    const send = (...names: string[]) =>
      each.guard.serverPublish(limits, asker(undefined), items(...names)).isAllowed
    expect(send('a')).toBe(true)
    expect(send('a', 'b')).toBe(false)
    expect(send('b')).toBe(true)
    expect(send('c', 'c')).toBe(false)
  })

  test('of a server is nobody’s: the limit of users does not slow it down', () => {
    const each = world(['publish.user 1/1m'])
    const limits = each.limitBook.of(each.app)
    const send = (who: Asker) => each.guard.serverPublish(limits, who, items('a')).isAllowed
    expect([send(asker(undefined)), send(asker(undefined))]).toEqual([true, true])
    expect([send(asker('ann')), send(asker('ann'))]).toEqual([true, false])
  })

  test('to as many channels as one event may go to is judged in one decision', () => {
    const each = world(['publish.channel 1/1m', 'publish.app 1000/1m', 'publish.channel 9/1h'])
    const limits = each.limitBook.of(each.app)
    const names = Array.from({ length: 100 }, (_, index) => `channel-${index}`)
    const send = () => each.guard.serverPublish(limits, asker(undefined), items(...names))
    expect([send().isAllowed, send().isAllowed]).toEqual([true, false])
  })

  test('to a hundred channels is one decision, also where a rule in shadow counts beside', () => {
    const each = world(['publish.channel 3/1m', 'publish.channel 1/1m shadow'])
    const limits = each.limitBook.of(each.app)
    const names = Array.from({ length: 100 }, (_, index) => `c${index}`)
    const send = (...to: string[]) =>
      each.guard.serverPublish(limits, asker(undefined), items(...to)).isAllowed
    expect([send('c99'), send(...names), send(...names), send(...names)]).toEqual([
      true,
      true,
      true,
      false,
    ])
    // Nothing was charged to the others when the last refused.
    expect([send('c0'), send('c0')]).toEqual([true, false])
  })
})

describe('limits come from', () => {
  const plan = (more: object) => ({
    limits: {
      maxConnections: UNLIMITED,
      maxDocuments: UNLIMITED,
      maxUsersPerDoc: UNLIMITED,
      opsPerMinute: UNLIMITED,
      ...more,
    },
  })
  const quotaOf = (each: ReturnType<typeof world>, loaded = each.app) =>
    each.limitBook.of(loaded).effective.rules['publish.app'].map(({ quota }) => quota)

  test('installation, plan and app, the smallest of them whoever says it', () => {
    for (const [installation, ofPlan, app] of [
      [1, 2, 3],
      [2, 1, 3],
      [3, 2, 1],
    ] as const) {
      const each = world([`publish.app ${app}/1m`], [`publish.app ${installation}/1m`])
      const loaded = { ...each.app, ...plan({ rateLimits: [`publish.app ${ofPlan}/1m`] }) }
      expect(quotaOf(each, loaded)).toEqual([1])
    }
  })

  test('the numbers of a plan: operations a minute, and connections', () => {
    const each = world(['publish.app 100/1m'])
    const loaded = { ...each.app, ...plan({ opsPerMinute: 7, maxConnections: 3 }) }
    expect(quotaOf(each, loaded)).toEqual([7])
    const { concurrent } = each.limitBook.of(loaded).effective
    expect(concurrent['connections.app'].map(({ quota }) => quota)).toEqual([3])
  })

  test('the older setting for client events only where no limit is named', () => {
    const of = (texts: readonly string[]) =>
      world(texts).limitBook.of(world(texts).app).effective.rules['client_events.connection']
    expect(of([])).toMatchObject([{ quota: 1_000, windowMs: 1_000 }])
    expect(of(['client_events.connection 5000/1s'])).toMatchObject([{ quota: 5_000 }])
  })

  test('a record once, until the record is another', () => {
    const each = world()
    expect(each.limitBook.of(each.app)).toBe(each.limitBook.of(each.app))
    expect(each.limitBook.of({ ...each.app })).not.toBe(each.limitBook.of(each.app))
  })
})

describe('a credential', () => {
  const limitsOf = (holder: string, ...texts: string[]) => ({ holder, limits: readLimits(texts) })
  const send = (each: ReturnType<typeof world>, own: ReturnType<typeof limitsOf> | undefined) =>
    each.guard.serverPublish(each.limitBook.for(each.app, own), asker('ann'), [
      { channels: [{ name: 'a' }], data: 'x' },
    ])

  test('narrows its app, with a count of its own that others do not use up', () => {
    const each = world(['publish.app 5/1m'])
    const one = limitsOf('cred_1', 'publish.app 2/1m')
    const other = limitsOf('cred_2', 'publish.app 2/1m')
    expect([1, 2, 3].map(() => send(each, one).isAllowed)).toEqual([true, true, false])
    expect([1, 2, 3].map(() => send(each, other).isAllowed)).toEqual([true, true, false])
    expect([1, 2].map(() => send(each, undefined).isAllowed)).toEqual([true, false])
  })

  test('never widens it', () => {
    const each = world(['publish.app 1/1m', 'publish.user 1/1m'])
    const wide = limitsOf('cred_1', 'publish.app 100/1m', 'publish.user 100/1m')
    expect(each.limitBook.for(each.app, wide)).toBe(each.limitBook.of(each.app))
    expect([1, 2].map(() => send(each, wide).isAllowed)).toEqual([true, false])
  })

  test('shares the count of its user with the other credentials of that user', () => {
    const each = world(['publish.user 3/1m'])
    const own = limitsOf('token_1', 'publish.user 1/1m')
    expect([1, 2].map(() => send(each, own).isAllowed)).toEqual([true, false])
    expect([1, 2, 3].map(() => send(each, undefined).isAllowed)).toEqual([true, true, false])
  })

  test('cannot set what belongs to the installation', () => {
    const each = world()
    const own = limitsOf('token_1', 'connect.ip 1/1m')
    expect(each.limitBook.for(each.app, own)).toBe(each.limitBook.of(each.app))
  })
})

describe('attempts to come in', () => {
  test('are counted by address, and told with the source only when refused', () => {
    const each = world([], ['connect.ip 2/1m'])
    let readCount = 0
    const source = () => {
      readCount++
      return SOURCE
    }
    const connect = (address: string) => each.guard.connect(address, source).isAllowed
    expect([connect('192.0.2.1'), connect('192.0.2.1')]).toEqual([true, true])
    expect(readCount).toBe(0)
    expect([connect('192.0.2.1'), connect('192.0.2.2')]).toEqual([false, true])
    expect(each.violations).toMatchObject([{ owner: undefined, source: SOURCE }])
  })

  test('with proofs that do not hold are counted by address and by name', () => {
    const each = world([], ['auth.ip 3/1m', 'auth.user 2/1m'])
    const fail = (address: string, name: string) =>
      each.guard.authenticate(address, name, SOURCE).refused?.rule.name
    expect([fail('a', 'ann'), fail('b', 'ann'), fail('c', 'ann')]).toEqual([
      undefined,
      undefined,
      'auth.user',
    ])
    expect([fail('a', 'x'), fail('a', 'y'), fail('a', 'z')]).toEqual([
      undefined,
      undefined,
      'auth.ip',
    ])
  })
})

describe('what a limit does', () => {
  const flood = (each: ReturnType<typeof world>, count: number) => {
    const limits = each.limitBook.of(each.app)
    const message = { channel: 'private-a', data: 'x' }
    for (let at = 0; at < count; at++) each.guard.clientPublish(limits, asker('ann'), message)
  }

  test('is told live once a second for each subject, without the id of the app', () => {
    const each = world(['publish.user 5/1m'])
    const heard = hearing(each.events)
    flood(each, 100)
    const told = heard.all.filter(({ type }) => type === 'rate_limit.exceeded')
    expect(told).toHaveLength(1)
    expect(told[0]).toMatchObject({
      tenantId: 'tenant',
      appId: 'app',
      details: { limit: 'publish.user', scope: 'user', subject: 'ann', quota: 5, isShadow: false },
    })
    each.time.ms += 1_000
    flood(each, 10)
    each.guard.finish()
    const counts = heard.all.map(({ details }) => ('limit' in details ? details.count : 0))
    // One was a warning on the way.
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(105 + 1)
  })

  test('is counted and written down for each refusal', () => {
    const each = world(['publish.user 5/1m'])
    flood(each, 25)
    expect(each.limitTally.exceeded.get('publish.user')).toBe(20)
    expect(each.violations).toHaveLength(20)
    expect(each.violations[0]?.owner).toMatchObject({ appId: 'app', tenantId: 'tenant' })
  })

  test('is told at four fifths, and lets through', () => {
    const each = world(['publish.user 10/1m'])
    const heard = hearing(each.events)
    flood(each, 9)
    expect(heard.all.map(({ type }) => type)).toEqual(['rate_limit.warned'])
    expect(each.limitTally.warned.get('publish.user')).toBe(1)
    expect(each.violations).toEqual([])
  })

  test('is told in shadow mode and refuses nothing', () => {
    const each = world(['publish.user 2/1m shadow'])
    const heard = hearing(each.events)
    const limits = each.limitBook.of(each.app)
    const message = { channel: 'private-a', data: 'x' }
    const allowed = [1, 2, 3, 4].map(
      () => each.guard.clientPublish(limits, asker('ann'), message).isAllowed,
    )
    expect(allowed).toEqual([true, true, true, true])
    expect(heard.all.at(-1)).toMatchObject({
      type: 'rate_limit.exceeded',
      details: { isShadow: true },
    })
    expect(each.limitTally.shadowed.get('publish.user')).toBe(2)
    expect(each.violations).toEqual([])
  })
})

describe('an attempt to connect', () => {
  const knock = (each: ReturnType<typeof world>, address: string) =>
    each.guard.connect(address, () => SOURCE)

  test.each([
    [['203.0.113.1', '203.0.113.2', '203.0.113.254'], '203.0.114.1'],
    [['2001:db8:7:1::/64', '2001:db8:7:2::/64', '2001:db8:7:ffff::/64'], '2001:db8:8:1::/64'],
  ])('counts for its network too: %j are one, %s is another', (addresses, elsewhere) => {
    const each = world([], ['connect.ip 10/1m', 'connect.range 2/1m'])
    const verdicts = addresses.map((address) => knock(each, address))
    expect(verdicts.map(({ isAllowed }) => isAllowed)).toEqual([true, true, false])
    expect(verdicts[2]?.refused?.rule.name).toBe('connect.range')
    expect(knock(each, elsewhere).isAllowed).toBe(true)
  })

  test('that its network refuses is not charged to its address', () => {
    const each = world([], ['connect.ip 2/1m', 'connect.range 1/1m'])
    expect(knock(each, '203.0.113.1').isAllowed).toBe(true)
    for (let count = 0; count < 5; count++) {
      expect(knock(each, '203.0.113.9').refused?.rule.name).toBe('connect.range')
    }
  })
})
