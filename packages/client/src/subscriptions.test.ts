import { describe, expect, test } from 'bun:test'
import { ClientError } from './client-error.ts'
import { type Message, messageOf } from './message.ts'
import { FILTER_COUNT_MAX, Subscriptions } from './subscriptions.ts'
import { topicMatches } from './topic-match.ts'

function opened() {
  const asked: string[] = []
  const ended: string[] = []
  const failures: unknown[] = []
  const state = { isUp: true, isAnswered: true, answer: (): Promise<void> => Promise.resolve() }
  const subscriptions = new Subscriptions({
    ask: (filter, qos) => {
      asked.push(`${filter} ${qos}`)
      return state.answer()
    },
    end: (filter) => {
      ended.push(filter)
      return Promise.resolve(state.isAnswered)
    },
    isUp: () => state.isUp,
    failed: (error) => failures.push(error),
  })
  return { asked, ended, failures, state, subscriptions }
}

function message(topic: string): Message {
  const packet = { cmd: 'publish', topic, payload: '', qos: 1, dup: false, retain: false } as const
  return messageOf(topic, new TextEncoder().encode('x'), packet)
}

const denied = () => Promise.reject(new ClientError('not_authorized'))
const lost = () => Promise.reject(new ClientError('connection_lost'))
const nothing = () => undefined

describe('a filter', () => {
  test('is asked for once, however many handlers it has, and again for a higher QoS', async () => {
    const { asked, ended, subscriptions } = opened()
    const one = await subscriptions.add('a/#', nothing, 1)
    const two = await subscriptions.add('a/#', nothing, 0)
    const three = await subscriptions.add('a/#', nothing, 2)
    expect(asked).toEqual(['a/# 1', 'a/# 2'])
    await one.unsubscribe()
    await two.unsubscribe()
    await two.unsubscribe()
    expect(ended).toEqual([])
    await three.unsubscribe()
    expect([ended, subscriptions.filters]).toEqual([['a/#'], []])
  })

  test('that is denied is not held, and whoever asked is told', async () => {
    const { failures, state, subscriptions } = opened()
    state.answer = denied
    const both = ['x', 'x'].map((filter) =>
      subscriptions.add(filter, nothing, 1).catch((error: ClientError) => error.code),
    )
    expect(await Promise.all(both)).toEqual(['not_authorized', 'not_authorized'])
    expect([subscriptions.filters, failures]).toEqual([[], []])
  })

  test('without a connection waits for the next one', async () => {
    const { asked, state, subscriptions } = opened()
    state.isUp = false
    const added = subscriptions.add('a', nothing, 1)
    expect(asked).toEqual([])
    state.isUp = true
    subscriptions.restore({ sessionPresent: false })
    await added
    expect(asked).toEqual(['a 1'])
  })

  test('whose answer got lost is asked for again, and the first call goes on waiting', async () => {
    const { asked, state, subscriptions } = opened()
    state.answer = lost
    const added = subscriptions.add('a', nothing, 1)
    await Promise.resolve()
    state.answer = () => Promise.resolve()
    subscriptions.restore({ sessionPresent: true })
    await added
    expect(asked).toEqual(['a 1', 'a 1'])
  })

  test('is asked for again by a broker that forgot the session, and by no other', async () => {
    const { asked, subscriptions } = opened()
    await subscriptions.add('a', nothing, 1)
    subscriptions.restore({ sessionPresent: true })
    expect(asked).toHaveLength(1)
    subscriptions.restore({ sessionPresent: false })
    expect(asked).toHaveLength(2)
  })

  test('that is denied after a reconnect is told, as no call is left to tell it', async () => {
    const { failures, state, subscriptions } = opened()
    await subscriptions.add('a', nothing, 1)
    state.answer = denied
    subscriptions.restore({ sessionPresent: false })
    await new Promise((resolve) => setImmediate(resolve))
    expect(failures).toMatchObject([{ code: 'not_authorized' }])
    expect(subscriptions.filters).toEqual([])
  })

  test('that was ended without a connection is ended at the broker after the next one', async () => {
    const { ended, state, subscriptions } = opened()
    const kept = await subscriptions.add('kept', nothing, 1)
    const again = await subscriptions.add('again', nothing, 1)
    state.isUp = false
    const never = subscriptions.add('never', nothing, 1).catch(({ code }: ClientError) => code)
    await subscriptions.remove('never')
    await kept.unsubscribe()
    await again.unsubscribe()
    const held = subscriptions.add('again', nothing, 1)
    expect([ended, await never]).toEqual([[], 'connection_lost'])
    state.isUp = true
    subscriptions.restore({ sessionPresent: true })
    await held
    expect([ended, subscriptions.filters]).toEqual([['kept'], ['again']])
    subscriptions.restore({ sessionPresent: true })
    expect(ended).toEqual(['kept'])
  })

  test('whose end was not answered is ended again, unless the broker forgot it', async () => {
    for (const sessionPresent of [true, false]) {
      const { ended, state, subscriptions } = opened()
      const one = await subscriptions.add('a', nothing, 1)
      state.isAnswered = false
      await one.unsubscribe()
      state.isAnswered = true
      subscriptions.restore({ sessionPresent })
      expect(ended).toEqual(sessionPresent ? ['a', 'a'] : ['a'])
    }
  })

  test('too many of them are refused by name', async () => {
    const { subscriptions } = opened()
    for (let at = 0; at < FILTER_COUNT_MAX; at += 1) await subscriptions.add(`f/${at}`, nothing, 0)
    const more = subscriptions.add('one/more', nothing, 0)
    expect(await more.catch((error: ClientError) => error.code)).toBe('too_many')
  })
})

