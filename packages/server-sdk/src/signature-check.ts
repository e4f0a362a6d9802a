/**
 * Whether a signature holds: HMAC-SHA256 (RFC 2104) and Ed25519 (RFC 8032), by WebCrypto, which
 * answers later and is everywhere, or at once by the runtime's own `crypto` module, which Node
 * (20.16 or later), Bun, Deno and Workers with `nodejs_compat` have. It is asked for and not
 * imported, so that this module loads without it. Everything is tried, whatever fits.
 */
import { constantTimeEqual } from './constant-time.ts'

type Bytes = Uint8Array<ArrayBuffer>

export interface SignatureQuestion {
  readonly content: Bytes
  readonly hmacKeys: readonly Bytes[]
  readonly publicKeys: readonly Bytes[]
  /** HMACs that were given, untrusted. */
  readonly macs: readonly Bytes[]
  /** Ed25519 signatures that were given, untrusted. */
  readonly signatures: readonly Bytes[]
}

/** What is used of `node:crypto`. */
interface RuntimeCrypto {
  createHmac(algorithm: 'sha256', key: Bytes): { update(content: Bytes): { digest(): Uint8Array } }
  verify(algorithm: null, content: Bytes, key: object, signature: Bytes): boolean
}

/** RFC 8410 §4: what stands before the 32 bytes of an Ed25519 public key in its DER form. */
const SPKI_START = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00]
const ED25519_SIGNATURE_BYTES = 64

/** @returns undefined where the runtime cannot tell at once; then ask {@link holds}. */
export function holdsNow(question: SignatureQuestion): boolean | undefined {
  const crypto = runtimeCrypto()
  if (crypto === undefined) return undefined
  const { content, hmacKeys, publicKeys, macs, signatures } = question
  const computed = hmacKeys.map((key) => crypto.createHmac('sha256', key).update(content).digest())
  const verdicts = publicKeys.flatMap((publicKey) => {
    const key = { key: Uint8Array.of(...SPKI_START, ...publicKey), format: 'der', type: 'spki' }
    return signatures.map((each) => isWhole(each) && crypto.verify(null, content, key, each))
  })
  return isAnyEqual(macs, computed) || verdicts.includes(true)
}

export async function holds(question: SignatureQuestion): Promise<boolean> {
  const { content, hmacKeys, publicKeys, macs, signatures } = question
  const computed = await Promise.all(hmacKeys.map((key) => hmacOf(key, content)))
  const verdicts = await Promise.all(
    publicKeys.map(async (publicKey) => {
      const key = await crypto.subtle.importKey('raw', publicKey, 'Ed25519', false, ['verify'])
      return Promise.all(
        signatures.map(
          async (each) =>
            isWhole(each) && (await crypto.subtle.verify('Ed25519', key, each, content)),
        ),
      )
    }),
  )
  return isAnyEqual(macs, computed) || verdicts.flat().includes(true)
}

async function hmacOf(secret: Bytes, content: Bytes): Promise<Uint8Array> {
  const algorithm = { name: 'HMAC', hash: 'SHA-256' }
  const key = await crypto.subtle.importKey('raw', secret, algorithm, false, ['sign'])
  return new Uint8Array(await crypto.subtle.sign('HMAC', key, content))
}

function isWhole(signature: Bytes): boolean {
  return signature.length === ED25519_SIGNATURE_BYTES
}

/** All pairs are compared, so that the time says nothing of which secret fits. */
function isAnyEqual(given: readonly Uint8Array[], computed: readonly Uint8Array[]): boolean {
  const fits = given.flatMap((mac) => computed.map((wanted) => constantTimeEqual(mac, wanted)))
  return fits.includes(true)
}

function runtimeCrypto(): RuntimeCrypto | undefined {
  const { process: runtime } = globalThis as {
    process?: { getBuiltinModule?: (name: string) => RuntimeCrypto | undefined }
  }
  return runtime?.getBuiltinModule?.('crypto')
}
