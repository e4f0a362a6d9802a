/** Tenants with apps and client secrets, and the token service over them, in memory. */
import { openMemoryLimitEngine } from '../../packages/server/src/adapters/limit-engine-memory/limit-engine.ts'
import { createGuarding } from '../../packages/server/src/assembly/guarding.ts'
import { LiveEvents } from '../../packages/server/src/core/live-events.ts'
import {
  createIntrospection,
  createTokenService,
  type TokenService,
} from '../../packages/server/src/assembly/token-service.ts'
import type { LoadedApp } from '../../packages/server/src/credentials/app-directory.ts'
import type { Config } from '../../packages/server/src/config/config.ts'
import { AppLimitBook } from '../../packages/server/src/credentials/app-limits.ts'
import { Bearers } from '../../packages/server/src/credentials/bearers.ts'
import { applyDeclarations } from '../../packages/server/src/credentials/declaration/declare.ts'
import type {
  DeclaredApp,
  DeclaredTenant,
} from '../../packages/server/src/credentials/declaration/declared.ts'
import type { OauthDeps } from '../../packages/server/src/http/oauth/deps.ts'
import { handleOauth } from '../../packages/server/src/http/oauth/router.ts'
import { SETTINGS } from '../contract/records.ts'
import { type CoreWorld, openCoreWorld } from './credential-core.ts'

export const ISSUER_BASE = 'https://tokens.example'
export const TENANT_ID = '3f9a6c6e-2d9e-4c3e-a1f1-3b2c99e6b111'
export const OTHER_TENANT_ID = '11111111-2d9e-4c3e-a1f1-3b2c99e6b111'
export const LIMITS = {
  maxConnections: 100,
  maxDocuments: 500,
  maxUsersPerDoc: 50,
  opsPerMinute: 10_000,
}
export const TOKEN_TIMES = {
  accessTokenMs: 900_000,
  refreshTokenMs: 604_800_000,
  refreshFamilyMs: 0,
  refreshLeewayMs: 10_000,
  signingKeyDays: 30,
  signingKeyTailMs: 86_400_000,
}

/** Deliberately no key of the key format: values of people's own are secrets too. */
export const secretOf = (appId: string) => `secret-of-${appId}-0123456789abcdef`
export const clientIdOf = (appId: string) => `client-${appId}`

export interface TokenWorld extends CoreWorld {
  readonly tokens: TokenService
  readonly oauth: OauthDeps
  /** Calls an endpoint as the HTTP listener does. */
  call(path: string, init?: CallInit): Promise<Answer>
  loaded(appId: string): LoadedApp
}

export interface CallInit {
  readonly method?: string
  /** Sent as a form. */
  readonly form?: Readonly<Record<string, string>> | string
  readonly json?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly ip?: string
}

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** Looked into by name. */
  readonly body: ReturnType<JSON['parse']>
}

export async function openTokenWorld(
  options: {
    readonly times?: Partial<typeof TOKEN_TIMES>
    readonly kept?: Parameters<typeof openCoreWorld>[0]
    readonly algorithm?: 'ES256' | 'RS256'
    readonly documents?: Config['documents']
    /** Limits of the installation. */
    readonly guardTexts?: readonly string[]
  } = {},
): Promise<TokenWorld> {
  const world = await openCoreWorld(options.kept)
  const { core } = world
  const { algorithm = 'ES256' } = options
  await declare(world, [
    tenantOf(TENANT_ID, { algorithm, apps: [appOf('app'), appOf('sibling'), publicApp('page')] }),
    tenantOf(OTHER_TENANT_ID, { algorithm, apps: [appOf('foreign')] }),
  ])
  const { documents } = options
  const config = {
    tokens: { ...TOKEN_TIMES, ...options.times },
    publicUrl: ISSUER_BASE,
    ...(documents && { documents }),
  }
  const tokens = createTokenService(config, core, { limits: new AppLimitBook([]) })
  const { clock } = core.administration
  const fail = (_event: string, error: unknown) => {
    throw error
  }
  const nothing = () => {}
  const { check, recordUse, recordDenial, authority } = core
  const { apps } = authority
  const doors = [tokens.door]
  const bearers = new Bearers({ apps, check, clock, recordUse, recordDenial, doors })
  const engine = openMemoryLimitEngine({ clock })
  const events = new LiveEvents()
  const { guard } = createGuarding(
    { guard: { limits: options.guardTexts ?? [] } },
    { engine, clock, events, recordDenial },
  )
  const oauth: OauthDeps = {
    ...tokens,
    introspection: createIntrospection(core, bearers),
    bearers,
    recordDenial,
    guard,
    clock,
    tally: world.tally,
    log: { debug: nothing, info: nothing, warn: nothing, error: fail },
  }
  return {
    ...world,
    tokens,
    oauth,
    call: (path, init) => callOauth(oauth, path, init),
    loaded(appId) {
      const loaded = core.authority.apps.findById(appId)
      if (loaded === undefined) throw new Error(`there is no app ${appId}`)
      return loaded
    },
  }
}

