/** Base64 of RFC 4648 §4 over bytes, by what every runtime has. Pure. */

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/

export function encodeBase64(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += String.fromCharCode(byte)
  return btoa(text)
}

/** @returns undefined for text that {@link encodeBase64} does not make of any bytes. */
export function decodeBase64(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (!BASE64.test(text)) return undefined
  const bytes = Uint8Array.from(atob(text), (each) => each.charCodeAt(0))
  // The last character can hold bits that belong to no byte.
  return encodeBase64(bytes) === text ? bytes : undefined
}