describe('a message', () => {
  test('goes to every handler whose filter matches, once, and to listeners', async () => {
    const { subscriptions } = opened()
    const heard: string[] = []
    for (const filter of ['a/#', 'a/+', 'a/b', 'b/#', '$share/g/a/+']) {
      await subscriptions.add(filter, () => heard.push(filter), 1)
    }
    const stop = subscriptions.listen(() => heard.push('any'))
    subscriptions.dispatch(message('a/b'))
    expect(heard).toEqual(['a/#', 'a/+', 'a/b', '$share/g/a/+', 'any'])
    stop()
    subscriptions.dispatch(message('c'))
    expect(heard).toHaveLength(5)
  })

  test('reaches the other handlers where one throws, at once or later', async () => {
    const { failures, subscriptions } = opened()
    const heard: string[] = []
    const fail = (): never => {
      throw new RangeError('of the application')
    }
    await subscriptions.add('a', fail, 1)
    await subscriptions.add('a', () => Promise.reject(new RangeError('later')), 1)
    await subscriptions.add('a', () => heard.push('a'), 1)
    subscriptions.dispatch(message('a'))
    await new Promise((resolve) => setImmediate(resolve))
    expect(heard).toEqual(['a'])
    expect(failures).toHaveLength(2)
  })
})

test('topics match filters as the specification says', () => {
  const yes = [
    ['sport/tennis/player1/#', 'sport/tennis/player1'],
    ['sport/tennis/player1/#', 'sport/tennis/player1/score/wimbledon'],
    ['#', 'a/b'],
    ['+', 'finance'],
    ['+/+', '/finance'],
    ['/+', '/finance'],
    ['$SYS/#', '$SYS/x'],
    ['$notifications/+/inbox', '$notifications/7/inbox'],
  ]
  const no = [
    ['+', '/finance'],
    ['sport/+', 'sport'],
    ['sport/+', 'sport/a/b'],
    ['#', '$SYS/x'],
    ['+/x', '$SYS/x'],
    ['a', 'a/b'],
    ['a/b', 'a'],
  ]
  for (const [filter = '', topic = ''] of yes) expect(topicMatches(filter, topic)).toBe(true)
  for (const [filter = '', topic = ''] of no) expect(topicMatches(filter, topic)).toBe(false)
})
