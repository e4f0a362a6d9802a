/** Declares a conformance test: the runner of Node with a bound, so that nothing hangs for ever. */
import { type TestContext, test as declare } from 'node:test'

/** No promise of the server takes this long; a test that does is broken. */
const TEST_MS = 180_000

/** @param promise what the server promises, as a sentence. */
export function test(promise: string, work: (context: TestContext) => Promise<void> | void): void {
  void declare(promise, { timeout: TEST_MS }, work)
}
