import { beforeEach, describe, expect, test } from 'bun:test'
import { CALLER } from '../../../../../test/support/credential-core.ts'
import { macToken } from '../../../../../test/support/foreign-world.ts'
import { type DoorWorld, openDoorWorld } from '../../../../../test/support/mqtt-door-world.ts'
import { LIMITS } from '../../../../../test/support/token-world.ts'
import type { Source } from '../../core/source.ts'
import type { RecordDenial } from '../audit/denied-access.ts'
import { EditorDoor } from './document-door.ts'
import type { EditorCredential } from './editor-identity.ts'

const SOURCE: Source = { ip: '192.0.2.9', agent: '', protocol: 'yjs' }
const PAGE = 'https://app.example'
const INVALID = { ok: false, refusal: 'credential_invalid' } as const

let world: DoorWorld
let door: EditorDoor

async function open(guardTexts: readonly string[] = []): Promise<void> {
  world = await openDoorWorld(guardTexts)
  const { authority, administration } = world.core
  const { bearers, guard } = world.parts
  const recordDenial: RecordDenial = (attempt, owner) =>
    void world.denials.push({ ...attempt, owner })
  door = new EditorDoor({
    apps: authority.apps,
    bearers,
    guard,
    clock: administration.clock,
    recordDenial,
  })
}
beforeEach(async () => open())

const come = async (token: string, more: Partial<EditorCredential> = {}) =>
  door.authenticate({ token, origin: undefined, isTls: false, ...more }, SOURCE)

async function editor(token: string) {
  const answer = await come(token)
  if (!answer.ok) throw new Error(answer.refusal)
  return answer.value
}

/** A token as a backend of the app signs it. */
async function customerToken(claims: Readonly<Record<string, unknown>>): Promise<string> {
  const value = 'k7Q-2vXw9_ZrT4mB8nLp3sYd6hFj1cGaWq5tEu0iRoP'
  const known = world.loaded('app').credentials.some(({ record }) => record.kind === 'jwt_secret')
  if (!known) {
    const attributes = { algorithms: ['HS256'] }
    await world.make('jwt_secret', { name: 'backend', value, attributes })
  }
  const iat = Math.floor(world.time.ms / 1_000)
  return macToken(value, { app: 'app', iat, exp: iat + 600, ...claims })
}

describe('an access token of ours', () => {
  test('reads and writes every document of its app, within the numbers it carries', async () => {
    const known = await editor(await world.accessToken('app'))
    expect(known.loaded.app.id).toBe('app')
    expect(known.userId).toBeUndefined()
    expect([known.mayRead('doc'), known.mayWrite('doc')]).toEqual([true, true])
    expect(known.documentLimits).toMatchObject({
      connectionCountMax: LIMITS.maxConnections,
      documentCountMax: LIMITS.maxDocuments,
      usersPerDocumentMax: LIMITS.maxUsersPerDoc,
    })
    expect(known.documentLimits.issuedAtMs).toBeLessThanOrEqual(world.time.ms)
    expect(known.expiresAtMs).toBeGreaterThan(world.time.ms)
    const texts = known.limits?.limits.map(({ name, quota }) => `${name} ${quota}`)
    expect(texts).toContain(`publish.app ${LIMITS.opsPerMinute}`)
    expect(texts).toContain(`connections.app ${LIMITS.maxConnections}`)
  })

  test('has its limits as one object for as long as it is known, in one count of the app', async () => {
    const token = await world.accessToken('app')
    const [one, other] = [await editor(token), await editor(token)]
    expect(one.limits).toBeDefined()
    expect(other.limits).toBe(one.limits)
    const next = await editor(await world.accessToken('app'))
    expect(next.limits?.holder).toBe(one.limits?.holder)
  })

  test('is held to the domains it names, and others leave the origin out', async () => {
    const token = await world.accessToken('app')
    for (const origin of [PAGE, 'https://app.example:8443', undefined]) {
      expect(await come(token, { origin })).toMatchObject({ ok: true })
    }
    for (const origin of ['https://evil.example', 'https://sub.app.example', 'null']) {
      expect(await come(token, { origin })).toMatchObject({
        ok: false,
        refusal: 'origin_refused',
        settings: { documentOriginRefusal: 'http' },
      })
    }
    expect(world.denials.map(({ action, reason, owner }) => [action, reason, owner.id])).toEqual(
      Array.from({ length: 3 }, () => ['auth.denied', 'origin_refused', 'app']),
    )
  })

  test('that is forged or over is refused, with the settings of the app it names', async () => {
    const token = await world.accessToken('app')
    const forged = `${token.slice(0, -8)}AAAAAAAA`
    expect(await come(forged)).toMatchObject({ ...INVALID, settings: { enabled: true } })
    world.time.ms += 3_600_000
    expect(await come(token)).toMatchObject({ ok: false, refusal: 'token_expired' })
    expect(world.denials.every(({ action }) => action === 'auth.failed')).toBe(true)
  })

  test('of an app that may not be used is refused as that', async () => {
    const token = await world.accessToken('app')
    world.change('app', { enabled: false })
    expect(await come(token)).toMatchObject({ ok: false, refusal: 'app_disabled' })
    world.change('app', { enabled: true, requireTls: true })
    expect(await come(token)).toMatchObject({ ok: false, refusal: 'tls_required' })
    expect(await come(token, { isTls: true })).toMatchObject({ ok: true })
  })
})

