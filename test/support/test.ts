/** Declares a conformance test: the runner of Node with a bound, so that nothing hangs for ever. */
import { type TestContext, test as declare } from 'node:test'

/** No promise of the server takes this long; a test that does is broken. */
const TEST_MS = 180_000

type Work = (context: TestContext) => Promise<void> | void

/** @param promise what the server promises, as a sentence. */
export function test(promise: string, work: Work): void {
  void declare(promise, { timeout: TEST_MS }, work)
}

/**
 * For tests that take real time and do not touch each other: all begin with the first of them.
 * @returns what declares one of them.
 */
export function together(): (promise: string, work: () => Promise<void>) => void {
  const works: (() => Promise<void>)[] = []
  let running: readonly Promise<PromiseSettledResult<void>[]>[] | undefined
  return (promise, work) => {
    const at = works.push(work) - 1
    test(promise, async () => {
      running ??= works.map((each) => Promise.allSettled([each()]))
      // Each failure is told by its own test.
      for (const outcome of (await running[at]) ?? []) {
        if (outcome.status === 'rejected') throw outcome.reason
      }
    })
  }
}
