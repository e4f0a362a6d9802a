/**
 * Makes connection tokens: the first password of a new lineage. Who may ask has been decided; here
 * are the bounds on how long and how many, and what becomes of earlier ones of the same user.
 */
import { ok, type Result, refuse } from '@lockgate/protocol/result'
import type { TopicAcl } from '../../core/rules/topic-rules.ts'
import type { Reliance } from '../../core/reliance.ts'
import type { Source } from '../../core/source.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Random } from '../../ports/random.ts'
import type { ConnectionTokenRecord } from '../../ports/records/connection-token.ts'
import type { LoadedApp } from '../app-directory.ts'
import type { AuditActor, AuditEntry } from '../audit/entry.ts'
import { randomReadable, randomUuid } from '../identifiers.ts'
import type { ConnectionTokens } from './connection-tokens.ts'
import {
  type FullTable,
  KNOWN_OF_USER_MAX,
  LINEAGES_OF_USER_MAX,
  type LineageTable,
} from './lineage-table.ts'
import type { LineageWriter } from './lineage-writer.ts'
import type { TokenFigures } from './token-figures.ts'

export const TTL_DEFAULT_MS = 3_600_000
/** A client whose clock is ahead by more than the life of its token sees it as expired (2.2). */
export const TTL_MS_MIN = 60_000
export const TTL_MS_MAX = 86_400_000
/** 60 random bits: nobody meets another one's user name by chance. */
const USERNAME_LENGTH = 12

export interface MintOrder {
  readonly loaded: LoadedApp
  /** Lowercase. */
  readonly userEmail: string
  readonly userId: string
  /** Undefined: {@link TTL_DEFAULT_MS}; more than the app allows is shortened. */
  readonly ttlMs: number | undefined
  /** No password lasts longer; undefined: as the app says. */
  readonly endsAtMs: number | undefined
  readonly acl: TopicAcl
  readonly integration: string | undefined
  /** `cloudsignal`, or the kind of the identity provider. */
  readonly provider: string
  readonly claims: Readonly<Record<string, string>>
  /** The key it was asked for with; none where an identity provider vouched. */
  readonly restsOn: readonly Reliance[]
  /** Public id of that key, for the audit. */
  readonly keyId: string | undefined
  /** What becomes of live ones of the same user, integration and provider. */
  readonly earlier: 'replace' | 'keep'
  /** What happens to a user who has as many as one may. */
  readonly whenFull: 'refuse' | 'replace_oldest'
}

/** A lineage and its newest password. */
export interface MintedToken {
  readonly record: ConnectionTokenRecord
  readonly password: string
}

export interface MintingDeps {
  readonly tokens: ConnectionTokens
  readonly table: LineageTable
  readonly writer: LineageWriter
  readonly clock: Clock
  readonly random: Random
  readonly figures: TokenFigures
  /** Resolves when the connections of all that has ended are closed on this node. */
  readonly closed: () => Promise<void>
}

export class TokenMinting {
  readonly #deps: MintingDeps

  constructor(deps: MintingDeps) {
    this.#deps = deps
  }

  /** @returns once the lineage is durable, and its row in the audit. @throws Outage */
  async mint(order: MintOrder, source: Source): Promise<Result<MintedToken, FullTable>> {
    const { writer, table, tokens } = this.#deps
    const { app } = order.loaded
    let outcome: Result<ConnectionTokenRecord, FullTable> | undefined
    let replacedCount = 0
    await writer.write(app.region, () => {
      const room = table.hasRoom(app.id)
      if (!room.ok) {
        outcome = room
        return undefined
      }
      const leaving = this.#leaving(order)
      if (!leaving.ok) {
        outcome = leaving
        return undefined
      }
      const replaced = leaving.value
      replacedCount = replaced.length
      const made = this.#draft(order)
      outcome = ok(made)
      const entries = [
        ...replaced.map((each) => entryOf('connection_token.replaced', each, { order, source })),
        entryOf('connection_token.created', made, { order, source }),
      ]
      const stamped = entries.map((entry) => ({ ...entry, atMs: made.createdAtMs }))
      return { records: [...replaced, made], entries: stamped }
    })
    if (outcome === undefined) throw new Error('a token was neither made nor refused')
    if (!outcome.ok) return outcome
    this.#deps.figures.count('created')
    for (let count = 0; count < replacedCount; count++) this.#deps.figures.count('replaced')
    if (replacedCount > 0) await this.#deps.closed()
    const record = outcome.value
    return ok({ record, password: tokens.passwordOf(record) })
  }

