/**
 * Who a client of channels with messages is. Contract wSocket 1 and 10: a token decides who it is
 * and what it may, a key that comes along only names the app; a token that does not hold is never
 * made good by a key. Decides without a database.
 */
import { ok, refuse } from '@lockgate/protocol/result'
import { limitSubject } from '../../core/limits/address-subject.ts'
import type { Guard } from '../../core/limits/guard.ts'
import { type Limited, refuseByLimit } from '../../core/limits/limit-refusal.ts'
import type { Permissions } from '../../core/permissions.ts'
import type { RefusalCode } from '../../core/refusals.ts'
import type { Source } from '../../core/source.ts'
import type { AppDirectory } from '../app-directory.ts'
import {
  type DeniedAttempt,
  type DenialOwner,
  namedBearer,
  NO_OWNER,
  type RecordDenial,
} from '../audit/denied-access.ts'
import type { Bearers, KeyIdentity } from '../bearers.ts'
import { isApiKey, parseKey } from '../key-format.ts'
import { checkConnection } from '../mqtt/connection-policy.ts'
import { peekToken } from '../tokens/peek.ts'
import { CHANNEL_ACTIONS } from './channel-authority.ts'
import {
  type MessageIdentity,
  messageIdentityOfKey,
  messageIdentityOfToken,
} from './message-identity.ts'
import { isClientId, readShown, type ShownCredentials } from './shown-credentials.ts'

/** What an upgrade request brings. Nothing in it is trusted. */
export interface MessageUpgrade {
  /** Raw, without the `?`; a secret. */
  readonly query: string
  readonly origin: string | undefined
  readonly isTls: boolean
}

type Answer = Limited<MessageIdentity>
type Later<T> = T | Promise<T>

/** Decides who comes in by WebSocket. */
export interface MessageEntrance {
  /** @returns at once where nothing has to be waited for. */
  authenticate(upgrade: MessageUpgrade, source: Source): Later<Answer>
}

export interface MessageDoorDeps {
  readonly apps: AppDirectory
  readonly bearers: Bearers
  readonly guard: Guard
  readonly recordDenial: RecordDenial
}

interface Attempt {
  readonly upgrade: MessageUpgrade
  readonly shown: ShownCredentials
  readonly source: Source
}

/** Of a server, which may say as whom it acts. */
const SERVER_KEY_PREFIX = 'sk_'
/** Of pages; all others belong on servers. */
const PAGE_KEY_PREFIX = 'pk_'

/** Proofs that did not hold: each is charged to its address and to the key it came under. */
const FAILURES: ReadonlySet<RefusalCode> = new Set([
  'credential_missing',
  'credential_invalid',
  'credential_revoked',
  'token_expired',
])

export class MessageDoor implements MessageEntrance {
  readonly #deps: MessageDoorDeps

  constructor(deps: MessageDoorDeps) {
    this.#deps = deps
  }

  authenticate(upgrade: MessageUpgrade, source: Source): Later<Answer> {
    const read = readShown(upgrade.query)
    if (!read.ok) return this.#failed(read.refusal, undefined, source)
    const attempt = { upgrade, shown: read.value, source }
    const { token, key } = read.value
    if (token !== undefined) return this.#byToken(attempt, token)
    if (key !== undefined) return this.#byKey(attempt, key)
    return this.#failed('credential_missing', undefined, source)
  }

