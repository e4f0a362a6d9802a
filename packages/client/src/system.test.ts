import { expect, test } from 'bun:test'
import { SYSTEM } from './system.ts'

test('a timer longer than timers can be does not act at once', async () => {
  for (const ms of [2 ** 31, Number.POSITIVE_INFINITY]) {
    let hasActed = false
    const callOff = SYSTEM.after(ms, () => {
      hasActed = true
    })
    await new Promise((resolve) => setTimeout(resolve, 20))
    callOff()
    expect(hasActed).toBe(false)
  }
})
