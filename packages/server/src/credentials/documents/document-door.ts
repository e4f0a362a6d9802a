/**
 * Who an editor is: the bearer of an access token of ours, of a customer's token, or of an API key
 * (contract WireSocket 5). What is refused is in the audit and charged to its address, as at every
 * door.
 */
import { ok, type Result, refuse } from '@lockgate/protocol/result'
import { limitSubject } from '../../core/limits/address-subject.ts'
import type { Guard } from '../../core/limits/guard.ts'
import type { CredentialLimits } from '../../core/limits/narrowed-limits.ts'
import { type Permissions, permits } from '../../core/permissions.ts'
import type { RefusalCode } from '../../core/refusals.ts'
import type { Source } from '../../core/source.ts'
import type { Clock } from '../../ports/clock.ts'
import type { AppSettings } from '../../ports/records/app.ts'
import { type PlanLimits, UNLIMITED } from '../../ports/records/plan.ts'
import type { AppDirectory } from '../app-directory.ts'
import { numbersAsTexts, readLimits } from '../app-limits.ts'
import { namedBearer, NO_OWNER, type RecordDenial } from '../audit/denied-access.ts'
import type { BearerIdentity, Bearers, KeyIdentity } from '../bearers.ts'
import { isApiKey, parseKey } from '../key-format.ts'
import { isOriginAllowed } from '../origin-policy.ts'
import { permissionsOfScopes } from '../scopes.ts'
import { peekToken } from '../tokens/peek.ts'
import { claimedDomains, isOriginClaimed } from './claimed-domains.ts'
import type {
  DocumentDoor,
  EditorAnswer,
  EditorCredential,
  EditorIdentity,
} from './editor-identity.ts'

export interface DocumentDoorDeps {
  readonly apps: AppDirectory
  readonly bearers: Bearers
  readonly guard: Guard
  readonly clock: Clock
  readonly recordDenial: RecordDenial
}

/** Of limits that are the app's, whichever of its tokens carries them. */
const PLAN_HOLDER = 'plan'

/** Proofs that did not hold: each is charged to its address and to the key it came under. */
const FAILURES: ReadonlySet<RefusalCode> = new Set([
  'credential_missing',
  'credential_invalid',
  'credential_revoked',
  'token_expired',
])

export class EditorDoor implements DocumentDoor {
  readonly #deps: DocumentDoorDeps
  /** Made once for each token that is known. */
  readonly #limits = new WeakMap<PlanLimits, CredentialLimits>()
  /** Of the same tokens: an app's backend gives many editors the same one. */
  readonly #identities = new WeakMap<PlanLimits, EditorIdentity>()

  constructor(deps: DocumentDoorDeps) {
    this.#deps = deps
  }

