import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { OrderedAnswers } from './ordered-answers.ts'

function answering() {
  const sent: number[] = []
  let failures = 0
  let calls = 0
  const answers = new OrderedAnswers({
    send: (frame) => void sent.push(frame[0] ?? -1),
    notWritten: () => void failures++,
    lessWaits: () => void calls++,
  })
  return { answers, sent, counts: () => ({ failures, calls }) }
}

const frameOf = (number: number) => ({ frame: new Uint8Array([number]) })

describe('answers', () => {
  test('leave at once where nothing has to be written', () => {
    const { answers, sent } = answering()
    answers.answer(frameOf(1), undefined)
    expect(sent).toEqual([1])
    expect(answers.waitingCount).toBe(0)
  })

  test('keep their order, whatever is written first', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.option(fc.nat(9), { nil: undefined }), { maxLength: 20 }),
        async (delays) => {
          const { answers, sent } = answering()
          const waits = delays.map((delay, index) => {
            const written = delay === undefined ? undefined : later(delay)
            answers.answer(frameOf(index), written)
            return written ?? Promise.resolve(true)
          })
          await Promise.all(waits)
          for (let count = 0; count < 5; count++) await Promise.resolve()
          expect(sent).toEqual(delays.map((_, index) => index))
          expect(answers.waitingCount).toBe(0)
        },
      ),
    )
  })

  test('that could not be written are never sent, and neither is what follows', async () => {
    const { answers, sent, counts } = answering()
    answers.answer(frameOf(1), Promise.resolve(false))
    answers.answer(frameOf(2), Promise.resolve(true))
    answers.answer(frameOf(3), undefined)
    for (let count = 0; count < 5; count++) await Promise.resolve()
    expect(sent).toEqual([])
    expect(counts().failures).toBe(1)
  })

  test('of a connection that has ended go nowhere', async () => {
    const { answers, sent, counts } = answering()
    answers.answer(frameOf(1), Promise.resolve(true))
    answers.clear()
    for (let count = 0; count < 5; count++) await Promise.resolve()
    expect(sent).toEqual([])
    expect(counts()).toEqual({ failures: 0, calls: 0 })
  })

  test('tell what follows them once they were sent', async () => {
    const { answers, sent } = answering()
    const then = () => void sent.push(99)
    answers.answer({ ...frameOf(1), afterwards: then }, Promise.resolve(true))
    expect(sent).toEqual([])
    for (let count = 0; count < 5; count++) await Promise.resolve()
    expect(sent).toEqual([1, 99])
  })
})

/** Resolves after so many turns of promises. */
async function later(turns: number): Promise<boolean> {
  for (let count = 0; count < turns; count++) await Promise.resolve()
  return true
}
