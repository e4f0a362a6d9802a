/** MQTT clients as sessions and rules know them, by what they proved. */
import type { AppDirectory } from '../app-directory.ts'
import type { BearerIdentity, KeyIdentity } from '../bearers.ts'
import { relianceOn } from '../../core/reliance.ts'
import type { CredentialRecord, VersionRecord } from '../../ports/records/credential.ts'
import { type PeekedToken, peekToken } from '../tokens/peek.ts'
import { foldCase, isUnverified } from '../connection-tokens/provider-claims.ts'
import type { MqttIdentity } from './mqtt-identity.ts'
import { topicPermissions, topicScopes } from './topic-permissions.ts'
import type { ProvenUser } from './user-passwords.ts'

/** Our bounds on what rules can name of a token. */
const CLAIM_COUNT_MAX = 32
const CLAIM_CHARACTERS_MAX = 256

/** Of a key, whose holder is nobody: the name it comes under proves nothing, so rules see none. */
export function identityOfKey(proven: KeyIdentity, apps: AppDirectory): MqttIdentity {
  const { loaded, reliances, limits, credential, version } = proven
  /** As they are now: they may be changed while the client is connected. */
  const scoped = () => topicScopes(apps.findCredential(credential.id)?.record ?? credential)
  return {
    ...NOTHING_SAID,
    get mayPublish() {
      return scoped().mayPublish
    },
    get maySubscribe() {
      return scoped().maySubscribe
    },
    get acl() {
      return scoped().acl
    },
    loaded,
    owner: ownerOf(credential),
    username: '',
    userId: undefined,
    reliances,
    limits,
    expiresAtMs: () => endOf(credential, version, apps),
  }
}

/** An MQTT user is named by who made it, so rules may rely on the name. */
export function identityOfUser(proven: ProvenUser, apps: AppDirectory): MqttIdentity {
  const { loaded, credential, version } = proven
  const { record } = credential
  return {
    ...NOTHING_SAID,
    loaded,
    owner: ownerOf(record),
    username: record.name,
    userId: undefined,
    mayPublish: true,
    maySubscribe: true,
    acl: undefined,
    reliances: [
      relianceOn({ kind: 'version', versionId: version.id }),
      relianceOn({ kind: 'credential', credentialId: record.id }),
    ],
    limits: undefined,
    /** As it is now: it may be changed while the user is connected. */
    get ruleSet() {
      return (apps.findCredential(record.id)?.record ?? record).attributes.ruleSet
    },
    expiresAtMs: () => endOf(record, version, apps),
  }
}

/** @param token the one that was verified. Who it is for stands in it, whatever name came along. */
export function identityOfToken(proven: BearerIdentity, token: string): MqttIdentity {
  const { loaded, permissions, reliances, userId, limits, expiresAtMs } = proven
  const peeked = peekToken(token)
  return {
    ...NOTHING_SAID,
    ...topicPermissions(permissions),
    loaded,
    owner: tokenOwnerOf(proven, peeked),
    username: userId ?? '',
    userId,
    email: emailOf(peeked?.claims),
    claims: textClaimsOf(peeked?.claims),
    reliances,
    limits,
    expiresAtMs: () => expiresAtMs,
  }
}

const NOTHING_SAID = {
  email: undefined,
  claims: undefined,
  integration: undefined,
  ruleSet: undefined,
} as const

function ownerOf({ id }: Pick<CredentialRecord, 'id'>): string {
  return `credential:${id}`
}

/** Of the same user by whichever token; of a client of ours by its id; else of the token alone. */
function tokenOwnerOf({ userId, loaded, reliances }: BearerIdentity, peeked?: PeekedToken): string {
  if (userId !== undefined) return `user:${userId}`
  // RFC 9068 §2.1: ours, which its client renews for as long as it likes.
  if (peeked?.header['typ'] === 'at+jwt') return `client:${loaded.app.clientId}`
  return reliances[0] ?? `app:${loaded.app.id}`
}

/** When the version that was used ends by itself, as it is known now. */
function endOf(
  { id }: Pick<CredentialRecord, 'id'>,
  version: VersionRecord,
  apps: AppDirectory,
): number | undefined {
  const versions = apps.findCredential(id)?.record.versions ?? []
  return (versions.find((each) => each.id === version.id) ?? version).expiresAtMs
}

type Claims = Readonly<Record<string, unknown>> | undefined

/** An address that its issuer says it has not verified is nobody's. */
function emailOf(claims: Claims): string | undefined {
  const email = claims?.['email']
  if (claims === undefined || typeof email !== 'string' || isUnverified(claims)) return undefined
  return isShort(email) ? foldCase(email) : undefined
}

function textClaimsOf(claims: Claims): ReadonlyMap<string, string> | undefined {
  const texts = new Map<string, string>()
  const isOpen = claims !== undefined && isUnverified(claims)
  for (const [name, value] of Object.entries(claims ?? {})) {
    if (texts.size === CLAIM_COUNT_MAX) break
    if (name === 'email' && isOpen) continue
    if (typeof value === 'string' && isShort(value) && isShort(name)) texts.set(name, value)
  }
  return texts.size === 0 ? undefined : texts
}

function isShort(text: string): boolean {
  return text !== '' && text.length <= CLAIM_CHARACTERS_MAX
}
