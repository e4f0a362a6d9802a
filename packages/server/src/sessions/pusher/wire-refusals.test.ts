import { describe, expect, test } from 'bun:test'
import { utf8Length } from '@lockgate/protocol/bytes'
import { REFUSALS, type RefusalCode } from '../../core/refusals.ts'
import { PUSHER_REFUSALS } from './wire-refusals.ts'

/** RFC 6455 §5.5: a control frame has 125 bytes, two of them the code. */
const CLOSE_REASON_BYTES_MAX = 123

const codes = Object.keys(PUSHER_REFUSALS) as RefusalCode[]

describe('every refusal', () => {
  test('has a text that fits into a close frame', () => {
    const long = codes.filter((code) => utf8Length(REFUSALS[code].text) > CLOSE_REASON_BYTES_MAX)
    expect(long).toEqual([])
  })

  test('closes below 4300, where pusher-js would never come back', () => {
    for (const code of codes) {
      expect(PUSHER_REFUSALS[code].closeCode).toBeGreaterThanOrEqual(4000)
      expect(PUSHER_REFUSALS[code].closeCode).toBeLessThan(4300)
    }
  })

  test('that asks for a retry does not close with a code on which pusher-js gives up', () => {
    const givesUp = codes.filter(
      (code) => REFUSALS[code].retry === 'later' && PUSHER_REFUSALS[code].closeCode < 4100,
    )
    // Pusher's own code for a full quota is one of those; it is kept.
    expect(givesUp).toEqual(['connections_full', 'user_connections_full'])
  })
})
