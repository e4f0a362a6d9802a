/**
 * Who an MQTT client is: the form of its password says which credential proves it, and that
 * credential says which app is meant (contract CloudSignal 3.1). An organization that does not
 * exist and a password that is wrong are one answer after about the same work.
 */
import { ok, type Result, refuse } from '@lockgate/protocol/result'
import { limitSubject } from '../../core/limits/address-subject.ts'
import type { Guard } from '../../core/limits/guard.ts'
import { refuseByLimit } from '../../core/limits/limit-refusal.ts'
import type { RefusalCode } from '../../core/refusals.ts'
import type { Source } from '../../core/source.ts'
import { CONNECTION_TOKEN_PREFIX } from '../../ports/records/mqtt-user.ts'
import type { DeniedAttempt } from '../audit/denied-access.ts'
import { NO_OWNER, namedBearer } from '../audit/denied-access.ts'
import type { Bearers } from '../bearers.ts'
import { isApiKey, parseKey } from '../key-format.ts'
import type { TenantDirectory } from '../tenant-directory.ts'
import { peekToken } from '../tokens/peek.ts'
import { checkConnection } from './connection-policy.ts'
import { identityOfKey, identityOfToken, identityOfUser } from './identities.ts'
import type { MqttCredentials, MqttDoor, MqttIdentity } from './mqtt-identity.ts'
import { type GivenCredentials, readGiven } from './user-name.ts'
import { type PasswordDeps, UserPasswords } from './user-passwords.ts'

/** Verifies connection tokens; records their uses and denials itself. */
export interface TokenPasswords {
  authenticate(
    password: string,
    client: {
      readonly username: string
      readonly clientId: string
      /** As the client wrote it. */
      readonly organization: string | undefined
    },
    source: Source,
  ): Result<MqttIdentity, RefusalCode>
}

export interface MqttDoorDeps extends PasswordDeps {
  readonly tenants: TenantDirectory
  readonly bearers: Bearers
  readonly tokens: TokenPasswords
  readonly guard: Guard
}

/** Who proved to be somebody, and by what. */
interface Proven {
  readonly identity: MqttIdentity
  /** What the audit calls the credential. */
  readonly target: DeniedAttempt['target']
  /** It lives until it is rotated, and belongs on devices and servers. */
  readonly isPermanent: boolean
}

type Answer = Result<Proven, RefusalCode>
type Later<T> = T | Promise<T>

interface Attempt {
  readonly credentials: MqttCredentials
  readonly given: GivenCredentials
  /** Of the organization that was named; undefined where none was, or there is none. */
  readonly tenantId: string | undefined
  readonly source: Source
}

/** No longer ones are counted, and none that could break a line of a log. */
const SUBJECT = /^[!-~]{1,64}$/

/** Proofs that did not hold: each is charged to its address and to the name it came under. */
const FAILURES: ReadonlySet<RefusalCode> = new Set([
  'credential_missing',
  'credential_invalid',
  'credential_revoked',
  'token_expired',
])

export class CredentialDoor implements MqttDoor {
  readonly #deps: MqttDoorDeps
  readonly #passwords: UserPasswords

  constructor(deps: MqttDoorDeps) {
    this.#deps = deps
    this.#passwords = new UserPasswords(deps)
  }

  authenticate(
    credentials: MqttCredentials,
    source: Source,
  ): Later<Result<MqttIdentity, RefusalCode>> {
    const read = readGiven(credentials)
    if (!read.ok) return this.#refuseUnread(read.refusal, source)
    const given = read.value
    const { organization } = given
    const tenants = this.#deps.tenants
    const tenantId =
      organization === undefined ? undefined : tenants.findOrganization(organization)?.tenant.id
    const attempt = { credentials, given, tenantId, source }
    const answer = this.#prove(attempt)
    if (answer instanceof Promise) return answer.then((later) => this.#settle(attempt, later))
    return this.#settle(attempt, answer)
  }

  #prove(attempt: Attempt): Later<Answer> {
    const { password } = attempt.given
    if (password.startsWith(CONNECTION_TOKEN_PREFIX)) return this.#byConnectionToken(attempt)
    if (isApiKey(password)) return this.#byKey(attempt)
    if (peekToken(password) !== undefined) return this.#bySignedToken(attempt)
    return this.#byPassword(attempt)
  }

