import { beforeEach, describe, expect, test } from 'bun:test'
import { type Lines, lineStreamAnswer } from './line-stream.ts'
import { Slots } from './slots.ts'

/** Longer than one chunk, so that a reader is in the middle after the first. */
const LINE_COUNT = 10_000

let slots: Slots
let failures: unknown[]
let madeCount: number
beforeEach(() => {
  slots = new Slots(1)
  failures = []
  madeCount = 0
})

/** Lines that hold the one slot; as long as they do, there is no other. */
async function* numbers(failAt = Infinity): Lines {
  const giveBack = slots.take()
  try {
    for (let number = 0; number < LINE_COUNT; number++) {
      if (number === failAt) throw new Error('the database is out')
      madeCount++
      await Promise.resolve()
      yield { number }
    }
  } finally {
    giveBack?.()
  }
}

const answerTo = (signal: AbortSignal, lines = numbers()) =>
  lineStreamAnswer(lines, { signal, tellFailure: (error) => void failures.push(error) })

function hasSlot(): boolean {
  const giveBack = slots.take()
  giveBack?.()
  return giveBack !== undefined
}

async function failureOf(work: () => Promise<unknown>): Promise<unknown> {
  let failure: unknown = 'none'
  await work().catch((error: unknown) => {
    failure = error
  })
  return failure
}

describe('an answer', () => {
  test('is every line in its order, and gives its slot back at the end', async () => {
    const answer = await answerTo(new AbortController().signal)
    expect(answer.headers.get('content-type')).toBe('application/x-ndjson')
    expect(hasSlot()).toBe(false)
    const lines = (await answer.text()).trimEnd().split('\n')
    const wanted = Array.from({ length: LINE_COUNT }, (_, number) => `{"number":${number}}`)
    expect(lines).toEqual(wanted)
    expect(hasSlot()).toBe(true)
    expect(failures).toEqual([])
  })

  test('of no lines is empty and ends', async () => {
    const none = (async function* () {})() as Lines
    expect(await (await answerTo(new AbortController().signal, none)).text()).toBe('')
  })

  test('is made as it is read, a chunk at a time, and a sign of life is not held back', async () => {
    const quiet = (async function* () {
      yield 1
      yield undefined
      yield 2
    })() as Lines
    const reader = (await answerTo(new AbortController().signal, quiet)).body?.getReader()
    const read = async () => Buffer.from((await reader?.read())?.value ?? []).toString()
    expect([await read(), await read(), await read()]).toEqual(['1\n\n', '2\n', ''])
    const slow = (await answerTo(new AbortController().signal)).body?.getReader()
    await slow?.read()
    expect(madeCount).toBeGreaterThan(1)
    expect(madeCount).toBeLessThan(LINE_COUNT / 2)
  })
})

describe('a client that goes away gives its slot back and has no more made', () => {
  test('in the middle, by closing the connection', async () => {
    const away = new AbortController()
    const reader = (await answerTo(away.signal)).body?.getReader()
    await reader?.read()
    expect(hasSlot()).toBe(false)
    away.abort()
    await Promise.resolve()
    expect(hasSlot()).toBe(true)
    const atEnd = madeCount
    await new Promise(setImmediate)
    expect(madeCount).toBe(atEnd)
    expect(failures).toEqual([])
  })

  test('in the middle of a line that is being made', async () => {
    const away = new AbortController()
    const reader = (await answerTo(away.signal)).body?.getReader()
    await reader?.read()
    const reading = reader?.read()
    away.abort()
    await new Promise(setImmediate)
    expect(hasSlot()).toBe(true)
    expect(madeCount).toBeLessThan(LINE_COUNT)
    expect(failures).toEqual([])
    await reader?.cancel()
    await reading
  })

  test('in the middle, by cancelling', async () => {
    const reader = (await answerTo(new AbortController().signal)).body?.getReader()
    await reader?.read()
    await reader?.cancel()
    expect(hasSlot()).toBe(true)
  })

  test('before it has read anything', async () => {
    const away = new AbortController()
    await answerTo(away.signal)
    away.abort()
    await Promise.resolve()
    expect(hasSlot()).toBe(true)
  })

  test('before there was anything to read', async () => {
    await answerTo(AbortSignal.abort())
    expect(hasSlot()).toBe(true)
  })
})

describe('a failure', () => {
  test('in the middle is told, and leaves no end that a reader could take for one', async () => {
    const answer = await answerTo(new AbortController().signal, numbers(LINE_COUNT - 1))
    expect(await failureOf(() => answer.text())).not.toBe('none')
    expect(failures.map(String)).toEqual(['Error: the database is out'])
    expect(hasSlot()).toBe(true)
  })

  test('before the first line is thrown, and nothing is answered', async () => {
    const failure = await failureOf(() => answerTo(new AbortController().signal, numbers(0)))
    expect(String(failure)).toBe('Error: the database is out')
    expect(hasSlot()).toBe(true)
    expect(failures).toEqual([])
  })

  test('of a value that is no JSON is told too, and the slot is given back', async () => {
    const lines = (async function* () {
      const giveBack = slots.take()
      try {
        yield 1
        yield 1n
      } finally {
        giveBack?.()
      }
    })() as Lines
    const answer = await answerTo(new AbortController().signal, lines)
    expect(await failureOf(() => answer.text())).not.toBe('none')
    expect(failures).toHaveLength(1)
    expect(hasSlot()).toBe(true)
  })
})
