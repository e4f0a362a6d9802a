import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { isDocumentName } from './document-name.ts'
import { readUpgradeTarget, type UpgradeText } from './upgrade-target.ts'

const PREFIXES = ['/ws', '/collaboration']
const NOTHING = { path: '/', query: '', authorization: undefined, subprotocols: [] }
const read = (text: Partial<UpgradeText>) => readUpgradeTarget({ ...NOTHING, ...text }, PREFIXES)
const named = (name: string) => ({ kind: 'named', name }) as const

describe('the document of a path', () => {
  test.each([
    ['/', { kind: 'none' }],
    ['/ws', { kind: 'none' }],
    ['/ws/', { kind: 'none' }],
    ['/doc', named('doc')],
    ['/doc/', named('doc')],
    ['/ws/doc', named('doc')],
    ['/collaboration/doc', named('doc')],
    ['/ws/doc/doc', named('doc')],
    ['/doc/doc', named('doc')],
    ['/d%6Fc', named('doc')],
    ['/d%6Fc/doc', named('doc')],
    ['/wsdoc', named('wsdoc')],
    ['/doc/other', { kind: 'invalid' }],
    ['/ws/doc/other', { kind: 'invalid' }],
    ['/d%256Fc', { kind: 'invalid' }],
    ['/a%2Fb', { kind: 'invalid' }],
    ['/%', { kind: 'invalid' }],
    ['/doc.txt', { kind: 'invalid' }],
    ['/..', { kind: 'invalid' }],
    [`/${'a'.repeat(255)}`, named('a'.repeat(255))],
    [`/${'a'.repeat(256)}`, { kind: 'invalid' }],
  ] as const)('%s', (path, document) => {
    expect(read({ path }).document).toEqual(document)
  })

  test('is the rest of the query where the base had one', () => {
    expect(read({ query: 'token=a.b.c/doc' })).toMatchObject({
      document: named('doc'),
      token: 'a.b.c',
      carrier: 'query',
    })
    expect(read({ query: 'access_token=a.b.c%2Fdoc' }).document).toEqual(named('doc'))
    expect(read({ path: '/doc', query: 'token=a.b.c/doc' }).document).toEqual(named('doc'))
    expect(read({ path: '/x', query: 'token=a.b.c/doc' }).document).toEqual({ kind: 'invalid' })
    expect(read({ query: 'token=a.b.c/x/y' }).document).toEqual({ kind: 'invalid' })
    expect(read({ query: 'token=a.b.c/' })).toMatchObject({ document: { kind: 'none' } })
  })
})

describe('the token', () => {
  test.each([
    [{ query: 'token=t' }, 't', 'query'],
    [{ query: 'access_token=t' }, 't', 'query'],
    [{ query: 'token=&access_token=t' }, 't', 'query'],
    [{ query: 'token=t&access_token=u' }, 't', 'query'],
    [{ subprotocols: ['access_token', 't'] }, 't', 'subprotocol'],
    [{ subprotocols: ['Bearer', 't'] }, 't', 'subprotocol'],
    [{ authorization: 'Bearer t' }, 't', 'header'],
    [{ authorization: 'bearer  t ' }, 't', 'header'],
    [{ authorization: 'Basic dTpw', query: 'token=t' }, 't', 'query'],
    [{ authorization: 'Bearer t', subprotocols: ['access_token', 'u'] }, 't', 'header'],
    [{ subprotocols: ['access_token', 't'], query: 'token=u' }, 't', 'subprotocol'],
    [{ subprotocols: ['access_token'], query: 'token=u' }, 'u', 'query'],
    [{}, undefined, undefined],
    [{ query: 'token=' }, undefined, undefined],
    [{ query: 'token=/doc' }, undefined, undefined],
    [{ subprotocols: ['t'] }, undefined, undefined],
  ] as const)('%j', (text, token, carrier) => {
    const found = read(text)
    expect([found.token, found.carrier]).toEqual([token, carrier])
  })

  test('is never what is selected: that is the word before it', () => {
    expect(read({ subprotocols: ['access_token', 't'] }).subprotocol).toBe('access_token')
    expect(read({ subprotocols: ['Bearer', 't'] }).subprotocol).toBe('Bearer')
    expect(read({ subprotocols: ['mqtt'] }).subprotocol).toBeUndefined()
  })
})

test('any text is read, and names that come out are names', () => {
  const text = fc.record({
    path: fc.oneof(
      fc.string(),
      fc.string().map((path) => `/${path}`),
    ),
    query: fc.string(),
    authorization: fc.option(fc.string(), { nil: undefined }),
    subprotocols: fc.array(fc.string(), { maxLength: 4 }),
  })
  fc.assert(
    fc.property(text, (given) => {
      const { document, token } = read(given)
      if (document.kind === 'named') expect(isDocumentName(document.name)).toBe(true)
      expect(token).not.toBe('')
    }),
  )
})