  #byConnectionToken({ given, credentials, source }: Attempt): Answer {
    const { username, organization } = given
    const client = { username, organization, clientId: credentials.clientId }
    const proven = this.#deps.tokens.authenticate(given.password, client, source)
    const target = { kind: 'connection_token', id: '*' }
    return proven.ok ? ok({ identity: proven.value, target, isPermanent: false }) : proven
  }

  #byKey({ given, source }: Attempt): Later<Answer> {
    const proven = this.#deps.bearers.authenticateKey(given.password, source)
    const prove = (result: Awaited<typeof proven>): Answer => {
      if (!result.ok) return result
      const identity = identityOfKey(result.value, this.#deps.apps)
      const target = namedBearer(given.password)
      return ok({ identity, target, isPermanent: !given.password.startsWith('pk_') })
    }
    return proven instanceof Promise ? proven.then(prove) : prove(proven)
  }

  async #bySignedToken({ given, source }: Attempt): Promise<Answer> {
    const { password } = given
    const proven = await this.#deps.bearers.authenticate(password, source)
    if (!proven.ok) return proven
    const identity = identityOfToken(proven.value, password)
    return ok({ identity, target: namedBearer(password), isPermanent: false })
  }

  #byPassword({ given, tenantId, source }: Attempt): Later<Answer> {
    const { username: name, password } = given
    const proven = this.#passwords.authenticate({ tenantId, name, password, source })
    const prove = (result: Awaited<typeof proven>): Answer => {
      if (!result.ok) return result
      const { id, kind } = result.value.credential.record
      const identity = identityOfUser(result.value, this.#deps.apps)
      return ok({ identity, target: { kind, id, name }, isPermanent: true })
    }
    return proven instanceof Promise ? proven.then(prove) : prove(proven)
  }

  /** What counts whoever it is: the organization that was named, and what the app asks for. */
  #settle(attempt: Attempt, answer: Answer): Result<MqttIdentity, RefusalCode> {
    if (!answer.ok) return this.#charged(answer.refusal, attempt)
    const { identity, target, isPermanent } = answer.value
    const { given, tenantId, credentials, source } = attempt
    const { app, tenant } = identity.loaded
    const deny = (reason: RefusalCode) =>
      this.#deps.recordDenial({ action: 'auth.denied', reason, source, target }, app)
    // Another organization's credential is as wrong as none: this one is not there for it.
    if (given.organization !== undefined && tenant.id !== tenantId) {
      deny('credential_invalid')
      return this.#charged('credential_invalid', attempt)
    }
    const fit = checkConnection(app.settings, credentials, isPermanent)
    if (fit.ok) return ok(identity)
    deny(fit.refusal)
    return fit
  }

  /** Nobody is let in as nobody: there is no app that could be meant. */
  #refuseUnread(reason: RefusalCode, source: Source): Result<MqttIdentity, RefusalCode> {
    const target = { kind: 'mqtt_user', id: 'unknown' }
    this.#deps.recordDenial({ action: 'auth.failed', reason, source, target }, NO_OWNER)
    return this.#charge(reason, { name: undefined, source })
  }

  #charged(refusal: RefusalCode, { given, source }: Attempt): Result<never, RefusalCode> {
    if (!FAILURES.has(refusal)) return refuse(refusal)
    return this.#charge(refusal, { name: subjectOf(given), source })
  }

  /** Asked after the check: a right secret always passes, or a stranger could lock a client out. */
  #charge(
    refusal: RefusalCode,
    { name, source }: { readonly name: string | undefined; readonly source: Source },
  ): Result<never, RefusalCode> {
    const { refused } = this.#deps.guard.authenticate(limitSubject(source.ip), name, source)
    return refused === undefined ? refuse(refusal) : refuseByLimit(refused)
  }
}

/** A key by its public id, everybody else by the user name. */
function subjectOf({ username, organization, password }: GivenCredentials): string | undefined {
  const key = isApiKey(password) ? parseKey(password) : undefined
  const name = organization === undefined ? username : `${username}@${organization}`
  const subject = key?.ok === true ? key.value.keyId : name
  return SUBJECT.test(subject) ? subject : undefined
}
