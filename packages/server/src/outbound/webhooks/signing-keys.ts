/**
 * Which keys sign what goes to an endpoint, asked for each delivery at the moment it is sent:
 * secrets are never queued. Pure over what is loaded; opened keys are remembered for as long as
 * the app that holds them.
 */
import { createSecretKey, type KeyObject } from 'node:crypto'
import type { LoadedApp, LoadedCredential } from '../../credentials/app-directory.ts'
import { isWaiting } from '../../credentials/engine/delivery.ts'
import { acceptedVersions } from '../../credentials/engine/reading.ts'
import { type WebhookKey, webhookKeyOf } from '../../credentials/webhook-secret.ts'
import type { VersionRecord } from '../../ports/records/credential.ts'
import type { WebhookEndpointRecord } from '../../ports/records/webhook.ts'

export interface StandardKey extends WebhookKey {
  readonly versionId: string
}

export type SigningKeys =
  /** The current one first, one or two: each makes a signature of its own. */
  | { readonly format: 'standard'; readonly keys: readonly StandardKey[] }
  /** Named by its app key; HMAC-SHA256. */
  | {
      readonly format: 'pusher'
      readonly appKey: string
      readonly versionId: string
      readonly key: KeyObject
    }

/**
 * Standard form: every accepted version, but for one that is pending: receivers cannot know it yet.
 * Pusher form: the oldest accepted version of the app's oldest signing secret that has one, because
 * receivers learn of the next one before the last one ends (contract 1H).
 * @returns undefined where nothing can sign now: everything was revoked, or has expired.
 */
export function signingKeysOf(
  loaded: LoadedApp,
  endpoint: Pick<WebhookEndpointRecord, 'format' | 'credentialId'>,
  nowMs: number,
): SigningKeys | undefined {
  if (endpoint.format === 'pusher') return pusherKeyOf(loaded, nowMs)
  const credential = findSecret(loaded, endpoint)
  if (credential === undefined) return undefined
  const versions = signingVersions(credential, nowMs)
  const ordered = [...versions.filter(isCurrent), ...versions.filter((each) => !isCurrent(each))]
  const keys = ordered.flatMap((version) => openedKeys(credential, version))
  return keys.length === 0 ? undefined : { format: 'standard', keys }
}

/**
 * The version of an endpoint's own secret that a receiver is to have before another one can go: the
 * one that is pending, unless its value waits to be fetched, else the current one.
 */
export function newestKeyOf(
  loaded: LoadedApp,
  endpoint: Pick<WebhookEndpointRecord, 'format' | 'credentialId'>,
  nowMs: number,
): StandardKey | undefined {
  const credential = findSecret(loaded, endpoint)
  const accepted = credential && acceptedVersions(credential.record, nowMs)
  const newest = accepted?.findLast((each) => each.state !== 'previous' && !isWaiting(each))
  return credential && newest && openedKeys(credential, newest)[0]
}

function findSecret(
  { credentials }: LoadedApp,
  { credentialId }: Pick<WebhookEndpointRecord, 'credentialId'>,
): LoadedCredential | undefined {
  return credentials.find(({ record }) => record.id === credentialId)
}

function isCurrent({ state }: VersionRecord): boolean {
  return state === 'current'
}

/** Oldest first. */
function signingVersions({ record }: LoadedCredential, nowMs: number): readonly VersionRecord[] {
  return acceptedVersions(record, nowMs).filter(({ state }) => state !== 'pending')
}

function openedKeys({ secrets }: LoadedCredential, { id }: VersionRecord): readonly StandardKey[] {
  const secret = secrets.get(id)
  return secret === undefined ? [] : [{ versionId: id, ...openedKey(secret) }]
}

function pusherKeyOf({ credentials }: LoadedApp, nowMs: number): SigningKeys | undefined {
  for (const credential of credentials) {
    const { kind, attributes } = credential.record
    if (kind !== 'signing_secret' || attributes.appKey === undefined) continue
    const oldest = signingVersions(credential, nowMs).find(({ id }) => credential.secrets.has(id))
    const secret = oldest && credential.secrets.get(oldest.id)
    if (oldest === undefined || secret === undefined) continue
    const { appKey } = attributes
    return { format: 'pusher', appKey, versionId: oldest.id, key: createSecretKey(secret) }
  }
  return undefined
}

/** By the bytes they were opened to, which live as long as the app is loaded as it is. */
const OPENED = new WeakMap<Uint8Array, WebhookKey>()

function openedKey(secret: Uint8Array): WebhookKey {
  const known = OPENED.get(secret)
  if (known !== undefined) return known
  const opened = webhookKeyOf(Buffer.from(secret).toString('utf8'))
  OPENED.set(secret, opened)
  return opened
}
