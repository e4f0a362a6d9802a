import { describe, expect, test } from 'bun:test'
import { loadConfig } from './load.ts'

const TENANT = {
  id: '3f9a6c6e-2d9e-4c3e-a1f1-3b2c99e6b111',
  shortId: 'org_k7xm4pqr2n5t',
  name: 'Acme',
}
const APP = {
  id: '8d1f02',
  name: 'chat',
  key: 'pk-9f2e61',
  secret: 'q8Zr2LmW0xT5vKc7',
  allowedOrigins: ['https://app.example.com'],
}

async function problemsOf(file: object): Promise<readonly string[]> {
  const outcome = await loadConfig({
    file: { name: 'lockgate.json', text: JSON.stringify(file) },
    environment: {},
    flags: {},
    workingFolder: '/srv',
    readFile: () => ({ ok: false, refusal: 'missing' }),
  })
  return outcome.ok ? [] : outcome.problems.map(({ where, what }) => `${where}: ${what}`)
}

const withApp = (app: object, top: object = {}) => ({
  ...top,
  tenants: [{ ...TENANT, apps: [{ ...APP, ...app }] }],
})

describe('production', () => {
  const production = (app: object) => problemsOf(withApp(app, { mode: 'production' }))

  test('takes an app with random credentials and a list of origins', async () => {
    expect(await production({})).toEqual([])
  })

  test.each([
    ['a well-known id', { id: 'app-id' }],
    ['a well-known key', { key: 'app-key' }],
    ['a well-known key in other letters', { key: 'App-Key' }],
    ['a well-known secret', { secret: 'app-secret' }],
    ['a well-known long secret', { secret: '0123456789abcdef' }],
    ['the secret `secret`', { secret: 'secret' }],
    ['the secret `changeme`', { secret: 'changeme' }],
    ['a secret of 15 characters', { secret: 'q8Zr2LmW0xT5vKc' }],
    ['a secret of few characters', { secret: 'abababababababababab' }],
    ['a secret that is the key', { key: 'q8Zr2LmW0xT5vKc7' }],
    ['an MQTT user with a short password', { mqttUsers: [{ name: 'a', password: 'q8Zr2Lm' }] }],
    ['an MQTT user with a known one', { mqttUsers: [{ name: 'a', password: '0123456789abcdef' }] }],
    ['no origins', { allowedOrigins: [] }],
    ['absent origins', { allowedOrigins: undefined }],
  ])('refuses %s, which development takes', async (_, app) => {
    expect(await production(app)).toHaveLength(1)
    expect(await problemsOf(withApp(app))).toEqual([])
  })

  test('takes any origin only where that is said', async () => {
    const open = { allowedOrigins: [], dangerousAnyOrigin: true }
    expect(await production(open)).toEqual([])
    for (const feature of ['requireAuthorization', 'clientMessages', 'watchlist']) {
      expect(await production({ ...open, [feature]: true })).toHaveLength(1)
      expect(await production({ [feature]: true })).toEqual([])
    }
  })

  test('refuses a master key that is not random', async () => {
    const masterKey = Buffer.alloc(32, 'k').toString('base64')
    expect(await problemsOf({ mode: 'production', masterKey })).toHaveLength(1)
    expect(await problemsOf({ masterKey })).toEqual([])
  })
})

describe('origins', () => {
  test.each([
    'https://example.com',
    'http://localhost:3000',
    'https://*.example.com',
    'https://xn--bcher-kva.example',
    'http://[::1]:8080',
    'capacitor://localhost',
    'chrome-extension://abcdefghijklmnop',
  ])('%s is taken', async (origin) => {
    expect(await problemsOf(withApp({ allowedOrigins: [origin] }))).toEqual([])
  })

  test.each([
    '*',
    'null',
    '',
    'example.com',
    'https://example.com/',
    'https://example.com/path',
    'https://Example.com',
    'https://example.com:443',
    'http://example.com:80',
    'https://example.com:99999',
    'https://user@example.com',
    'https://*',
    'https://*.com',
    'http://*.example.com',
    'https://a.*.example.com',
    'https://*.*.example.com',
    'https://*.example.com:8443',
    'https://*example.com',
    'https://exa mple.com',
    'https://-example.com',
    'https://example.com\n',
    `https://${'a'.repeat(300)}.com`,
    7,
    null,
  ])('%p is refused', async (origin) => {
    expect(await problemsOf(withApp({ allowedOrigins: [origin] }))).toHaveLength(1)
  })

  test('each bad entry is named', async () => {
    const found = await problemsOf(withApp({ allowedOrigins: ['*', 'https://ok.example', 'null'] }))
    expect(found.map((text) => /entry \d/.exec(text)?.[0])).toEqual(['entry 1', 'entry 3'])
  })

  test('a list and `dangerousAnyOrigin` contradict each other', async () => {
    expect(await problemsOf(withApp({ dangerousAnyOrigin: true }))).toHaveLength(1)
  })
})

