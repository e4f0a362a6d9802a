import { expect, test } from 'bun:test'
import { RESUMED_ANSWER_COUNT, WAITING_ANSWER_COUNT_MAX } from './ordered-answers.ts'
import { ReadingPace } from './reading-pace.ts'

function paced() {
  const journal = { isBusy: false, writeCount: 0, settled: () => Promise.resolve(true) }
  const answers = { waitingCount: 0 }
  const calls: string[] = []
  const note = (call: string) => () => void calls.push(call)
  const socket = {
    inflow: { pause: note('pause'), resume: note('resume') },
    goOn: note('on'),
    later: <T>(outcome: Promise<T>, goOn: (value: T) => void) => void outcome.then(goOn),
  }
  return { journal, answers, calls, pace: new ReadingPace({ state: { journal }, socket }, answers) }
}

test('a client is held by many answers, once, until few are left', () => {
  const { answers, calls, pace } = paced()
  answers.waitingCount = WAITING_ANSWER_COUNT_MAX - 1
  pace.answered('written')
  expect(pace.isHeld).toBe(false)
  answers.waitingCount++
  pace.answered('unwritten')
  pace.answered('unwritten')
  answers.waitingCount = RESUMED_ANSWER_COUNT + 1
  pace.lessWaits()
  expect([pace.isHeld, calls]).toEqual([true, ['pause']])
  answers.waitingCount--
  pace.lessWaits()
  expect([pace.isHeld, calls]).toEqual([false, ['pause', 'resume', 'on']])
})

test('a client that writes to a busy journal is held until it is not, or nothing waits', () => {
  const { journal, answers, calls, pace } = paced()
  journal.isBusy = true
  pace.answered('unwritten')
  expect(calls).toEqual([])
  answers.waitingCount = 2
  pace.answered('written')
  answers.waitingCount = 1
  pace.lessWaits()
  expect(calls).toEqual(['pause'])
  answers.waitingCount = 0
  pace.lessWaits()
  expect(calls).toEqual(['pause', 'resume', 'on'])
})

test('what has no answer holds only who wrote, and lets go by itself', async () => {
  const { journal, calls, pace } = paced()
  journal.isBusy = true
  pace.unanswered(0)
  expect(calls).toEqual([])
  journal.writeCount++
  pace.unanswered(0)
  pace.unanswered(0)
  expect(calls).toEqual(['pause'])
  await Promise.resolve()
  expect(calls).toEqual(['pause', 'resume', 'on'])
})
