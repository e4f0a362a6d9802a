/** The document a customer publishes its keys in, RFC 7517 §5. Untrusted and bounded. Pure. */
import { isJsonObject, parseJsonObject } from '@lockgate/protocol/bytes'
import { type PublicKey, readJwk } from './public-key.ts'

/** Our bound; keys beyond it are not read. */
export const KEY_SET_COUNT_MAX = 50
const DEPTH_MAX = 6

/**
 * @returns the keys that may verify a signature; those of other uses and types are left out, as
 * §5 asks. Undefined for what is no key set.
 */
export function parseKeySet(bytes: Uint8Array): readonly PublicKey[] | undefined {
  const document = parseJsonObject(Buffer.from(bytes).toString('utf8'), DEPTH_MAX)
  const keys = document?.['keys']
  if (!Array.isArray(keys)) return undefined
  return keys
    .slice(0, KEY_SET_COUNT_MAX)
    .filter(isJsonObject)
    .map(readJwk)
    .flatMap((read) => (read.ok ? [read.value] : []))
}