describe('listeners and TLS', () => {
  test('two listeners on one port are refused, not on port 0 or where one is unused', async () => {
    expect(await problemsOf({ listen: { http: '127.0.0.1:7000', ops: '127.0.0.1:7000' } })).toEqual(
      ['lockgate.json:1 listen.ops: this port belongs to another listener'],
    )
    expect(await problemsOf({ listen: { http: '127.0.0.1:0', ops: '127.0.0.1:0' } })).toEqual([])
    const same = { http: '127.0.0.1:8443' }
    expect(await problemsOf({ listen: same })).toEqual([])
    const tls = { certFile: 'c', keyFile: 'k' }
    expect(await problemsOf({ listen: same, tls })).toHaveLength(1)
    const mqtts = { mqtt: '127.0.0.1:8883' }
    expect(await problemsOf({ listen: mqtts })).toEqual([])
    expect(await problemsOf({ listen: mqtts, tls })).toHaveLength(1)
    expect(await problemsOf({ listen: { mqtt: 'none', mqtts: 'none' }, tls })).toEqual([])
  })

  test('TLS needs both files', async () => {
    expect(await problemsOf({ tls: { certFile: 'c' } })).toHaveLength(1)
    expect(await problemsOf({ tls: { keyFile: 'k' } })).toHaveLength(1)
    expect(await problemsOf({ tls: { certFile: 7, keyFile: 'k' } })).toHaveLength(1)
  })

  test('an authority of clients needs TLS, and certificates of clients need an authority', async () => {
    const pair = { certFile: 'c', keyFile: 'k' }
    const required = { clientCertificates: 'required' }
    expect(await problemsOf({ tls: { clientCaFile: 'a' } })).toHaveLength(1)
    expect(await problemsOf({ tls: { ...pair, ...required } })).toHaveLength(1)
    expect(await problemsOf({ tls: { ...pair, ...required, clientCaFile: 'a' } })).toEqual([])
  })
})

describe('identities', () => {
  const other = { ...TENANT, id: TENANT.id.replace('111', '222'), shortId: 'org_222222222222' }

  test.each([
    [
      'tenant ids',
      { ...other, id: TENANT.id.toUpperCase(), apps: [] },
      'another tenant has this id',
    ],
    [
      'short ids',
      { ...other, shortId: TENANT.shortId, apps: [] },
      'another tenant has this shortId',
    ],
    ['app ids', { ...other, apps: [{ ...APP, key: 'k2' }] }, 'another app has this id'],
    ['app keys', { ...other, apps: [{ ...APP, id: 'i2' }] }, 'another app or pair has this key'],
  ])('two equal %s are refused', async (_, second, what) => {
    const found = await problemsOf({ tenants: [{ ...TENANT, apps: [APP] }, second] })
    expect(found).toHaveLength(1)
    expect(found[0]).toContain(what)
  })

  test('app names are unique in their tenant only', async () => {
    const second = { ...APP, id: 'i2', key: 'k2' }
    expect(await problemsOf({ tenants: [{ ...TENANT, apps: [APP, second] }] })).toHaveLength(1)
    const apart = [
      { ...TENANT, apps: [APP] },
      { ...other, apps: [second] },
    ]
    expect(await problemsOf({ tenants: apart })).toEqual([])
  })

  test('two pairs of one app cannot share a key', async () => {
    const pair = { key: APP.key, secret: APP.secret }
    const keys = { key: undefined, secret: undefined, keys: [pair, pair] }
    expect(await problemsOf(withApp(keys))).toHaveLength(1)
  })

  test.each([
    [{ id: 'a b' }],
    [{ id: 'x'.repeat(65) }],
    [{ id: 1234567 }],
    [{ key: 'a/b' }],
    [{ name: ' ' }],
    [{ name: 'a\nb' }],
    [{ plan: 'gold' }],
    [{ region: 'mars' }],
  ])('%p is refused', async (fields) => {
    expect(await problemsOf(withApp(fields))).toHaveLength(1)
  })

  test.each([
    [{ id: 'acme' }],
    [{ shortId: 'org_K7xm4pqr2n5t' }],
    [{ shortId: 'org_07xm4pqr2n5t' }],
    [{ shortId: 'org_k7xm4pqr2n5' }],
    [{ name: '' }],
  ])('tenant %p is refused', async (fields) => {
    expect(await problemsOf({ tenants: [{ ...TENANT, ...fields }] })).toHaveLength(1)
  })
})
