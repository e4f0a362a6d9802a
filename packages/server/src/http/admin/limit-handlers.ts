/** The operations on limits. */
import { ok, type Result, refuse } from '@lockgate/protocol/result'
import type { AppSpace } from '../../core/app-space.ts'
import { limitSubject, rangeSubject } from '../../core/limits/address-subject.ts'
import { type AppLimits, ownSubject } from '../../core/limits/charges.ts'
import { isOfInstallation } from '../../core/limits/installation-limits.ts'
import {
  isConcurrent,
  isLimitName,
  LIMIT_NAMES,
  limitKind,
  type LimitName,
} from '../../core/limits/limit-names.ts'
import { concurrentReading } from '../../core/limits/limit-refusal.ts'
import { formatLimit, type Limit } from '../../core/limits/limit-text.ts'
import { asLimits } from '../../core/limits/narrowed-limits.ts'
import type { LoadedApp } from '../../credentials/app-directory.ts'
import type { LimitOrigins } from '../../credentials/app-limits.ts'
import { INSTALLATION } from '../../credentials/audit/entry.ts'
import { changeEntry } from '../../credentials/administration/change-entry.ts'
import type { LimitReading } from '../../ports/limit-engine.ts'
import { normalizeAddress } from '../client-address.ts'
import type { AdminDeps } from './deps.ts'
import type { HandlerContext, Handlers } from './handlers.ts'

type LimitOperation = 'limits.list' | 'limits.reset' | 'limits.unblock'

/** Whose use is meant. */
interface Named {
  readonly userId?: string | undefined
  readonly channel?: string | undefined
  readonly connectionId?: string | undefined
  readonly endpointId?: string | undefined
}

export const limitHandlers: Pick<Handlers, LimitOperation> = {
  async 'limits.list'({ parameters }, { deps }) {
    const loaded = deps.authority.apps.findById(parameters.appId)
    if (loaded === undefined) return refuse('not_found')
    return ok({ items: linesOf(loaded, parameters, deps) })
  },
  async 'limits.reset'({ parameters, body }, context) {
    const { deps } = context
    const loaded = deps.authority.apps.findById(parameters.appId)
    if (loaded === undefined) return refuse('not_found')
    const { name } = body
    if (!isLimitName(name) || isOfInstallation(name)) {
      const next = 'Name a limit that `limits list` shows; `limits unblock` is for addresses.'
      return refuse('input_invalid', next)
    }
    const subject = resettable(name, body, loaded)
    if (!subject.ok) return subject
    await recordReset({ loaded, name, reason: body.reason }, context)
    deps.guard.reset(name, subject.value)
    return ok({ items: linesOf(loaded, body, deps).filter((line) => line.name === name) })
  },
  async 'limits.unblock'({ body }, context) {
    const address = normalizeAddress(body.ip)
    if (address === undefined) return refuse('input_invalid', 'This is not an IP address.')
    const subject = limitSubject(address)
    await recordReset({ loaded: undefined, name: 'connect.ip', reason: body.reason }, context)
    for (const name of BY_ADDRESS) context.deps.guard.reset(name, subject)
    context.deps.guard.reset('connect.range', rangeSubject(subject))
    return ok({ subject })
  },
}

const BY_ADDRESS = LIMIT_NAMES.filter((name) => limitKind(name).scope === 'ip')

function linesOf(loaded: LoadedApp, named: Named, deps: AdminDeps) {
  const limits = deps.limitBook.of(loaded)
  const origins = deps.limitBook.origins(loaded)
  const own = asLimits(limits.effective).filter(({ name }) => !isOfInstallation(name))
  return own.map((limit) => {
    const { name, isShadow } = limit
    const line = { name, limit: formatLimit(limit), source: sourceOf(limit, origins), isShadow }
    const reading = readingOf(limit, { limits, named, deps })
    if (reading === undefined) return line
    const { subject, used, remaining, resetMs } = reading
    const whose = subject.startsWith(`${loaded.app.id}:`)
      ? subject.slice(loaded.app.id.length + 1)
      : subject
    return { ...line, subject: whose, used, remaining, resetMs: Math.ceil(resetMs) }
  })
}

/** The narrowest holds; where several say the same, the nearest to the app is named. */
function sourceOf(limit: Limit, origins: LimitOrigins) {
  const says = (other: Limit) => formatLimit(other) === formatLimit(limit)
  const names = ['app', 'plan', 'installation'] as const
  return names.find((name) => origins[name].some(says)) ?? 'default'
}

function readingOf(
  limit: Limit,
  of: { readonly limits: AppLimits; readonly named: Named; readonly deps: AdminDeps },
): LimitReading | undefined {
  const { owner } = of.limits
  const subject = subjectOf(limit.name, of.named, owner)
  if (subject === undefined) return undefined
  if (limit.windowMs !== undefined) return of.deps.guard.read(limit, subject)
  const space = [...of.deps.useReport.spaces()].find(({ app }) => app.id === owner.appId)
  return concurrentReading(limit, openCount(limit.name, of.named, space), subject)
}

/** @returns undefined where nobody of this kind was named. */
function subjectOf(
  name: LimitName,
  { userId, channel, connectionId, endpointId }: Named,
  { appId, tenantId }: { readonly appId: string; readonly tenantId: string },
): string | undefined {
  const own = (id: string | undefined) => (id === undefined ? undefined : ownSubject(appId, id))
  switch (limitKind(name).scope) {
    case 'app':
      return appId
    case 'tenant':
      return tenantId
    case 'user':
      return own(userId)
    case 'channel':
      return own(channel)
    case 'connection':
      return own(connectionId === undefined ? undefined : `#${connectionId}`)
    case 'endpoint':
      return own(endpointId)
    default:
      return undefined
  }
}

/** On this node. */
function openCount(name: LimitName, named: Named, space: AppSpace | undefined): number {
  if (space === undefined) return 0
  switch (name) {
    case 'connections.app':
      return space.connections.size
    case 'connections.user':
      return space.users.connectionCount(named.userId ?? '')
    default:
      return space.connections.get(named.connectionId ?? '')?.subscriptions.size ?? 0
  }
}

function resettable(
  name: LimitName,
  named: Named,
  { app, tenant }: LoadedApp,
): Result<string, 'input_invalid'> {
  if (isConcurrent(name)) {
    return refuse('input_invalid', 'It counts what is open now: close something instead.')
  }
  const subject = subjectOf(name, named, { appId: app.id, tenantId: tenant.id })
  if (subject !== undefined) return ok(subject)
  return refuse('input_invalid', `Say which ${limitKind(name).scope} is meant.`)
}

/** Before it is done: nobody frees a flood without a row. @throws Outage */
async function recordReset(
  of: {
    readonly loaded: LoadedApp | undefined
    readonly name: LimitName
    readonly reason: string | undefined
  },
  { deps, caller }: HandlerContext,
): Promise<void> {
  const { loaded, name, reason } = of
  const target = { kind: 'limit', id: name }
  const tenantId = loaded?.tenant.id ?? INSTALLATION
  const entry = changeEntry(caller, { tenantId, action: 'limit.reset', target, reason })
  const { trail } = deps.audit
  if (loaded === undefined) {
    const { control } = deps.store
    await control.transaction((transaction) =>
      trail.record({ code: control.code, transaction }, entry),
    )
    return
  }
  const region = deps.authority.regionOf(loaded.app)
  await region.transaction((transaction) => trail.record({ code: region.code, transaction }, entry))
}
