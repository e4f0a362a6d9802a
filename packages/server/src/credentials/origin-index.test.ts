import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { OPEN_SETTINGS } from '../../../../test/support/pusher-world.ts'
import { OriginIndex } from './origin-index.ts'
import { isOriginAllowed } from './origin-policy.ts'

const origins = ['https://a.example', 'https://b.example', 'https://x.b.example', 'null']
const lists = fc.record({
  allowedOrigins: fc.subarray([...origins, 'https://*.b.example']),
  dangerousAnyOrigin: fc.integer({ min: 0, max: 9 }).map((number) => number === 0),
})

test('allows what some app allows, whatever came and went', () => {
  fc.assert(
    fc.property(fc.array(lists, { maxLength: 6 }), fc.array(fc.nat(5)), (all, leaving) => {
      const index = new OriginIndex()
      for (const each of all) index.add(each)
      const gone = new Set(leaving)
      for (const at of gone) if (all[at] !== undefined) index.remove(all[at])
      const left = all.filter((_, at) => !gone.has(at))
      for (const origin of [...origins, 'HTTPS://A.example', 'https://evil.example']) {
        const isAllowed = left.some((each) =>
          isOriginAllowed({ ...OPEN_SETTINGS, ...each }, origin),
        )
        expect(index.allows(origin)).toBe(isAllowed)
      }
    }),
  )
})
