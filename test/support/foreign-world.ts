/** Two tenants with apps, and what verifies tokens of their own backends, over a scripted outside. */
import { createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import {
  createForeignTokens,
  type ForeignTokens,
} from '../../packages/server/src/assembly/foreign-tokens.ts'
import type { IssuedCredential } from '../../packages/server/src/credentials/administration/issued.ts'
import type { LoadedApp } from '../../packages/server/src/credentials/app-directory.ts'
import type { BearerIdentity } from '../../packages/server/src/credentials/bearers.ts'
import type { KeyFields } from '../../packages/server/src/credentials/foreign-keys/registered-key.ts'
import { attributesOf } from '../../packages/server/src/http/admin/credential-attributes.ts'
import { systemRandom } from '../../packages/server/src/adapters/system/random.ts'
import type { Result } from '../../packages/protocol/src/result.ts'
import { SETTINGS } from '../contract/records.ts'
import { CALLER, type CoreWorld, openCoreWorld } from './credential-core.ts'
import { ScriptedFetcher } from './scripted-fetcher.ts'
import { appOf, declare, OTHER_TENANT_ID, TENANT_ID, tenantOf } from './token-world.ts'

export const SOURCE = { ip: '192.0.2.9', agent: 'test', protocol: 'http' } as const
export const ROLES = ['editor publish:doc:* subscribe:doc:*', 'viewer subscribe:**']

export interface ForeignWorld extends CoreWorld, ForeignTokens {
  readonly fetcher: ScriptedFetcher
  /** Of every warning: what it says. */
  readonly warnings: unknown[]
  loaded(appId: string): LoadedApp
  /** Registers a credential through the administration, as an operator does. */
  register(
    fields: Partial<Parameters<typeof attributesOf>[0]> & { name?: string; value?: string },
    appId?: string,
  ): Promise<IssuedCredential>
  authenticate(token: string): Promise<Result<BearerIdentity, string>>
  /** Seconds, as tokens count. */
  seconds(): number
  /** Recorded uses of a credential: how many by outcome. */
  usesOf(credentialId: string): Readonly<Record<string, number>>
}

export async function openForeignWorld(): Promise<ForeignWorld> {
  const fetcher = new ScriptedFetcher()
  const warnings: unknown[] = []
  const nothing = () => {}
  const error = (_event: string, failure: unknown) => {
    throw failure
  }
  const warn = (event: string, fields: unknown) => warnings.push({ event, ...Object(fields) })
  const log = { debug: nothing, info: nothing, warn, error }
  const world = await openCoreWorld({ fetcher })
  const settings = { ...SETTINGS, jwtRoles: ROLES, jwtTtlMaxMs: 3_600_000 }
  const apps = ['app', 'sibling'].map((id) => appOf(id, { settings }))
  await declare(world, [
    tenantOf(TENANT_ID, { apps: [...apps, appOf('page', PUBLIC)] }),
    tenantOf(OTHER_TENANT_ID, { apps: [appOf('foreign', { settings })] }),
  ])
  const foreign = createForeignTokens(world.core, log)
  const { authority, changes, uses } = world.core
  const loaded = (appId: string) => {
    const found = authority.apps.findById(appId)
    if (found === undefined) throw new Error(`there is no app ${appId}`)
    return found
  }
  return {
    ...world,
    ...foreign,
    fetcher,
    warnings,
    loaded,
    async register({ name = 'made', value, ...fields }, appId = 'app') {
      const all = { kind: 'jwt_secret' as const, ...fields }
      const attributes = attributesOf(all, systemRandom)
      if (!attributes.ok) throw new Error(attributes.detail)
      const owner = { tenantId: loaded(appId).tenant.id, appId }
      const key = keyOf(all)
      const request = { ...owner, kind: all.kind, name, attributes: attributes.value, value, key }
      const made = await changes.create(request, CALLER)
      if (!made.ok) throw new Error(`${made.refusal}: ${made.detail}`)
      return made.value
    },
    authenticate: (token) => foreign.door.authenticate(token, SOURCE),
    seconds: () => Math.floor(world.time.ms / 1_000),
    usesOf(credentialId) {
      const counts: Record<string, number> = {}
      for (const { outcome, count } of uses.pendingOf(credentialId)) {
        counts[outcome] = (counts[outcome] ?? 0) + count
      }
      return counts
    },
  }
}

const PUBLIC = { type: 'public', clientSecret: undefined } as const

function keyOf({ jwk, publicKeyPem, jwksUrl }: KeyFields): KeyFields | undefined {
  const isGiven = jwk ?? publicKeyPem ?? jwksUrl
  return isGiven === undefined ? undefined : { jwk, publicKeyPem, jwksUrl }
}

export const encode = (part: unknown): string =>
  Buffer.from(typeof part === 'string' ? part : JSON.stringify(part)).toString('base64url')

/** A token with any header and claims, signed with a secret. */
export function macToken(
  secret: string | Uint8Array,
  claims: unknown,
  header: Readonly<Record<string, unknown>> = {},
): string {
  const whole = { alg: 'HS256', typ: 'JWT', ...header }
  const input = `${encode(whole)}.${encode(claims)}`
  const hash = { HS384: 'sha384', HS512: 'sha512' }[whole.alg] ?? 'sha256'
  return `${input}.${createHmac(hash, secret).update(input).digest('base64url')}`
}

export interface KeyPair {
  readonly publicKey: KeyObject
  readonly privateKey: KeyObject
  readonly jwk: Readonly<Record<string, unknown>>
}

export function ecPair(more: Readonly<Record<string, unknown>> = {}): KeyPair {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return { publicKey, privateKey, jwk: { ...publicKey.export({ format: 'jwk' }), ...more } }
}

/** A token with any header and claims, signed with a P-256 key. */
export function ecToken(
  { privateKey }: Pick<KeyPair, 'privateKey'>,
  claims: unknown,
  header: Readonly<Record<string, unknown>> = {},
): string {
  const input = `${encode({ alg: 'ES256', typ: 'JWT', ...header })}.${encode(claims)}`
  const key = { key: privateKey, dsaEncoding: 'ieee-p1363' as const }
  return `${input}.${sign('sha256', Buffer.from(input), key).toString('base64url')}`
}
