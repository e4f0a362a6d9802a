/** The operations that change something. */
import { ok, type Result, refuse } from '@lockgate/protocol/result'
import type { AdminRefusalCode } from '../../core/admin-refusals.ts'
import type { RotationOutcome } from '../../credentials/administration/issued.ts'
import { findRuleSet } from '../../credentials/administration/rule-set-changes.ts'
import type { KeyFields } from '../../credentials/foreign-keys/registered-key.ts'
import type { CredentialRecord } from '../../ports/records/credential.ts'
import type { AdminDeps } from './deps.ts'
import type { Handlers } from './handlers.ts'
import { attributesOf } from './credential-attributes.ts'
import { credentialShape, issuedShape } from './shapes.ts'

type ChangeName =
  | 'credentials.create'
  | 'credentials.update'
  | 'credentials.rotate'
  | 'credentials.stage'
  | 'credentials.fetch'
  | 'credentials.promote'
  | 'credentials.discard'
  | 'credentials.rollback'
  | 'credentials.extend'
  | 'credentials.disable'
  | 'credentials.enable'
  | 'credentials.remove'
  | 'credentials.revoke'
  | 'revocations.create'
  | 'master-key.rotate'
  | 'master-key.rewrap'

/** Contract 2.9: a day, for somebody who is told of it. */
const FETCH_WAIT_MS = 24 * 60 * 60 * 1_000

export const changeHandlers: Pick<Handlers, ChangeName> = {
  async 'credentials.create'({ parameters, body }, { deps, caller }) {
    const loaded = deps.authority.apps.findById(parameters.appId)
    if (loaded === undefined) return refuse('not_found')
    const { kind, name, value } = body
    const key = keyOf(body)
    const attributes = attributesOf(body, deps.random)
    if (!attributes.ok) return attributes
    const bound = checkRuleSet(body.ruleSet, loaded.tenant.id, deps)
    if (!bound.ok) return bound
    const owner = { tenantId: loaded.tenant.id, appId: loaded.app.id }
    const expiresAtMs = msOf(body.expiresAt)
    const request = { ...owner, kind, name, attributes: attributes.value, value, key, expiresAtMs }
    const made = await deps.changes.create(request, caller)
    return made.ok ? ok(issuedShape(made.value, deps.clock.nowMs())) : made
  },
  async 'credentials.update'({ parameters, body }, { deps, caller }) {
    const { policy } = body
    const credential = deps.authority.findCredential(parameters.credentialId)
    const bound = checkRuleSet(body.ruleSet, credential?.tenantId, deps)
    if (!bound.ok) return bound
    const request = {
      ...parameters,
      ...body,
      policy: policy && {
        overlapDefaultMs: msOfSeconds(policy.overlapDefaultSeconds),
        overlapMaxMs: msOfSeconds(policy.overlapMaxSeconds),
        maxAgeDays: policy.maxAgeDays,
        isAutomatic: policy.isAutomatic,
      },
    }
    return shownAnswer(await deps.changes.update(request, caller), deps.clock.nowMs())
  },
  async 'credentials.rotate'({ parameters, body }, { deps, caller }) {
    const { overlapSeconds } = body
    const overlapMs = msOfSeconds(overlapSeconds)
    const request = { ...parameters, ...rotationOf(body), overlapMs }
    return rotatedAnswer(await deps.changes.rotate(request, caller), deps.clock.nowMs())
  },
  async 'credentials.stage'({ parameters, body }, { deps, caller }) {
    const nowMs = deps.clock.nowMs()
    const waitsUntilMs = body.deliver === true ? nowMs + FETCH_WAIT_MS : undefined
    const request = { ...parameters, ...rotationOf(body), waitsUntilMs }
    return rotatedAnswer(await deps.changes.stage(request, caller), nowMs)
  },
  async 'credentials.fetch'({ parameters }, { deps, caller }) {
    const fetched = await deps.deliveries.fetch(parameters, caller)
    return fetched.ok ? ok(issuedShape(fetched.value, deps.clock.nowMs())) : fetched
  },
  async 'credentials.promote'({ parameters, body }, { deps, caller }) {
    const { overlapSeconds, reason } = body
    const overlapMs = msOfSeconds(overlapSeconds)
    const request = { ...parameters, overlapMs, reason }
    return shownAnswer(await deps.changes.promote(request, caller), deps.clock.nowMs())
  },
  async 'credentials.discard'({ parameters, body }, { deps, caller }) {
    const moved = await deps.changes.discard({ ...parameters, ...body }, caller)
    return shownAnswer(moved, deps.clock.nowMs())
  },
  async 'credentials.rollback'({ parameters, body }, { deps, caller }) {
    const moved = await deps.changes.rollback({ ...parameters, ...body }, caller)
    return shownAnswer(moved, deps.clock.nowMs())
  },
  async 'credentials.extend'({ parameters, body }, { deps, caller }) {
    const request = { ...parameters, reason: body.reason, acceptUntilMs: msOf(body.acceptUntil) }
    return shownAnswer(await deps.changes.extend(request, caller), deps.clock.nowMs())
  },
  async 'credentials.disable'({ parameters, body }, { deps, caller }) {
    const { versionId, reason, force } = body
    const request = { ...parameters, versionId, reason, isForced: force }
    return shownAnswer(await deps.changes.disable(request, caller), deps.clock.nowMs())
  },
  async 'credentials.enable'({ parameters, body }, { deps, caller }) {
    const { versionId, reason } = body
    const acceptUntilMs = msOf(body.acceptUntil)
    const request = { ...parameters, versionId, reason, acceptUntilMs }
    return shownAnswer(await deps.changes.enable(request, caller), deps.clock.nowMs())
  },
  async 'credentials.remove'({ parameters, body }, { deps, caller }) {
    const moved = await deps.changes.remove({ ...parameters, ...body }, caller)
    return shownAnswer(moved, deps.clock.nowMs())
  },
  async 'credentials.revoke'({ parameters, body }, { deps, caller }) {
    const revoked = await deps.changes.revoke({ ...parameters, ...body }, caller)
    if (!revoked.ok) return revoked
    const { credential, receipt } = revoked.value
    return ok({ credential: credentialShape(credential, deps.clock.nowMs()), receipt })
  },
  async 'revocations.create'({ body }, { deps, caller }) {
    const { kind, appId, userId, reason } = body
    if (kind === 'tenant') {
      const { tenantId } = body
      // Who may do this was decided by the one object that is named: there must be no other.
      if (tenantId === undefined || appId !== undefined || userId !== undefined) {
        return refuse('input_invalid', 'Name the tenantId, and nothing else.')
      }
      const place = { tenantId, appId: undefined, reason }
      return deps.revocations.revoke({ kind, tenantId }, place, caller)
    }
    if (appId === undefined || body.tenantId !== undefined) {
      return refuse('input_invalid', 'Name the appId, and no tenantId.')
    }
    const loaded = deps.authority.apps.findById(appId)
    if (loaded === undefined) return refuse('not_found')
    const place = { tenantId: loaded.tenant.id, appId, reason }
    if (kind === 'app') return deps.revocations.revoke({ kind, appId }, place, caller)
    if (userId === undefined) return refuse('input_invalid', 'Name the userId.')
    return deps.revocations.revoke({ kind, appId, userId }, place, caller)
  },
  'master-key.rotate': (_input, { deps, caller }) => deps.masterKeyChanges.rotate(caller),
  'master-key.rewrap': (_input, { deps, caller }) => deps.masterKeyChanges.rewrap(caller),
}

