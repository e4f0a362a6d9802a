/** `lockgate keys generate`: well-formed values, made without a server. */
import { systemRandom } from '../adapters/system/random.ts'
import { generateKey, KEY_TYPES } from '../credentials/key-format.ts'
import { newWebhookSecret } from '../credentials/webhook-secret.ts'

const WEBHOOK_TYPE = 'whsec'

export const KEY_TYPE_NAMES = [...Object.keys(KEY_TYPES), WEBHOOK_TYPE]

/** @returns a new value; undefined for a type that does not exist. */
export function generateKeyOfType(type: string): string | undefined {
  if (type === WEBHOOK_TYPE) return newWebhookSecret(systemRandom)
  const found = Object.entries(KEY_TYPES).find(([name]) => name === type)
  return found === undefined ? undefined : generateKey(found[1], systemRandom).value
}