  authenticate(credential: EditorCredential, source: Source): EditorAnswer | Promise<EditorAnswer> {
    const { token } = credential
    const { bearers } = this.#deps
    if (!isApiKey(token)) {
      const known = bearers.recall(token)
      if (known !== undefined) return this.#settle(credential, source, ok(known))
      return bearers
        .authenticate(token, source)
        .then((proven) => this.#settle(credential, source, proven))
    }
    const proven = bearers.authenticateKey(token, source)
    if (!(proven instanceof Promise)) return this.#settle(credential, source, proven)
    return proven.then((later) => this.#settle(credential, source, later))
  }

  missing(source: Source): RefusalCode {
    const reason = 'credential_missing'
    const target = { kind: 'bearer', id: 'unknown' }
    this.#deps.recordDenial({ action: 'auth.failed', reason, source, target }, NO_OWNER)
    return this.#charge(reason, undefined, source)
  }

  #settle(
    credential: EditorCredential,
    source: Source,
    proven: Result<BearerIdentity | KeyIdentity, RefusalCode>,
  ): EditorAnswer {
    const { token } = credential
    if (!proven.ok) {
      const settings = this.#settingsMeant(token)
      if (!FAILURES.has(proven.refusal)) return { ...proven, settings }
      const key = isApiKey(token) ? parseKey(token) : undefined
      const name = key?.ok === true ? key.value.keyId : undefined
      return { ...refuse(this.#charge(proven.refusal, name, source)), settings }
    }
    const { app } = proven.value.loaded
    const reason = unfit(app.settings, credential)
    if (reason === undefined) return ok(this.#identityOf(proven.value))
    const target = namedBearer(token)
    this.#deps.recordDenial({ action: 'auth.denied', reason, source, target }, app)
    return { ...refuse(reason), settings: app.settings }
  }

  /** Of the app that a token names which does not hold: it says how refusals look, no more. */
  #settingsMeant(token: string): AppSettings | undefined {
    const key = isApiKey(token) ? parseKey(token) : undefined
    const { apps } = this.#deps
    if (key?.ok === true) return apps.findByKeyId(key.value.keyId)?.loaded.app.settings
    const appId = peekToken(token)?.claims['appId']
    return typeof appId === 'string' ? apps.findById(appId)?.app.settings : undefined
  }

  #identityOf(proven: BearerIdentity | KeyIdentity): EditorIdentity {
    const { planLimits } = proven
    const known = planLimits && this.#identities.get(planLimits)
    // The app is replaced as a whole when anything about it changes.
    if (known !== undefined && known.loaded === proven.loaded) return known
    const identity = this.#makeIdentity(proven)
    if (planLimits !== undefined) this.#identities.set(planLimits, identity)
    return identity
  }

  #makeIdentity(proven: BearerIdentity | KeyIdentity): EditorIdentity {
    const { loaded, userId, reliances, expiresAtMs, planLimits, limits } = proven
    const numbers = planLimits ?? loaded.limits
    const { apps, clock } = this.#deps
    const permissions = (): Permissions => {
      if (!('credential' in proven)) return proven.permissions
      const { record } = apps.findCredential(proven.credential.id) ?? { record: proven.credential }
      return permissionsOfKey(record)
    }
    return {
      loaded,
      userId,
      reliances,
      expiresAtMs,
      limits: planLimits === undefined ? limits : this.#limitsOf(planLimits, limits),
      documentLimits: {
        connectionCountMax: bounded(numbers?.maxConnections),
        documentCountMax: bounded(numbers?.maxDocuments),
        usersPerDocumentMax: bounded(numbers?.maxUsersPerDoc),
        issuedAtMs: proven.issuedAtMs ?? clock.nowMs(),
      },
      mayRead: (name) => permits(permissions(), 'subscribe', name),
      mayWrite: (name) => permits(permissions(), 'publish', name),
    }
  }

  /** The numbers of a token hold for the app as a whole, so its tokens share one count. */
  #limitsOf(numbers: PlanLimits, limits: CredentialLimits | undefined): CredentialLimits {
    const known = this.#limits.get(numbers)
    if (known !== undefined) return known
    const own = readLimits(numbersAsTexts(numbers))
    const made = { holder: PLAN_HOLDER, limits: [...own, ...(limits?.limits ?? [])] }
    this.#limits.set(numbers, made)
    return made
  }

  /** Asked after the check: a right secret always passes, or a stranger could lock a client out. */
  #charge(refusal: RefusalCode, name: string | undefined, source: Source): RefusalCode {
    const { refused } = this.#deps.guard.authenticate(limitSubject(source.ip), name, source)
    return refused === undefined ? refusal : 'rate_limited'
  }
}

/** Read once for each state of a key. */
const ofKeys = new WeakMap<KeyIdentity['credential'], Permissions>()

function permissionsOfKey(record: KeyIdentity['credential']): Permissions {
  const known = ofKeys.get(record)
  if (known !== undefined) return known
  const permissions = permissionsOfScopes(record.attributes.scopes)
  ofKeys.set(record, permissions)
  return permissions
}

function bounded(limit: number | undefined): number | undefined {
  return limit === undefined || limit >= UNLIMITED ? undefined : limit
}

/** What the app asks for of a connection once it is known who connects. */
function unfit(
  settings: AppSettings,
  { token, origin, isTls }: EditorCredential,
): RefusalCode | undefined {
  if (settings.requireTls && !isTls) return 'tls_required'
  const domains = claimedDomains(peekToken(token)?.claims ?? {})
  // Only browsers send an origin; where a token names its pages, others may leave it out.
  const isFit =
    domains.length === 0
      ? isOriginAllowed(settings, origin)
      : origin === undefined || isOriginClaimed(domains, origin)
  if (!isFit) return 'origin_refused'
  const isPermanent = isApiKey(token) && !token.startsWith('pk_')
  const isForPages = !isPermanent || settings.mqttUsersInBrowsers === 'allow'
  return origin !== undefined && !isForPages ? 'password_in_browser' : undefined
}