  async #byToken(attempt: Attempt, token: string): Promise<Answer> {
    const { source, shown } = attempt
    const peeked = peekToken(token)
    if (peeked === undefined) return this.#failed('credential_invalid', undefined, source)
    const proven = await this.#deps.bearers.authenticate(token, source)
    if (!proven.ok) return this.#charged(proven.refusal, undefined, source)
    const { loaded } = proven.value
    const target = namedBearer(token)
    const { clientId } = peeked.claims
    if (clientId !== undefined && !isClientId(clientId)) {
      return this.#denied('credential_invalid', target, { attempt, owner: loaded.app })
    }
    const isOfApp = shown.key === undefined || this.#appOf(shown.key) === loaded.app.id
    // One name comes of the token, and nobody is two.
    if (!isOfApp || shown.clientId !== undefined) {
      return this.#denied('credential_invalid', target, { attempt, owner: loaded.app })
    }
    const identity = messageIdentityOfToken(proven.value, token, clientId)
    return this.#settle(identity, attempt, { target, isPermanent: false })
  }

  #byKey(attempt: Attempt, key: string): Later<Answer> {
    if (!isApiKey(key)) return this.#failed('credential_invalid', undefined, attempt.source)
    const proven = this.#deps.bearers.authenticateKey(key, attempt.source)
    const goOn = (later: Awaited<typeof proven>) => {
      if (!later.ok) return this.#charged(later.refusal, key, attempt.source)
      return this.#knownKey(attempt, key, later.value)
    }
    return proven instanceof Promise ? proven.then(goOn) : goOn(proven)
  }

  #knownKey(attempt: Attempt, key: string, proven: KeyIdentity): Answer {
    const { clientId } = attempt.shown
    const target = namedBearer(key)
    // Who holds a key of a page could call himself anybody.
    if (clientId !== undefined && !key.startsWith(SERVER_KEY_PREFIX)) {
      return this.#denied('operation_denied', target, { attempt, owner: proven.loaded.app })
    }
    const identity = messageIdentityOfKey(proven, this.#deps.apps, clientId)
    const isPermanent = !key.startsWith(PAGE_KEY_PREFIX)
    return this.#settle(identity, attempt, { target, isPermanent })
  }

  /** What counts whoever it is. */
  #settle(
    identity: MessageIdentity,
    attempt: Attempt,
    proof: { readonly target: DeniedAttempt['target']; readonly isPermanent: boolean },
  ): Answer {
    const { app } = identity.loaded
    const shown = { ...attempt.upgrade, isWebSocket: true }
    const fit = checkConnection(app.settings, shown, proof.isPermanent)
    const reason = fit.ok ? uselessness(identity.permissions()) : fit.refusal
    if (reason === undefined) return ok(identity)
    return this.#denied(reason, proof.target, { attempt, owner: app })
  }

  /** @returns the app a key is of, whatever it may: it only names it. */
  #appOf(key: string): string | undefined {
    const parsed = isApiKey(key) ? parseKey(key) : undefined
    if (parsed?.ok !== true) return undefined
    return this.#deps.apps.findByKeyId(parsed.value.keyId)?.loaded.app.id
  }

  #denied(
    reason: RefusalCode,
    target: DeniedAttempt['target'],
    { attempt, owner }: { readonly attempt: Attempt; readonly owner: DenialOwner },
  ): Answer {
    const { source } = attempt
    this.#deps.recordDenial({ action: 'auth.denied', reason, source, target }, owner)
    return this.#charged(reason, undefined, source)
  }

  /** Of somebody who cannot be told apart from others like him. */
  #failed(reason: RefusalCode, key: string | undefined, source: Source): Answer {
    const target = { kind: 'bearer', id: 'unknown' }
    this.#deps.recordDenial({ action: 'auth.failed', reason, source, target }, NO_OWNER)
    return this.#charged(reason, key, source)
  }

  /** Asked after the check: a right secret always passes, or a stranger could lock a client out. */
  #charged(refusal: RefusalCode, key: string | undefined, source: Source): Answer {
    if (!FAILURES.has(refusal)) return refuse(refusal)
    const parsed = key === undefined ? undefined : parseKey(key)
    const name = parsed?.ok === true ? parsed.value.keyId : undefined
    const { refused } = this.#deps.guard.authenticate(limitSubject(source.ip), name, source)
    return refused === undefined ? refuse(refusal) : refuseByLimit(refused)
  }
}

/** Who may do nothing here is told so at once, not in an error for every channel (contract 1). */
function uselessness({ rules }: Permissions): RefusalCode | undefined {
  const mayAnything = rules.some(({ actions }) => {
    return CHANNEL_ACTIONS.some((action) => actions.includes(action))
  })
  return mayAnything ? undefined : 'operation_denied'
}
