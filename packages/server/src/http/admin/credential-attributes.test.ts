import { expect, test } from 'bun:test'
import { systemRandom } from '../../adapters/system/random.ts'
import { attributesOf } from './credential-attributes.ts'

test('an API key is for a server unless it says otherwise, and keeps its scopes', () => {
  expect(attributesOf({ kind: 'api_key' }, systemRandom)).toEqual({
    ok: true,
    value: { prefix: 'sk' },
  })
  const fields = { kind: 'api_key', prefix: 'rk', scopes: ['publish:news'] } as const
  expect(attributesOf(fields, systemRandom)).toMatchObject({
    value: { prefix: 'rk', scopes: ['publish:news'] },
  })
})

test('a prefix or scopes of another kind are refused, not kept without effect', () => {
  for (const more of [{ prefix: 'sk' }, { scopes: ['publish'] }]) {
    const refused = attributesOf({ kind: 'jwt_secret', ...more }, systemRandom)
    expect(refused).toMatchObject({ refusal: 'input_invalid' })
  }
})

test('a signing secret gets an app key of its own', () => {
  const made = Array.from({ length: 2 }, () =>
    attributesOf({ kind: 'signing_secret' }, systemRandom),
  )
  const keys = made.map((each) => (each.ok ? each.value.appKey : ''))
  for (const key of keys) expect(key).toMatch(/^[a-z2-9]{20}$/)
  expect(new Set(keys).size).toBe(2)
})
