import { expect, test } from 'bun:test'
import { Turns } from './turns.ts'

test('work on one thing happens one at a time and in order, that on others beside it', async () => {
  const turns = new Turns()
  const steps: string[] = []
  const first = Promise.withResolvers<undefined>()
  const slow = turns.take('a', async () => {
    steps.push('a1 begins')
    await first.promise
    steps.push('a1 ends')
    return 1
  })
  const next = turns.take('a', async () => steps.push('a2'))
  await turns.take('b', async () => steps.push('b'))
  expect(steps).toEqual(['a1 begins', 'b'])
  first.resolve(undefined)
  expect(await slow).toBe(1)
  await next
  expect(steps).toEqual(['a1 begins', 'b', 'a1 ends', 'a2'])
})

test('a failure reaches who asked, and the next one gets its turn', async () => {
  const turns = new Turns()
  const failed = turns.take('a', () => Promise.reject(new Error('broken')))
  const next = turns.take('a', () => Promise.resolve('done'))
  const outcomes = await Promise.allSettled([failed, next])
  expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'fulfilled'])
})
