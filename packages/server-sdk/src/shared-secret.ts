/** The key of one encrypted channel, out of the master key. Pusher Channels protocol 7, part 1I. */
import { decodeBase64 } from './base64.ts'

const MASTER_KEY_BYTES = 32

/** @returns undefined for text that is not 32 bytes in base64. */
export function readMasterKey(base64: string): Uint8Array<ArrayBuffer> | undefined {
  const bytes = typeof base64 === 'string' ? decodeBase64(base64) : undefined
  return bytes?.length === MASTER_KEY_BYTES ? bytes : undefined
}

/** @returns SHA-256 over the channel's name and the master key. */
export async function sharedSecretOf(
  channelName: string,
  masterKey: Uint8Array,
): Promise<Uint8Array<ArrayBuffer>> {
  const content = new Uint8Array([...new TextEncoder().encode(channelName), ...masterKey])
  return new Uint8Array(await crypto.subtle.digest('SHA-256', content))
}
