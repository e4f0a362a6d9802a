/** The operations on tokens, regenerated client secrets and signing keys. */
import { ok, refuse } from '@lockgate/protocol/result'
import type { RefreshFamilyRecord } from '../../ports/records/refresh-family.ts'
import type { TokenKeyStatus } from '../../credentials/administration/token-key-changes.ts'
import { stateAt } from '../../credentials/engine/reading.ts'
import type { SigningKey } from '../../credentials/tokens/tenant-keys.ts'
import type { Handlers } from './handlers.ts'
import { issuedShape, timeText } from './shapes.ts'

type TokenName =
  | 'apps.regenerate-secret'
  | 'tokens.families'
  | 'tokens.revoke'
  | 'signing-keys.list'
  | 'signing-keys.rotate'
  | 'signing-keys.revoke'
  | 'token-keys.status'
  | 'token-keys.rotate'
  | 'token-keys.revoke'

const FAMILY_PAGE_COUNT = 50

export const tokenHandlers: Pick<Handlers, TokenName> = {
  async 'apps.regenerate-secret'({ parameters, body }, { deps, caller }) {
    const { overlapSeconds = 0, reason } = body
    const { appId } = parameters
    const request = { appId, overlapMs: overlapSeconds * 1_000, reason }
    const made = await deps.tokens.changes.regenerateSecret(request, caller)
    if (!made.ok) return made
    const loaded = deps.authority.apps.findById(appId)
    if (loaded === undefined) return refuse('not_found')
    const { receipt } = made.value
    const issued = issuedShape(made.value, deps.clock.nowMs())
    return ok({ ...issued, clientId: loaded.app.clientId, receipt })
  },
  async 'tokens.families'({ parameters }, { deps }) {
    const { appId, cursor, limit: countMax = FAMILY_PAGE_COUNT } = parameters
    const page = await deps.tokens.changes.families({ appId, cursor, countMax })
    if (!page.ok) return page
    const { families, nextCursor } = page.value
    const nowMs = deps.clock.nowMs()
    return ok({ items: families.map((each) => familyShape(each, nowMs)), nextCursor })
  },
  'tokens.revoke': ({ parameters, body }, { deps, caller }) =>
    deps.tokens.changes.revoke({ ...parameters, ...body }, caller),
  async 'signing-keys.list'({ parameters }, { deps }) {
    const keys = deps.tokens.signingKeys.list(parameters)
    return keys.ok ? ok({ items: shapesOf(keys.value, deps.clock.nowMs()) }) : keys
  },
  async 'signing-keys.rotate'({ parameters, body }, { deps, caller }) {
    const keys = await deps.tokens.signingKeys.rotate({ ...parameters, ...body }, caller)
    return keys.ok ? ok({ items: shapesOf(keys.value, deps.clock.nowMs()) }) : keys
  },
  async 'signing-keys.revoke'({ parameters, body }, { deps, caller }) {
    const revoked = await deps.tokens.signingKeys.revoke({ ...parameters, ...body }, caller)
    if (!revoked.ok) return revoked
    const { keys, receipt } = revoked.value
    return ok({ items: shapesOf(keys, deps.clock.nowMs()), receipt })
  },
  async 'token-keys.status'(_input, { deps }) {
    return ok(tokenKeyShape(deps.tokenKeyChanges.status()))
  },
  async 'token-keys.rotate'({ body }, { deps, caller }) {
    const rotated = await deps.tokenKeyChanges.rotate(body, caller)
    return rotated.ok ? ok(tokenKeyShape(rotated.value)) : rotated
  },
  async 'token-keys.revoke'({ body }, { deps, caller }) {
    const revoked = await deps.tokenKeyChanges.revoke(body, caller)
    if (!revoked.ok) return revoked
    const { closedCount, ...status } = revoked.value
    return ok({ ...tokenKeyShape(status), closedCount })
  },
}

function tokenKeyShape({ versions, stragglers }: TokenKeyStatus) {
  return {
    versions: versions.map(({ createdAtMs, lastUsedAtMs, ...rest }) => ({
      ...rest,
      createdAt: timeText(createdAtMs),
      lastUsedAt: lastUsedAtMs === undefined ? undefined : timeText(lastUsedAtMs),
    })),
    stragglers: [...stragglers],
  }
}

function familyShape(record: RefreshFamilyRecord, nowMs: number) {
  const { id, clientId, versionId, scope, generation, createdAtMs, rotatedAtMs } = record
  const endMs = Math.min(record.expiresAtMs, record.endsAtMs ?? Number.POSITIVE_INFINITY)
  const isOver = nowMs >= endMs
  const state = record.revokedAtMs === undefined ? (isOver ? 'expired' : 'active') : 'revoked'
  const [createdAt, usedAt] = [timeText(createdAtMs), timeText(rotatedAtMs)]
  const expiresAt = timeText(endMs)
  return { id, clientId, versionId, scope, state, generation, createdAt, usedAt, expiresAt }
}

function shapesOf(keys: readonly SigningKey[], nowMs: number) {
  return keys.map(({ pair: { kid, algorithm }, version, credentialId }) => {
    const { id: versionId, createdAtMs, activatedAtMs, acceptUntilMs } = version
    return {
      kid,
      credentialId,
      versionId,
      algorithm,
      state: stateAt(version, nowMs),
      createdAt: timeText(createdAtMs),
      ...(activatedAtMs === undefined ? {} : { signsSince: timeText(activatedAtMs) }),
      ...(acceptUntilMs === undefined ? {} : { publishedUntil: timeText(acceptUntilMs) }),
    }
  })
}
