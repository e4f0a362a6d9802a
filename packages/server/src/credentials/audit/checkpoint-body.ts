/**
 * What a checkpoint signs: the heads of a tenant's chains in all databases, and the checkpoint
 * before it. Ed25519, RFC 8032. Pure.
 */
import {
  createHash,
  createPublicKey,
  type KeyObject,
  sign,
  verify,
  type webcrypto,
} from 'node:crypto'
import type { AuditCheckpoint } from '../../ports/records/audit.ts'
import { thumbprintOf } from '../tokens/signing-material.ts'
import { canonicalJson, isObject, parseJson } from './canonical-json.ts'

const FORMAT = 'lockgate-audit-checkpoint-1'
/** What the first checkpoint of a tenant follows. */
export const FIRST_BODY_HASH = '0'.repeat(64)

export interface CheckpointHead {
  readonly seq: number
  readonly hash: string
}

/** By database code. */
export type CheckpointHeads = Readonly<Record<string, CheckpointHead>>

/** Of databases: nothing else becomes the name of a field. */
const DB_CODE = /^[a-z0-9-]{1,64}$/

export interface CheckpointBody {
  readonly tenantId: string
  readonly seq: number
  readonly atMs: number
  readonly heads: CheckpointHeads
  /** {@link bodyHashOf} of the checkpoint before, or {@link FIRST_BODY_HASH}. */
  readonly previous: string
}

export interface CheckpointKey {
  readonly publicKey: KeyObject
  /** JWK thumbprint, RFC 7638. */
  readonly keyId: string
}

/** @returns as an operator keeps it away from the server: RFC 8037 §2. */
export function publicJwkOf(publicKey: KeyObject): webcrypto.JsonWebKey & { readonly kid: string } {
  const jwk = publicKey.export({ format: 'jwk' })
  return { ...jwk, kid: thumbprintOf(jwk), alg: 'EdDSA', use: 'sig' }
}

/** @returns undefined for anything but an Ed25519 public key. */
export function readCheckpointKey(jwk: webcrypto.JsonWebKey): CheckpointKey | undefined {
  const { kty, crv, x = '' } = jwk
  if (kty !== 'OKP' || crv !== 'Ed25519' || !/^[\w-]{43}$/.test(x)) return undefined
  const bare = { kty, crv, x }
  return { publicKey: createPublicKey({ key: bare, format: 'jwk' }), keyId: thumbprintOf(bare) }
}

export function signCheckpoint(
  body: CheckpointBody,
  privateKey: KeyObject,
  keyId: string,
): AuditCheckpoint {
  const { tenantId, seq, atMs } = body
  const text = canonicalJson({ format: FORMAT, ...body })
  const signature = sign(null, Buffer.from(text), privateKey).toString('base64url')
  return { tenantId, seq, atMs, body: text, signature, keyId }
}

/** @returns SHA-256 in hex. */
export function bodyHashOf({ body }: Pick<AuditCheckpoint, 'body'>): string {
  return createHash('sha256').update(body).digest('hex')
}

/** @returns the body, only of a checkpoint that this key signed and whose columns say the same. */
export function openCheckpoint(
  checkpoint: AuditCheckpoint,
  key: CheckpointKey,
): CheckpointBody | undefined {
  const { body: text, signature, keyId, tenantId, seq, atMs } = checkpoint
  const bytes = Buffer.from(signature, 'base64url')
  // The last character has spare bits, which reading would drop: one signature, one text.
  if (bytes.toString('base64url') !== signature || keyId !== key.keyId) return undefined
  if (!verify(null, Buffer.from(text), key.publicKey, bytes)) return undefined
  const body = parseBody(text)
  const isSame = body?.tenantId === tenantId && body.seq === seq && body.atMs === atMs
  return isSame ? body : undefined
}

/** @returns undefined for what is no body of this format. */
export function parseBody(text: string): CheckpointBody | undefined {
  const value = parseJson(text)
  if (!isObject(value) || value['format'] !== FORMAT) return undefined
  const { tenantId, seq, atMs, previous, heads } = value
  if (typeof tenantId !== 'string' || typeof seq !== 'number' || typeof atMs !== 'number')
    return undefined
  if (typeof previous !== 'string' || !isObject(heads)) return undefined
  const read = Object.entries(heads).map(([code, head]) => [code, readHead(head)] as const)
  if (read.some(([code, head]) => !DB_CODE.test(code) || head === undefined)) return undefined
  return { tenantId, seq, atMs, heads: Object.fromEntries(read) as CheckpointHeads, previous }
}

function readHead(head: unknown): CheckpointHead | undefined {
  if (!isObject(head)) return undefined
  const { seq, hash } = head
  return typeof seq === 'number' && typeof hash === 'string' ? { seq, hash } : undefined
}

/** Reads a line of a witness. @returns undefined for what is no checkpoint, signed or not. */
export function readCheckpoint(value: unknown): AuditCheckpoint | undefined {
  if (!isObject(value)) return undefined
  const { tenantId, seq, atMs, body, signature, keyId } = value
  if (typeof tenantId !== 'string' || typeof seq !== 'number' || typeof atMs !== 'number')
    return undefined
  if (typeof body !== 'string' || typeof signature !== 'string' || typeof keyId !== 'string')
    return undefined
  return { tenantId, seq, atMs, body, signature, keyId }
}
