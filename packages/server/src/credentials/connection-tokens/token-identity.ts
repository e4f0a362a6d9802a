/** Who holds a connection token, as sessions and rules see it: read from its lineage as it is. */
import { type Reliance, relianceOn } from '../../core/reliance.ts'
import type { TopicAcl } from '../../core/rules/topic-rules.ts'
import type { ConnectionTokenRecord } from '../../ports/records/connection-token.ts'
import type { LoadedApp } from '../app-directory.ts'
import type { MqttIdentity } from '../mqtt/mqtt-identity.ts'
import { tokenIdOf } from '../tokens/token-id.ts'
import { holderOf, type Lineage, NATIVE, UNVERIFIED } from './lineage.ts'

/** Has little of its own: there is one for each connection, and most are silent. */
export class TokenIdentity implements MqttIdentity {
  readonly loaded: LoadedApp
  readonly #lineage: Lineage

  constructor(loaded: LoadedApp, lineage: Lineage) {
    this.loaded = loaded
    this.#lineage = lineage
  }

  get owner(): string {
    return ownerOf(this.#record)
  }

  get username(): string {
    return this.#record.username
  }

  get userId(): string {
    return this.#record.userId
  }

  get email(): string | undefined {
    return isVerified(this.#record) ? this.#record.userEmail : undefined
  }

  get claims(): ReadonlyMap<string, string> | undefined {
    return this.#lineage.claims
  }

  get integration(): string | undefined {
    return this.#record.integration
  }

  get ruleSet(): undefined {
    return undefined
  }

  get acl(): TopicAcl {
    return this.#record.acl
  }

  get mayPublish(): true {
    return true
  }

  get maySubscribe(): true {
    return true
  }

  get reliances(): readonly Reliance[] {
    return [...reliancesOf(this.#record), userOf(this.#record)]
  }

  expiresAtMs(): number {
    return this.#record.expiresAtMs
  }

  get renewableUntilMs(): number {
    return this.#record.endsAtMs
  }

  get limits(): undefined {
    return undefined
  }

  get #record(): ConnectionTokenRecord {
    return this.#lineage.record
  }
}

/** Whether nobody has said that the address is unproved. */
function isVerified({ claims }: ConnectionTokenRecord): boolean {
  return claims['email_verified'] !== UNVERIFIED.email_verified
}

/** What ends a lineage for ever when it is revoked. */
export function reliancesOf({ id, appId, restsOn }: ConnectionTokenRecord): readonly Reliance[] {
  const own = relianceOn({ kind: 'token', tokenId: tokenIdOf(appId, id) })
  // Written by `core/reliance.ts`, which also compares them.
  return [own, ...(restsOn as readonly Reliance[])]
}

export function userOf({ appId, userId }: ConnectionTokenRecord): Reliance {
  return relianceOn({ kind: 'user', appId, userId })
}

/**
 * Two providers may call different people the same, and a user of the app may be called as one of a
 * provider is: no two of them are ever one owner.
 */
function ownerOf(record: ConnectionTokenRecord): string {
  return record.provider === NATIVE ? `user:${record.userId}` : holderOf(record)
}
