/**
 * The random keys of an installation, sealed in the control database: they outlive a rotation of
 * the master key, which would otherwise change every fingerprint and token.
 */
import {
  createPrivateKey,
  createPublicKey,
  createSecretKey,
  generateKeyPairSync,
  type KeyObject,
} from 'node:crypto'
import { ok, type Result, refuse } from '@lockgate/protocol/result'
import type { Clock } from '../ports/clock.ts'
import type { Random } from '../ports/random.ts'
import type { InstallationKeyRecord } from '../ports/records/installation.ts'
import type { ControlDatabase } from '../ports/store.ts'
import { TokenKeys, type TokenKeyVersion } from './connection-tokens/token-keys.ts'
import type { MasterKey } from './master-key.ts'
import { openSecret, sealSecret } from './sealing.ts'

/** Lives in memory only. Key objects print without their content. */
export interface InstallationKeys {
  /** HMAC key of the fingerprints of secrets. */
  readonly fingerprint: KeyObject
  /** HMAC key of refresh tokens. */
  readonly refresh: KeyObject
  /** What connection tokens are signed with; rotated while the server runs. */
  readonly connectionToken: TokenKeys
  /** HMAC key of audit rows. */
  readonly auditSeal: KeyObject
  /** Ed25519 key that signs audit checkpoints. */
  readonly auditSign: { readonly privateKey: KeyObject; readonly publicKey: KeyObject }
}

const KEY_BYTES = 32
const PURPOSE = 'installation-key'
const NAMES = ['fingerprint', 'refresh', 'connection-token', 'audit-seal', 'audit-sign'] as const
type KeyName = (typeof NAMES)[number]
const TOKEN_KEY = 'connection-token'

interface KeyDeps {
  readonly masterKey: MasterKey
  readonly random: Random
  readonly clock: Clock
}

/**
 * Reads the keys, making those that are missing.
 * @throws Outage
 */
export async function loadInstallationKeys(
  control: ControlDatabase,
  deps: KeyDeps,
): Promise<Result<InstallationKeys, 'wrong_master_key'>> {
  const records = await control.transaction(async (transaction) => {
    const known = await transaction.listInstallationKeys()
    const missing = NAMES.filter((name) => !known.some((record) => isOf(record.name, name)))
    const made = missing.map((name) => makeKey(name, deps))
    for (const record of made) await transaction.saveInstallationKey(record)
    return [...known, ...made]
  })
  const opened = new Map<string, Uint8Array>()
  for (const record of records) {
    const plain = openInstallationKey(record, deps.masterKey)
    if (!plain.ok) return plain
    opened.set(record.name, plain.value)
  }
  const bytesOf = (name: KeyName) => Buffer.from(opened.get(name) ?? new Uint8Array())
  const privateKey = createPrivateKey({
    key: bytesOf('audit-sign'),
    format: 'der',
    type: 'pkcs8',
  })
  return ok({
    fingerprint: createSecretKey(bytesOf('fingerprint')),
    refresh: createSecretKey(bytesOf('refresh')),
    connectionToken: new TokenKeys(tokenKeyVersions(records, opened)),
    auditSeal: createSecretKey(bytesOf('audit-seal')),
    auditSign: { privateKey, publicKey: createPublicKey(privateKey) },
  })
}

/** @returns where a version of the key of connection tokens is kept. */
export function tokenKeyName(version: number): string {
  return version === 1 ? TOKEN_KEY : `${TOKEN_KEY}.${version}`
}

/** Makes a version of the key of connection tokens; nothing knows it until it is saved. */
export function makeTokenKey(
  version: number,
  deps: KeyDeps,
): { readonly record: InstallationKeyRecord; readonly version: TokenKeyVersion } {
  const name = tokenKeyName(version)
  const bytes = deps.random.bytes(KEY_BYTES)
  const createdAtMs = deps.clock.nowMs()
  const record = { name, sealed: seal(name, bytes, deps), createdAtMs }
  return { record, version: { version, bytes, createdAtMs } }
}

function tokenKeyVersions(
  records: readonly InstallationKeyRecord[],
  opened: ReadonlyMap<string, Uint8Array>,
): readonly TokenKeyVersion[] {
  return records
    .flatMap(({ name, createdAtMs }) => {
      const bytes = opened.get(name)
      if (bytes === undefined || !isOf(name, TOKEN_KEY)) return []
      const version = name === TOKEN_KEY ? 1 : Number(name.slice(TOKEN_KEY.length + 1))
      return [{ version, bytes, createdAtMs }]
    })
    .sort((one, other) => one.version - other.version)
}

/** Whether a record is a version of that key: the first has no number. */
function isOf(recordName: string, name: KeyName): boolean {
  return recordName === name || recordName.startsWith(`${name}.`)
}

/**
 * The keys of the audit out of stored records, for who verifies without a server; makes nothing.
 * @returns undefined for one that is not there.
 */
export function openAuditKeys(
  records: readonly InstallationKeyRecord[],
  masterKey: MasterKey,
): Result<
  { readonly seal: KeyObject | undefined; readonly publicKey: KeyObject | undefined },
  'wrong_master_key'
> {
  const bytes = new Map<string, Buffer>()
  for (const record of records) {
    if (record.name !== 'audit-seal' && record.name !== 'audit-sign') continue
    const opened = openInstallationKey(record, masterKey)
    if (!opened.ok) return opened
    bytes.set(record.name, Buffer.from(opened.value))
  }
  const sealBytes = bytes.get('audit-seal')
  const key = bytes.get('audit-sign')
  return ok({
    seal: sealBytes && createSecretKey(sealBytes),
    publicKey: key && createPublicKey(createPrivateKey({ key, format: 'der', type: 'pkcs8' })),
  })
}

/** Seals the same key under the current version of the master key. */
export function resealInstallationKey(
  record: InstallationKeyRecord,
  deps: KeyDeps,
): Result<InstallationKeyRecord, 'wrong_master_key'> {
  const opened = openInstallationKey(record, deps.masterKey)
  if (!opened.ok) return opened
  return ok({ ...record, sealed: seal(record.name, opened.value, deps) })
}

function openInstallationKey(record: InstallationKeyRecord, masterKey: MasterKey) {
  const context = { purpose: PURPOSE, owner: [record.name] }
  const opened = openSecret(Buffer.from(record.sealed, 'base64'), context, masterKey)
  if (opened.ok) return opened
  return refuse(
    'wrong_master_key' as const,
    `the installation key ${record.name} does not open (${opened.refusal}): start with the ` +
      'master key that sealed it: master.key of the data directory, or the configured masterKey',
  )
}

function makeKey(name: KeyName, deps: KeyDeps): InstallationKeyRecord {
  const plain =
    name === 'audit-sign'
      ? generateKeyPairSync('ed25519').privateKey.export({ format: 'der', type: 'pkcs8' })
      : deps.random.bytes(KEY_BYTES)
  return { name, sealed: seal(name, plain, deps), createdAtMs: deps.clock.nowMs() }
}

function seal(name: string, plain: Uint8Array, deps: KeyDeps): string {
  const sealed = sealSecret(plain, { purpose: PURPOSE, owner: [name] }, deps)
  return Buffer.from(sealed).toString('base64')
}