  /** @returns the lineages that make room for the new one, as they are then. */
  #leaving(order: MintOrder): Result<readonly ConnectionTokenRecord[], 'user_full'> {
    const { table, clock } = this.#deps
    const { userEmail, userId, integration, provider, loaded } = order
    const nowMs = clock.nowMs()
    const holder = { appId: loaded.app.id, provider, integration, userId, userEmail }
    const isMakingRoom = order.whenFull === 'replace_oldest'
    // What makes room for itself still takes some until its time is over: one account of a provider
    // must not fill the app.
    if (isMakingRoom && table.knownCountOf(holder) >= KNOWN_OF_USER_MAX) return refuse('user_full')
    const active = table.activeOf(holder, nowMs).map(({ record }) => record)
    const alike = active.filter(
      (each) => each.integration === integration && each.provider === provider,
    )
    const leaving = order.earlier === 'replace' ? alike : []
    const surplus = active.length - leaving.length - LINEAGES_OF_USER_MAX + 1
    if (surplus > 0 && !isMakingRoom) return refuse('user_full')
    const oldest = active
      .filter((each) => !leaving.includes(each))
      .sort((one, other) => one.expiresAtMs - other.expiresAtMs)
      .slice(0, Math.max(0, surplus))
    return ok([...leaving, ...oldest].map((each) => ({ ...each, replacedAtMs: nowMs })))
  }

  #draft(order: MintOrder): ConnectionTokenRecord {
    const { clock, random } = this.#deps
    const { loaded, userEmail, userId, provider, integration, acl, claims } = order
    const { tokenTtlMaxMs, tokenLineageMaxMs } = loaded.app.settings
    const nowMs = clock.nowMs()
    const lifeMs = Math.max(TTL_MS_MIN, (order.endsAtMs ?? Number.POSITIVE_INFINITY) - nowMs)
    const endsAtMs = nowMs + Math.min(tokenLineageMaxMs, lifeMs)
    const ttlMs = Math.min(order.ttlMs ?? TTL_DEFAULT_MS, tokenTtlMaxMs, endsAtMs - nowMs)
    return {
      id: randomUuid(random),
      tenantId: loaded.tenant.id,
      appId: loaded.app.id,
      username: randomReadable(random, USERNAME_LENGTH),
      userEmail,
      userId,
      provider,
      integration,
      acl,
      restsOn: order.restsOn,
      claims,
      ttlMs,
      createdAtMs: nowMs,
      generation: 1,
      refreshedAtMs: undefined,
      expiresAtMs: nowMs + ttlMs,
      endsAtMs,
      revokedAtMs: undefined,
      replacedAtMs: undefined,
      clientIds: [],
    }
  }
}

/** What the audit says of a token: whose it is and how long it holds, nothing that is secret. */
export function entryOf(
  action: Extract<AuditEntry['action'], `connection_token.${string}`>,
  record: ConnectionTokenRecord,
  by: {
    readonly order: Pick<MintOrder, 'keyId'> | undefined
    readonly source: Source
  },
): Omit<AuditEntry, 'atMs'> {
  const { id, tenantId, appId, userEmail, userId, provider, integration, generation } = record
  const actor: AuditActor =
    by.order?.keyId === undefined ? { kind: 'user', id: userId } : { kind: 'app', id: appId }
  return {
    tenantId,
    actor,
    source: by.source,
    action,
    target: { kind: 'connection_token', id, name: userEmail },
    outcome: 'success',
    after: {
      appId,
      keyId: by.order?.keyId,
      userId,
      provider,
      integration,
      generation,
      expiresAt: new Date(record.expiresAtMs).toISOString(),
    },
  }
}
