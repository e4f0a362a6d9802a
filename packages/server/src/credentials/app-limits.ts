/**
 * Which limits hold for an app: what the installation, its plan and its own settings say, compiled
 * once and kept for as long as the directory holds the same record; likewise for a key or token.
 */
import { AppLimits } from '../core/limits/charges.ts'
import { effectiveLimits } from '../core/limits/effective-limits.ts'
import { type Limit, parseLimit } from '../core/limits/limit-text.ts'
import { type CredentialLimits, narrowedLimits } from '../core/limits/narrowed-limits.ts'
import { type PlanLimits, UNLIMITED } from '../ports/records/plan.ts'
import type { AppSettings } from '../ports/records/app.ts'
import type { LoadedApp } from './app-directory.ts'

/** Where a limit can come from, the strongest word on an equal quota first. */
export interface LimitOrigins {
  readonly app: readonly Limit[]
  readonly plan: readonly Limit[]
  readonly installation: readonly Limit[]
}

type LimitedApp = Pick<LoadedApp, 'app' | 'tenant' | 'limits'>

/** What of an app says which limits hold. */
export interface LimitingParts {
  readonly app: Pick<LoadedApp['app'], 'settings'>
  /** Of its plan; undefined: it has none. */
  readonly limits: LoadedApp['limits']
}

export class AppLimitBook {
  readonly #installation: readonly Limit[]
  readonly #apps = new WeakMap<LimitedApp, AppLimits>()
  readonly #narrowed = new WeakMap<CredentialLimits, { base: AppLimits; limits: AppLimits }>()

  /** @param installation limits of the configuration: they hold for every app. */
  constructor(installation: readonly Limit[]) {
    this.#installation = installation
  }

  of(loaded: LimitedApp): AppLimits {
    const known = this.#apps.get(loaded)
    if (known !== undefined) return known
    const { installation, plan, app } = this.origins(loaded)
    const effective = effectiveLimits({ plan: [...installation, ...plan], app })
    const { id: appId, region } = loaded.app
    const limits = new AppLimits({ tenantId: loaded.tenant.id, appId, region }, effective)
    this.#apps.set(loaded, limits)
    return limits
  }

  /** @param credential what a key or token says; undefined: nothing. */
  for(loaded: LimitedApp, credential: CredentialLimits | undefined): AppLimits {
    const base = this.of(loaded)
    if (credential === undefined) return base
    const known = this.#narrowed.get(credential)
    if (known?.base === base) return known.limits
    const limits = narrowedLimits(base, credential)
    this.#narrowed.set(credential, { base, limits })
    return limits
  }

  origins({ app: { settings }, limits }: LimitingParts): LimitOrigins {
    const plan = limits === undefined ? [] : limitsOfPlan(limits)
    const own = readLimits(settings.limits)
    const named = [...own, ...plan, ...this.#installation]
    return { installation: this.#installation, plan, app: [...own, ...boundsOf(settings, named)] }
  }
}

function limitsOfPlan(limits: PlanLimits): readonly Limit[] {
  return readLimits([...numbersAsTexts(limits), ...(limits.rateLimits ?? [])])
}

/** @returns the numbers of a plan as the limits they are. */
export function numbersAsTexts({ maxConnections, opsPerMinute }: PlanLimits): readonly string[] {
  return [
    ...(maxConnections >= UNLIMITED ? [] : [`connections.app ${maxConnections}`]),
    ...(opsPerMinute >= UNLIMITED ? [] : [`publish.app ${opsPerMinute}/1m`]),
  ]
}

/** The settings that are older than the list; of client events it is the default. */
function boundsOf(settings: AppSettings, named: readonly Limit[]): readonly Limit[] {
  const { connectionCountMax, clientEventsPerSecondMax } = settings
  const hasOwn = named.some(({ name }) => name === 'client_events.connection')
  const events = hasOwn ? [] : [`client_events.connection ${clientEventsPerSecondMax}/1s`]
  return readLimits([`connections.app ${connectionCountMax}`, ...events])
}

/** They were checked where they came in; one of a version that knew more names is passed over. */
export function readLimits(texts: readonly string[] | undefined): readonly Limit[] {
  return (texts ?? []).flatMap((text) => {
    const parsed = parseLimit(text)
    return parsed.ok ? [parsed.value] : []
  })
}
