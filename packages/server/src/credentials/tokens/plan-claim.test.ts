import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { readPlanLimits } from './plan-claim.ts'

const LIMITS = { maxConnections: 25, maxDocuments: 10, maxUsersPerDoc: 5, opsPerMinute: 600 }

describe('the claim of a plan', () => {
  test('is read as an object and as its JSON text, without what it does not know', () => {
    expect(readPlanLimits(LIMITS)).toEqual(LIMITS)
    expect(readPlanLimits(JSON.stringify(LIMITS))).toEqual(LIMITS)
    expect(readPlanLimits({ ...LIMITS, rateLimits: ['publish.app 5/1s'], more: 1 })).toEqual(LIMITS)
  })

  test.each(
    [
      undefined,
      null,
      '',
      '[]',
      'no JSON',
      '{"maxConnections":[[[1]]]}',
      [LIMITS],
      7,
      ...Object.keys(LIMITS).map((name) => ({ ...LIMITS, [name]: undefined })),
      ...[-1, 1.5, '25', null, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 60].map(
        (maxDocuments) => ({
          ...LIMITS,
          maxDocuments,
        }),
      ),
      JSON.stringify(LIMITS) + ' '.repeat(8_192),
    ].map((claim) => ({ claim })),
  )('%j says nothing', ({ claim }) => {
    expect(readPlanLimits(claim)).toBeUndefined()
  })

  test('never throws, whatever it is', () => {
    fc.assert(
      fc.property(fc.oneof(fc.anything(), fc.json()), (claim) => {
        const limits = readPlanLimits(claim)
        if (limits !== undefined) expect(Object.keys(limits)).toEqual(Object.keys(LIMITS))
      }),
    )
  })
})
