import { createSecretKey } from 'node:crypto'
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import {
  claimsOf,
  clientIdOf,
  credentialsForm,
  openTokenWorld,
  refreshForm,
} from '../../../../../test/support/token-world.ts'
import type { RefreshFamilyRecord } from '../../ports/records/refresh-family.ts'
import { refreshStep } from './refresh-step.ts'
import { decodeRefreshToken, encodeRefreshToken, isRefreshTokenShaped } from './refresh-token.ts'

const WEEK_MS = 604_800_000

/** What refresh tokens promise, in ten lines. */
class Model {
  generation = 1
  isDead = false
  rotatedAtMs: number
  expiresAtMs: number
  readonly leewayMs: number

  constructor(nowMs: number, leewayMs: number) {
    this.leewayMs = leewayMs
    this.rotatedAtMs = nowMs
    this.expiresAtMs = nowMs + WEEK_MS
  }

  /** @returns the generation that is given; undefined for a refusal. */
  use(generation: number, nowMs: number): number | undefined {
    if (this.isDead || nowMs >= this.expiresAtMs) return undefined
    if (generation === this.generation) {
      this.generation++
      this.rotatedAtMs = nowMs
      this.expiresAtMs = nowMs + WEEK_MS
      return this.generation
    }
    const isRepeated = generation === this.generation - 1
    if (isRepeated && nowMs - this.rotatedAtMs < this.leewayMs) return this.generation
    this.isDead = true
    return undefined
  }
}

type Changes = Partial<RefreshFamilyRecord> & { readonly leewayMs?: number }

const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ back: fc.nat(3), times: fc.integer({ min: 1, max: 4 }) }) },
  { weight: 2, arbitrary: fc.record({ passMs: fc.nat(15_000) }) },
  { weight: 1, arbitrary: fc.record({ passMs: fc.integer({ min: WEEK_MS - 5, max: WEEK_MS }) }) },
)

describe('a refresh family', () => {
  test('never has two successors of one token, and ends when one is reused', async () => {
    const leeways = fc.constantFrom(0, 1, 10_000)
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), leeways, async (steps, leewayMs) => {
        const world = await openTokenWorld({ times: { refreshLeewayMs: leewayMs } })
        const { body } = await world.call('/token', { form: credentialsForm('app') })
        const model = new Model(world.time.ms, leewayMs)
        const tokens = ['', String(body.refresh_token)]
        for (const each of steps) {
          if ('passMs' in each) {
            world.time.ms += each.passMs
            continue
          }
          const generation = Math.max(1, tokens.length - 1 - each.back)
          const form = refreshForm('app', tokens[generation] ?? '')
          // All at once: the store takes them in their order.
          const answers = await Promise.all(
            Array.from({ length: each.times }, () => world.call('/token', { form })),
          )
          for (const { status, body: given } of answers) {
            const next = model.use(generation, world.time.ms)
            // 429 stands for 401 once an address has failed often enough.
            if (next === undefined) expect([401, 429]).toContain(status)
            else {
              expect(status).toBe(200)
              tokens[next] ??= given.refresh_token
              expect(given.refresh_token).toBe(tokens[next])
            }
          }
        }
        expect(new Set(tokens).size).toBe(tokens.length)
        const familyId = String(claimsOf(body.access_token)['family'])
        const family = await world.store.regions
          .get('local')
          ?.transaction((transaction) => transaction.findFamily(familyId))
        expect(family?.generation).toBe(model.generation)
        expect(family?.revokedAtMs !== undefined).toBe(model.isDead)
      }),
      { numRuns: 30 },
    )
  })

  test('is judged by what the store has done, whatever the clock does', () => {
    const family: RefreshFamilyRecord = {
      id: 'x'.repeat(22),
      tenantId: 't',
      appId: 'a',
      clientId: 'c',
      versionId: 'v',
      scope: 's',
      generation: 5,
      rotatedAtMs: 100_000,
      expiresAtMs: 500_000,
      endsAtMs: undefined,
      revokedAtMs: undefined,
      createdAtMs: 0,
    }
    const judge = (generation: number, nowMs: number, changes: Changes = {}) => {
      const { leewayMs = 10_000, ...rest } = changes
      const outcome = { isAdvanced: false, family: { ...family, ...rest } }
      return refreshStep(outcome, generation, { nowMs, leewayMs })
    }
    expect(judge(4, 109_999)).toBe('repeated')
    expect(judge(4, 110_000)).toBe('reused')
    expect(judge(3, 100_000)).toBe('reused')
    expect(judge(4, 100_000, { leewayMs: 0 })).toBe('reused')
    // Set back by a little, and by a lot.
    expect(judge(4, 95_000)).toBe('repeated')
    expect(judge(4, 90_000)).toBe('reused')
    // A restored copy of the database knows less than the client: nobody stole anything.
    expect(judge(6, 100_000)).toBe('ended')
    expect(judge(4, 500_000)).toBe('ended')
    expect(judge(4, 100_001, { endsAtMs: 100_001 })).toBe('ended')
    expect(judge(3, 100_000, { revokedAtMs: 1 })).toBe('ended')
    const gone = { isAdvanced: false, family: undefined }
    expect(refreshStep(gone, 4, { nowMs: 0, leewayMs: 10 })).toBe('ended')
  })
})

describe('the text of a refresh token', () => {
  const key = createSecretKey(Buffer.alloc(32, 7))
  const regions = fc.stringMatching(/^[a-z0-9][a-z0-9-]{0,39}$/)
  const claims = fc.record({
    region: regions,
    familyId: fc.stringMatching(/^[A-Za-z0-9_-]{22}$/),
    generation: fc.integer({ min: 1, max: 2 ** 40 }),
    versionId: fc.stringMatching(/^ver_[A-Za-z0-9]{20}$/),
  })
  const clientIds = fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/)

  test('gives back what it was made of, to its client and under its key only', () => {
    fc.assert(
      fc.property(claims, clientIds, clientIds, (each, clientId, other) => {
        const token = encodeRefreshToken(each, clientId, key)
        expect(decodeRefreshToken(token, clientId, key)).toEqual(each)
        expect(isRefreshTokenShaped(token)).toBe(true)
        // What a URL, a form and a header carry as it is.
        expect(token).toMatch(/^[\w.-]+$/)
        expect(encodeRefreshToken(each, clientId, key)).toBe(token)
        if (other !== clientId) expect(decodeRefreshToken(token, other, key)).toBeUndefined()
        const another = createSecretKey(Buffer.alloc(32, 8))
        expect(decodeRefreshToken(token, clientId, another)).toBeUndefined()
      }),
    )
  })

  test('is one: no other spelling, no change of any character is taken', () => {
    const character = fc.constantFrom('A', 'z', '0', '-', '_', '.', '=', ' ', '+')
    fc.assert(
      fc.property(claims, fc.nat(), character, (each, at, changed) => {
        const clientId = clientIdOf('app')
        const token = encodeRefreshToken(each, clientId, key)
        const place = at % token.length
        fc.pre(token[place] !== changed)
        const forged = token.slice(0, place) + changed + token.slice(place + 1)
        expect(decodeRefreshToken(forged, clientId, key)).toBeUndefined()
        expect(decodeRefreshToken(`${token}${changed}`, clientId, key)).toBeUndefined()
      }),
    )
  })

  test('may be anything a stranger sends: it is refused, and nothing throws', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (text, client) => {
        expect(decodeRefreshToken(text, client, key)).toBeUndefined()
        expect(decodeRefreshToken(`rt_${text}`, client, key)).toBeUndefined()
      }),
    )
  })
})
