/** What servers do with the tokens of their app: end, list and look into them (contract 2.7). */
import {
  isSelected,
  type LineageSelector,
} from '../../credentials/connection-tokens/token-ending.ts'
import {
  type Lineage,
  type LineageStatus,
  statusOf,
} from '../../credentials/connection-tokens/lineage.ts'
import type { LoadedApp } from '../../credentials/app-directory.ts'
import { foldCase, parseEmail } from '../../credentials/connection-tokens/provider-claims.ts'
import type { KeyIdentity } from '../../credentials/bearers.ts'
import { refusal } from './answers.ts'
import { byManager } from './callers.ts'
import { invalid } from './create.ts'
import {
  type Answered,
  answered,
  refused,
  type ServiceCall,
  type TokenServiceDeps,
} from './deps.ts'
import { readEmail, readOptionalText, readText } from './fields.ts'
import { listedShape, usernameOf } from './shapes.ts'
import { TOKENS } from './paths.ts'

const PAGE_COUNT = 50
const PAGE_COUNT_MAX = 200
const STATUSES: readonly string[] = ['active', 'expired', 'revoked', 'replaced']

export async function answerRevoke(call: ServiceCall): Promise<Answered> {
  const manager = await byManager(call)
  if (!manager.ok) return refused(manager.refused)
  const { key } = manager
  const selector = readSelector(call, key)
  if (typeof selector === 'string') return refused(invalid(selector))
  // What is no token of this app has ended already: there is nothing it could do about that.
  if (selector === undefined) return answered({ revoked: 0 })
  const { ending } = call.deps
  return answered({ revoked: await ending.revoke(key.loaded, selector, endingOf(key, call)) })
}

/** `DELETE /v2/tokens/{token_id}`. */
export async function answerDelete(call: ServiceCall, tokenId: string): Promise<Answered> {
  const manager = await byManager(call)
  if (!manager.ok) return refused(manager.refused)
  const { key } = manager
  const { table, ending } = call.deps
  if (table.find(tokenId)?.record.appId !== key.loaded.app.id) {
    return refused(refusal('token_not_found', 'There is no such token in this app.'))
  }
  await ending.revoke(key.loaded, { id: tokenId }, endingOf(key, call))
  return answered({ revoked: true })
}

export async function answerList(call: ServiceCall): Promise<Answered> {
  const manager = await byManager(call)
  if (!manager.ok) return refused(manager.refused)
  const { loaded } = manager.key
  const { query, deps } = call
  const status = query.get('status') ?? undefined
  if (status !== undefined && !STATUSES.includes(status)) {
    return refused(invalid(`status is one of ${STATUSES.join(', ')}.`))
  }
  const limit = query.get('limit')
  const countMax = limit === null ? PAGE_COUNT : Number(limit)
  if (!Number.isInteger(countMax) || countMax < 1 || countMax > PAGE_COUNT_MAX) {
    return refused(invalid(`limit is a whole number from 1 to ${PAGE_COUNT_MAX}.`))
  }
  const email = query.get('user_email')
  const selector = {
    ...given('userEmail', email === null ? undefined : foldCase(email)),
    ...given('integration', query.get('integration_id') ?? undefined),
  }
  const statusAt = (lineage: Lineage) => statusNow(lineage, loaded, deps)
  const { lineages, nextCursor } = deps.table.page(loaded.app.id, {
    cursor: query.get('cursor') ?? undefined,
    countMax,
    isWanted: (lineage) =>
      isSelected(lineage, selector) && (status === undefined || statusAt(lineage) === status),
  })
  const connections = deps.connectionsOf(loaded.app.id)
  const tokens = lineages.map((lineage) =>
    listedShape(lineage, loaded, {
      status: statusAt(lineage),
      connections: connections(lineage.record.id),
    }),
  )
  return answered({ tokens, next_cursor: nextCursor ?? null })
}

/** What has ended its user or key has ended the token too. */
function statusNow(
  lineage: Lineage,
  loaded: LoadedApp,
  { tokens, clock }: TokenServiceDeps,
): LineageStatus {
  const status = statusOf(lineage.record, clock.nowMs())
  return status === 'active' && !tokens.stateOf({ lineage, loaded }).ok ? 'revoked' : status
}

/** RFC 7662 §2.2: of what is no live token of this app nothing is said but that. */
export async function answerIntrospect(call: ServiceCall): Promise<Answered> {
  const manager = await byManager(call)
  if (!manager.ok) return refused(manager.refused)
  const token = readText(call.body, 'token')
  if (!token.ok) return refused(invalid(token.detail))
  const { tokens, clock } = call.deps
  const known = tokens.find(token.value)
  const { loaded } = manager.key
  if (!known.ok || known.value.loaded.app.id !== loaded.app.id) return answered({ active: false })
  const { lineage, claims } = known.value
  const { record } = lineage
  const isLive =
    statusOf(record, clock.nowMs()) === 'active' &&
    claims.generation === record.generation &&
    tokens.stateOf(known.value).ok
  if (!isLive) return answered({ active: false })
  return answered({
    active: true,
    token_type: 'Bearer',
    token_id: record.id,
    sub: record.userId,
    username: usernameOf(record, loaded),
    user_email: record.userEmail,
    provider: record.provider,
    integration_id: record.integration ?? null,
    acl: record.acl,
    iat: Math.floor(claims.issuedAtMs / 1_000),
    exp: Math.floor(record.expiresAtMs / 1_000),
  })
}

/**
 * @returns which tokens are meant; undefined for a token that is none of this app; a text that says
 *   what is wrong.
 */
function readSelector(
  { body, deps }: ServiceCall,
  { loaded }: KeyIdentity,
): LineageSelector | undefined | string {
  const names = ['token_id', 'token', 'user_email', 'integration_id'].filter(
    (name) => body[name] !== undefined,
  )
  if (names.length === 0) return 'Name one: token_id, token, user_email or integration_id.'
  for (const name of names) {
    const text = name === 'user_email' ? readEmail(body, name) : readOptionalText(body, name)
    if (!text.ok) return text.detail ?? name
  }
  const textOf = (name: string) => {
    const value = body[name]
    return typeof value === 'string' ? value : undefined
  }
  const token = textOf('token')
  const known = token === undefined ? undefined : deps.tokens.find(token)
  if (known !== undefined && (!known.ok || known.value.loaded.app.id !== loaded.app.id)) {
    return undefined
  }
  const id = known?.ok === true ? known.value.lineage.record.id : textOf('token_id')?.toLowerCase()
  return {
    ...given('id', id),
    ...given('userEmail', parseEmail(body['user_email'])),
    ...given('integration', textOf('integration_id')),
  }
}

function endingOf({ loaded, version }: KeyIdentity, { source }: ServiceCall) {
  const actor = { kind: 'app' as const, id: loaded.app.id }
  return { actor, source, reason: 'revoked by a key of the app', keyId: version.keyId }
}

function given<N extends keyof LineageSelector>(
  name: N,
  value: string | undefined,
): Partial<Record<N, string>> {
  return value === undefined ? {} : ({ [name]: value } as Record<N, string>)
}

/** @returns the id behind `/v2/tokens/`, in lower case; undefined for any other path. */
export function tokenIdOfPath(path: string): string | undefined {
  const id = path.slice(TOKENS.length + 1).toLowerCase()
  return UUID.test(id) ? id : undefined
}

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
