import { expect, test } from 'bun:test'
import { grantedExpirySeconds } from './session-settings.ts'

const BOUND = { sessionExpirySecondsMax: 86_400 }

test.each([
  // Absent is 0 (§3.1.2.11.2).
  { level: 5, cleanStart: false, expirySeconds: undefined, granted: 0 },
  { level: 5, cleanStart: true, expirySeconds: undefined, granted: 0 },
  { level: 5, cleanStart: false, expirySeconds: 60, granted: 60 },
  { level: 5, cleanStart: true, expirySeconds: 60, granted: 60 },
  { level: 5, cleanStart: true, expirySeconds: 0xffff_ffff, granted: 86_400 },
  // A client of MQTT 3.1.1 says "clean" or "for ever".
  { level: 4, cleanStart: true, expirySeconds: undefined, granted: 0 },
  { level: 4, cleanStart: false, expirySeconds: undefined, granted: 86_400 },
] as const)('$level, clean $cleanStart, asked for $expirySeconds: $granted seconds', (each) => {
  expect(grantedExpirySeconds(each, BOUND)).toBe(each.granted)
})
