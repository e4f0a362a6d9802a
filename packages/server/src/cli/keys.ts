/** `lockgate keys generate`: values of the key format, made without a server. */
import { systemRandom } from '../adapters/system/random.ts'
import { generateKey, KEY_TYPES } from '../credentials/key-format.ts'

export const KEY_TYPE_NAMES = Object.keys(KEY_TYPES)

/** @returns a new value; undefined for a type that does not exist. */
export function generateKeyOfType(type: string): string | undefined {
  const found = Object.entries(KEY_TYPES).find(([name]) => name === type)
  return found === undefined ? undefined : generateKey(found[1], systemRandom).value
}