/**
 * A name that is mistyped would let its MQTT user do nothing, and nobody would be told. What the
 * configuration declares is not asked: there the rule set may come later.
 * @param tenantId undefined where the credential is not known; that is found out later.
 */
function checkRuleSet(
  ruleSet: string | null | undefined,
  tenantId: string | undefined,
  { authority }: Pick<AdminDeps, 'authority'>,
): Result<true, 'input_invalid'> {
  const loaded = tenantId === undefined ? undefined : authority.tenants.find(tenantId)
  if (typeof ruleSet !== 'string' || loaded === undefined) return ok(true)
  if (findRuleSet(loaded, ruleSet) !== undefined) return ok(true)
  return refuse('input_invalid', 'There is no rule set of this name: make it first.')
}

interface RotationBody extends KeyFields {
  readonly value?: string | undefined
  readonly expiresAt?: string | undefined
  readonly force?: boolean | undefined
  readonly reason?: string | undefined
}

function rotationOf(body: RotationBody) {
  const { value, expiresAt, force, reason } = body
  const key = keyOf(body)
  return { value, key, expiresAtMs: msOf(expiresAt), isForced: force, reason }
}

function msOfSeconds(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : seconds * 1_000
}

/** @returns undefined where the body has none, so that a value is made. */
function keyOf({ jwk, publicKeyPem, jwksUrl }: KeyFields): KeyFields | undefined {
  const isGiven = [jwk, publicKeyPem, jwksUrl].some((field) => field !== undefined)
  return isGiven ? { jwk, publicKeyPem, jwksUrl } : undefined
}

/** @param text checked as RFC 3339 before. */
function msOf(text: string): number
function msOf(text: string | undefined): number | undefined
function msOf(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Date.parse(text)
}

function rotatedAnswer(
  rotated: Result<RotationOutcome, AdminRefusalCode>,
  nowMs: number,
): Result<unknown, AdminRefusalCode> {
  if (!rotated.ok) return rotated
  return ok({ ...issuedShape(rotated.value, nowMs), receipt: rotated.value.receipt })
}

function shownAnswer(
  moved: Result<CredentialRecord, AdminRefusalCode>,
  nowMs: number,
): Result<unknown, AdminRefusalCode> {
  return moved.ok ? ok(credentialShape(moved.value, nowMs)) : moved
}
