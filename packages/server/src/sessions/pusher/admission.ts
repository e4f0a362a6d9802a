/**
 * Decides on a Pusher upgrade before the 101 answer. Contract 1A.1, 1A.4 and 2.1 (origin policy).
 * What is refused reaches no map and costs no session.
 */
import { errorFrame } from '@lockgate/protocol/pusher/frames'
import { parseSignedQuery } from '@lockgate/protocol/pusher/signature'
import { ok, refuse, type Result } from '@lockgate/protocol/result'
import { concurrentRefusal } from '../../core/limits/effective-limits.ts'
import {
  concurrentReading,
  type LimitRefusal,
  refuseByLimit,
} from '../../core/limits/limit-refusal.ts'
import { REFUSALS, type RefusalCode } from '../../core/refusals.ts'
import { admitApp, type AppKeyEntry, type LoadedApp } from '../../credentials/app-directory.ts'
import { namedAppKey, NO_OWNER } from '../../credentials/audit/denied-access.ts'
import { acceptedVersions } from '../../credentials/engine/reading.ts'
import { isOriginAllowed } from '../../credentials/origin-policy.ts'
import type { Random } from '../../ports/random.ts'
import type { Admission, UpgradeRequest, WebSocketProtocol } from '../session.ts'
import { type PusherDeps, PusherSession } from './session.ts'
import { limitFarewell, PUSHER_REFUSALS } from './wire-refusals.ts'

const PATH = /^\/app(?:\/|$)/
const PATH_WITH_KEY = /^\/app\/([A-Za-z0-9_-]{1,64})\/?$/
const MISPLACED_PATH = /\/app\/[^/]+\/?$/
const PROTOCOL_MIN = 5
const PROTOCOL_MAX = 7

export function pusherProtocol(deps: PusherDeps & { readonly random: Random }): WebSocketProtocol {
  return {
    admit(request) {
      if (!request.isUnderPrefix || !PATH.test(request.path)) {
        // A client with the right key under a wrong path would otherwise try for ever.
        return MISPLACED_PATH.test(request.path) ? refusedFrame('path_unknown') : undefined
      }
      const found = findApp(request, deps)
      if (!found.ok) {
        if (DENIALS.has(found.refusal)) recordDenial(request, found.refusal, deps)
        return refusedFrame(found.refusal)
      }
      const { loaded, credential } = found.value
      if (!isOriginAllowed(loaded.app.settings, request.origin)) {
        recordDenial(request, 'origin_refused', deps)
        return loaded.app.settings.originRefusal === 'http'
          ? { kind: 'refused_http', refusal: 'origin_refused' }
          : refusedFrame('origin_refused')
      }
      const space = deps.hub.space(loaded.app)
      const full = fullApp(request, { loaded, openCount: space.connections.size }, deps)
      if (full !== undefined) {
        const { code: closeCode, frame } = limitFarewell(full)
        return { kind: 'refused_frame', refusal: full.refusal, frame, closeCode }
      }
      const id = `${deps.random.uint32()}.${deps.random.uint32()}`
      const { id: credentialId } = credential.record
      const source = { ...request.source(), protocol: 'pusher' }
      return {
        kind: 'session',
        start: (outbox) => new PusherSession({ id, outbox, space, credentialId, source }, deps),
      }
    },
  }
}

/** Refusals that are about who asks; the rest are about how. */
const DENIALS: ReadonlySet<RefusalCode> = new Set([
  'app_unknown',
  'app_disabled',
  'tenant_inactive',
  'plan_missing',
  'authority_revoked',
])

/** Into the audit of the app whose key it is. */
function recordDenial(request: UpgradeRequest, reason: RefusalCode, deps: PusherDeps): void {
  const entry = deps.directory.findByAppKey(PATH_WITH_KEY.exec(request.path)?.[1] ?? '')
  const action = reason === 'app_unknown' ? 'auth.failed' : 'auth.denied'
  const source = { ...request.source(), protocol: 'pusher' }
  const attempt = { action, reason, source, target: namedAppKey(entry) } as const
  deps.recordDenial(attempt, entry?.loaded.app ?? NO_OWNER)
}

/** The smallest of what the installation, the plan and the app allow. */
function fullApp(
  request: UpgradeRequest,
  { loaded, openCount }: { readonly loaded: LoadedApp; readonly openCount: number },
  deps: PusherDeps,
): LimitRefusal | undefined {
  const limits = deps.limitBook.of(loaded)
  const full = concurrentRefusal(limits.concurrent('connections.app'), openCount + 1)
  if (full === undefined) return undefined
  const reading = concurrentReading(full, openCount, loaded.app.id)
  deps.guard.full(reading, limits.owner, { ...request.source(), protocol: 'pusher' })
  return full.isShadow ? undefined : refuseByLimit(reading, 'connections_full')
}

function findApp(request: UpgradeRequest, deps: PusherDeps): Result<AppKeyEntry, RefusalCode> {
  const key = PATH_WITH_KEY.exec(request.path)?.[1]
  if (key === undefined) return refuse('path_unknown')
  const protocol = checkProtocol(request.query)
  if (!protocol.ok) return protocol
  const entry = deps.directory.findByAppKey(key)
  const nowMs = deps.clock.nowMs()
  // A key whose every version is revoked is no key any more.
  if (entry === undefined || acceptedVersions(entry.credential.record, nowMs).length === 0) {
    return refuse('app_unknown')
  }
  const admitted = admitApp(entry.loaded, nowMs)
  if (!admitted.ok) return admitted
  const { settings } = entry.loaded.app
  if (settings.requireTls && !request.isTls) return refuse('tls_required')
  return ok(entry)
}

/** `client`, `version` and unknown parameters never matter (contract 1A.1). */
function checkProtocol(query: string): Result<true, RefusalCode> {
  const parameters = parseSignedQuery(query)
  if (!parameters.ok) return refuse('version_malformed')
  const text = parameters.value.get('protocol')
  if (text === undefined || text === '') return refuse('protocol_missing')
  if (!/^\d{1,4}$/.test(text)) return refuse('version_malformed')
  const protocol = Number(text)
  return protocol >= PROTOCOL_MIN && protocol <= PROTOCOL_MAX
    ? ok(true)
    : refuse('protocol_unsupported')
}

function refusedFrame(refusal: RefusalCode): Admission {
  const { errorCode, closeCode } = PUSHER_REFUSALS[refusal]
  const frame = errorFrame(errorCode, REFUSALS[refusal].text)
  return { kind: 'refused_frame', refusal, frame, closeCode }
}