describe('a token of the customer', () => {
  test('reads where it may subscribe, and writes where it may publish', async () => {
    const channels = { shared: ['subscribe', 'publish'], 'notes-*': ['subscribe'] }
    const known = await editor(await customerToken({ sub: 'ann', channels }))
    expect(known.userId).toBe('ann')
    expect([known.mayRead('shared'), known.mayWrite('shared')]).toEqual([true, true])
    expect([known.mayRead('notes-1'), known.mayWrite('notes-1')]).toEqual([true, false])
    expect([known.mayRead('other'), known.mayWrite('other')]).toEqual([false, false])
  })

  test('has the limits of the plan of its app', async () => {
    const known = await editor(await customerToken({ sub: 'ann', channels: ['doc'] }))
    expect(known.documentLimits.usersPerDocumentMax).toBe(LIMITS.maxUsersPerDoc)
    expect(known.limits).toBeUndefined()
  })

  test('is held to the origins of its app where it names no domain', async () => {
    const token = await customerToken({ channels: ['doc'] })
    world.change('app', { allowedOrigins: [PAGE] })
    expect(await come(token, { origin: PAGE })).toMatchObject({ ok: true })
    const other = { origin: 'https://evil.example' }
    expect(await come(token, other)).toMatchObject({ refusal: 'origin_refused' })
    const named = await customerToken({ channels: ['doc'], allowed_domain_1: 'evil.example' })
    expect(await come(named, other)).toMatchObject({ ok: true })
  })
})

describe('an API key', () => {
  test('does what its scopes say, as they are now', async () => {
    const { value = '', credential } = await world.make('api_key')
    const known = await editor(value)
    expect([known.mayRead('doc'), known.mayWrite('doc')]).toEqual([true, true])
    expect(known.expiresAtMs).toBeUndefined()
    const scopes = ['subscribe:doc']
    await world.core.changes.update({ credentialId: credential.id, scopes }, CALLER)
    expect([known.mayRead('doc'), known.mayWrite('doc')]).toEqual([true, false])
    expect(known.mayRead('other')).toBe(false)
  })

  test('of a server stays out of pages unless the app lets it in', async () => {
    const { value = '' } = await world.make('api_key')
    expect(await come(value, { origin: PAGE })).toMatchObject({ refusal: 'password_in_browser' })
    expect(await come(value)).toMatchObject({ ok: true })
    world.change('app', { mqttUsersInBrowsers: 'allow' })
    expect(await come(value, { origin: PAGE })).toMatchObject({ ok: true })
    const page = await world.make('api_key', { name: 'page', attributes: { prefix: 'pk' } })
    world.change('app', { mqttUsersInBrowsers: 'deny' })
    expect(await come(page.value ?? '', { origin: PAGE })).toMatchObject({ ok: true })
  })

  test('is checked slowly once, and at once from then on', async () => {
    const { value = '' } = await world.make('api_key')
    await come(value)
    const given = { token: value, origin: undefined, isTls: false }
    expect(door.authenticate(given, SOURCE)).toMatchObject({ ok: true })
  })
})

describe('who does not prove to be anybody', () => {
  test.each(['', 'x', 'a.b.c', 'sk_0123'])('%j is wrong, and recorded', async (token) => {
    expect(await come(token)).toMatchObject(INVALID)
    expect(world.denials.map(({ action }) => action)).toEqual(['auth.failed'])
  })

  test('and without a token is told so', () => {
    expect(door.missing(SOURCE)).toBe('credential_missing')
    expect(world.denials.map(({ reason }) => reason)).toEqual(['credential_missing'])
  })

  test('is charged to the address, and refused by the limit in the end', async () => {
    await open(['auth.ip 2/1m'])
    expect(await come('x')).toMatchObject(INVALID)
    expect(door.missing(SOURCE)).toBe('credential_missing')
    expect(await come('x')).toMatchObject({ refusal: 'rate_limited' })
    expect(door.missing(SOURCE)).toBe('rate_limited')
    expect(await come(await world.accessToken('app'))).toMatchObject({ ok: true })
  })
})