export async function callOauth(
  deps: OauthDeps,
  path: string,
  init: CallInit = {},
): Promise<Answer> {
  const { form, json, ip = '192.0.2.1' } = init
  const isPost = form !== undefined || json !== undefined
  const type = json === undefined ? 'application/x-www-form-urlencoded' : 'application/json'
  const url = `${ISSUER_BASE}${path}`
  const text = json ?? (typeof form === 'string' ? form : new URLSearchParams(form).toString())
  const request = new Request(url, {
    method: init.method ?? (isPost ? 'POST' : 'GET'),
    headers: { ...(isPost ? { 'content-type': type } : {}), ...init.headers },
    ...(isPost ? { body: text } : {}),
  })
  const [bare = '', query = ''] = path.split('?')
  const source = () => ({ ip, agent: 'test' })
  const target = { path: bare, fullPath: bare, query }
  const answer = await handleOauth(request, target, { deps, source })
  const body = await answer.text()
  const isJson = answer.headers.get('content-type')?.includes('json') === true
  const { status, headers } = answer
  return { status, headers, text: body, body: isJson ? JSON.parse(body) : undefined }
}

export function basic(clientId: string, secret: string): Readonly<Record<string, string>> {
  const encode = (text: string) => encodeURIComponent(text).replaceAll('%20', '+')
  const pair = Buffer.from(`${encode(clientId)}:${encode(secret)}`).toString('base64')
  return { authorization: `Basic ${pair}` }
}

/** The form of a request for tokens with the secret of an app. */
export function credentialsForm(
  appId: string,
  changes: Readonly<Record<string, string>> = {},
): Readonly<Record<string, string>> {
  return {
    grant_type: 'client_credentials',
    client_id: clientIdOf(appId),
    client_secret: secretOf(appId),
    scope: 'WireSocket.API offline_access',
    ...changes,
  }
}

export function refreshForm(
  appId: string,
  refreshToken: string,
  changes: Readonly<Record<string, string>> = {},
): Readonly<Record<string, string>> {
  const grant = { grant_type: 'refresh_token', refresh_token: refreshToken }
  return { ...grant, client_id: clientIdOf(appId), ...changes }
}

/** The claims of a token, unverified. */
export function claimsOf(token: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8'))
}

export function appOf(id: string, changes: Partial<DeclaredApp> = {}): DeclaredApp {
  return {
    id,
    name: id,
    type: 'confidential',
    region: 'local',
    plan: 'unlimited',
    clientId: clientIdOf(id),
    clientSecret: secretOf(id),
    signingKeys: [{ key: `key-${id}`, secret: `signing-${id}` }],
    apiKeys: [],
    jwtSecrets: [],
    allowedDomains: ['app.example', 'app.example:8443'],
    settings: SETTINGS,
    ...changes,
  }
}

function publicApp(id: string): DeclaredApp {
  return appOf(id, { type: 'public', clientSecret: undefined })
}

export function tenantOf(
  id: string,
  of: {
    readonly apps: readonly DeclaredApp[]
    readonly algorithm?: DeclaredTenant['signingAlgorithm']
  },
): DeclaredTenant {
  return {
    id,
    shortId: `org_${id
      .replaceAll(/[^a-z2-9]/g, '')
      .slice(0, 12)
      .padEnd(12, 'x')}`,
    name: id,
    signingAlgorithm: of.algorithm ?? 'ES256',
    plans: [],
    apps: of.apps,
  }
}

export async function declare(
  { core }: CoreWorld,
  tenants: readonly DeclaredTenant[],
): Promise<void> {
  const plans = [
    { name: 'unlimited', limits: LIMITS, isOnePerTenant: false, isOpenToTenants: false },
    {
      name: 'free',
      limits: { ...LIMITS, maxConnections: 40 },
      isOnePerTenant: true,
      isOpenToTenants: true,
    },
  ]
  const declarations = { plans, tenants, operatorKeys: [] }
  const { administration, revocations } = core
  const applied = await applyDeclarations(declarations, { administration, revocations })
  if (!applied.ok) throw new Error(`refused: ${applied.detail ?? applied.refusal}`)
}
