/** Who an MQTT client is, once its credentials hold. */
import type { Result } from '@lockgate/protocol/result'
import type { CredentialLimits } from '../../core/limits/narrowed-limits.ts'
import type { RefusalCode } from '../../core/refusals.ts'
import type { Reliance } from '../../core/reliance.ts'
import type { TopicAcl } from '../../core/rules/topic-rules.ts'
import type { Source } from '../../core/source.ts'
import type { LoadedApp } from '../app-directory.ts'

export interface MqttIdentity {
  readonly loaded: LoadedApp
  /**
   * Whose sessions it may take over: `user:...`, `provided:...` of an identity provider,
   * `credential:...`; two that differ never share a session (contract CloudSignal 3.1).
   */
  readonly owner: string
  /**
   * Who it is called, as far as that is proved: the name of an MQTT user, of a token; the user of a
   * signed token. Empty for keys, which connect under any name.
   */
  readonly username: string
  /** The user of the app; undefined for keys. Counted by limits, revoked by user id. */
  readonly userId: string | undefined
  readonly email: string | undefined
  /** Claims of a token that are text, for placeholders of rules. */
  readonly claims: ReadonlyMap<string, string> | undefined
  /** Name of the integration whose rule set narrows it. */
  readonly integration: string | undefined
  /** Name of a rule set bound to the credential itself, such as an MQTT user's. */
  readonly ruleSet: string | undefined
  readonly acl: TopicAcl | undefined
  /** May publish or subscribe at all: what the scopes of a key leave. */
  readonly mayPublish: boolean
  readonly maySubscribe: boolean
  readonly reliances: readonly Reliance[]
  /** Epoch, as it is known now: a renewal elsewhere has moved it. Undefined: never. */
  expiresAtMs(): number | undefined
  /** Epoch: no renewal leads beyond it, so no session is kept longer. Absent: no such end. */
  readonly renewableUntilMs?: number | undefined
  readonly limits: CredentialLimits | undefined
}

/** What a CONNECT or AUTH packet brings. Nothing in it is trusted. */
export interface MqttCredentials {
  /** Absent or empty: anonymous. */
  readonly username: string | undefined
  readonly password: Uint8Array | undefined
  /** As sent; empty where the server assigns one. */
  readonly clientId: string
  /** `Origin` of a WebSocket. */
  readonly origin: string | undefined
  readonly isWebSocket: boolean
  readonly isTls: boolean
}

export interface MqttDoor {
  /**
   * Decides without a database. Records uses and denials, and charges failures.
   * @returns at once where nothing has to be waited for: most connections are admitted that way.
   */
  authenticate(
    credentials: MqttCredentials,
    source: Source,
  ): Result<MqttIdentity, RefusalCode> | Promise<Result<MqttIdentity, RefusalCode>>
}
