import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { RedisReplayStore } from './redis-replay-store.ts'
import { MemoryReplayStore } from './replay-store.ts'

describe('in memory', () => {
  test('a delivery is new once in its time, and again after it', async () => {
    let nowMs = 0
    const store = new MemoryReplayStore({ now: () => nowMs })
    expect([store.takeNow('a', 10), await store.take('a', 10)]).toEqual(['new', 'taken'])
    nowMs = 9
    expect(store.takeNow('a', 10)).toBe('taken')
    nowMs = 10
    expect(store.takeNow('a', 10)).toBe('new')
  })

  test('one that is finished reads as done, one that is released as new', async () => {
    const store = new MemoryReplayStore({ now: () => 0 })
    store.takeNow('a', 10)
    await store.finish('a', 10)
    expect(store.takeNow('a', 10)).toBe('done')
    await store.release('a')
    expect(store.takeNow('a', 10)).toBe('new')
  })

  test('nothing is remembered beyond the bound, and nothing that lives is forgotten for it', async () => {
    let nowMs = 0
    const store = new MemoryReplayStore({ now: () => nowMs, entryCountMax: 2 })
    expect(['a', 'b', 'c', 'a'].map((key) => store.takeNow(key, 10))).toEqual([
      'new',
      'new',
      'full',
      'taken',
    ])
    await store.finish('c', 10)
    expect(store.takeNow('c', 10)).toBe('full')
    nowMs = 10
    expect(store.takeNow('c', 10)).toBe('new')
  })

  test('is what a table of times says, whatever comes in which order', () => {
    const step = fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.nat(20))
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        let nowMs = 0
        const store = new MemoryReplayStore({ now: () => nowMs })
        const model = new Map<string, number>()
        for (const [key, laterMs] of steps) {
          nowMs += laterMs
          const isKnown = nowMs < (model.get(key) ?? 0)
          expect(store.takeNow(key, 30)).toBe(isKnown ? 'taken' : 'new')
          if (!isKnown) model.set(key, nowMs + 30)
        }
      }),
    )
  })
})

describe('in Redis', () => {
  function recording(...answers: unknown[]) {
    const sent: (readonly string[])[] = []
    const send = async (command: readonly string[]) => {
      sent.push(command)
      return answers.shift()
    }
    return { sent, store: new RedisReplayStore(send, 'mine:') }
  }

  test('the commands carry the prefix, whole milliseconds, and values as arguments', async () => {
    const { sent, store } = recording('new', 'taken', 'done', 'OK', 1)
    const states = [await store.take('a', 1.5), await store.take('a', 2), await store.take('a', 2)]
    expect(states).toEqual(['new', 'taken', 'done'])
    await store.finish('a', 1.5)
    await store.release('a')
    expect([sent[0]?.[0], ...(sent[0]?.slice(2) ?? [])]).toEqual(['EVAL', '1', 'mine:a', '2'])
    expect(sent.slice(3)).toEqual([
      ['SET', 'mine:a', 'done', 'PX', '2'],
      ['DEL', 'mine:a'],
    ])
  })

  test('an answer of another kind is an error, never a new delivery', async () => {
    for (const answer of [undefined, null, 1, 'full', 'other']) {
      const failure: unknown = await recording(answer)
        .store.take('a', 1)
        .catch((error: unknown) => error)
      expect(failure).toBeInstanceOf(TypeError)
    }
  })
})
