/** Closing many: every close first, what they leave behind afterwards, one failure alone. */
import { describe, expect, test } from 'bun:test'
import { Tally } from '../core/tally.ts'
import type { Session } from '../sessions/session.ts'
import { createClosings } from './closings.ts'
import { DEPARTURE_COUNT_MAX, Departures } from './departures.ts'

const MANY = 3 * DEPARTURE_COUNT_MAX

function world() {
  const tally = new Tally()
  const errors: unknown[] = []
  const nothing = () => {}
  const error = (_event: string, cause: unknown) => void errors.push(cause)
  const log = { debug: nothing, info: nothing, warn: nothing, error }
  const departures = new Departures({ tally, log })
  const closings = createClosings({ tally, log, departures })
  const story: string[] = []
  const end = (session: Session) => {
    story.push('end')
    departures.add(session)
  }
  const session = (closed = () => void story.push('told')): Session => ({
    open: nothing,
    receive: nothing,
    heard: nothing,
    tick: () => Number.POSITIVE_INFINITY,
    end: nothing,
    closed,
  })
  const sessions = (count: number) => Array.from({ length: count }, () => session())
  return { tally, errors, departures, closings, story, end, session, sessions }
}

const nextTurn = () => new Promise<void>((resolve) => void setImmediate(resolve))
const count = (story: readonly string[], what: string) => story.filter((x) => x === what).length

describe('closing many', () => {
  test.each([0, 60])(
    'ends every one before any is told that it is gone, over %d ms',
    async (ms) => {
      const { closings, story, end, sessions } = world()
      await closings.endAll(sessions(MANY), end, ms)
      expect(story.lastIndexOf('end')).toBe(MANY - 1)
      expect(story.indexOf('told')).toBe(MANY)
    },
  )

  test('tells few of them before it resolves, and the rest in turns', async () => {
    const { closings, story, end, sessions } = world()
    await closings.endAll(sessions(MANY), end, 0)
    const atOnce = count(story, 'told')
    expect(atOnce).toBeGreaterThanOrEqual(DEPARTURE_COUNT_MAX)
    expect(atOnce).toBeLessThan(MANY)
    for (let turn = 0; turn < 3; turn++) await nextTurn()
    expect(count(story, 'told')).toBe(MANY)
  })

  test('finishes with a few when it resolves', async () => {
    const { closings, story, end, sessions } = world()
    await closings.endAll(sessions(2), end, 0)
    expect(story).toEqual(['end', 'end', 'told', 'told'])
  })

  test('of nobody resolves', async () => {
    const { closings, story, end } = world()
    await closings.endAll([], end, 120)
    expect(story).toEqual([])
  })

  test('goes on when one cannot be ended, and counts the bug', async () => {
    const { closings, story, end, session, sessions, tally, errors } = world()
    const broken = session()
    const endOrFail = (one: Session) => {
      if (one === broken) throw new Error('broken')
      end(one)
    }
    await closings.endAll([...sessions(1), broken, ...sessions(1)], endOrFail, 0)
    expect(story).toEqual(['end', 'end', 'told', 'told'])
    expect(tally.bugs).toBe(1)
    expect(errors).toHaveLength(1)
  })

  test('lets two at one time wait for each other, and tells everyone once', async () => {
    const { closings, story, end, sessions } = world()
    const both = [closings.endAll(sessions(MANY), end, 40), closings.endAll(sessions(5), end, 0)]
    await Promise.all(both)
    for (let turn = 0; turn < 4; turn++) await nextTurn()
    expect(story.lastIndexOf('end')).toBeLessThan(story.indexOf('told'))
    expect(count(story, 'told')).toBe(MANY + 5)
  })
})

describe('a departure', () => {
  test('is told at once when nothing else is closed', () => {
    const { departures, story, session } = world()
    departures.add(session())
    expect(story).toEqual(['told'])
  })

  test('that fails is counted and holds nobody else up', () => {
    const { departures, story, session, tally } = world()
    departures.hold()
    const fail = () => {
      throw new Error('broken')
    }
    for (const one of [session(fail), session()]) departures.add(one)
    departures.release()
    expect(story).toEqual(['told'])
    expect(tally.bugs).toBe(1)
  })

  test('never overtakes one that waits', async () => {
    const { departures, story, session, sessions } = world()
    departures.hold()
    for (const one of sessions(DEPARTURE_COUNT_MAX + 1)) departures.add(one)
    departures.release()
    departures.add(session(() => void story.push('last')))
    await nextTurn()
    expect(story.at(-1)).toBe('last')
    expect(story).toHaveLength(DEPARTURE_COUNT_MAX + 2)
  })
})
