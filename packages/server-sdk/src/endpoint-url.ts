/** Where secrets and tokens may be sent. Pure. */

/**
 * Checks the address of a server that is sent secrets.
 * @param isPlainAllowed whether `http:` is accepted beyond this machine.
 * @throws TypeError for what is no address, holds a user or a fragment, or is not encrypted.
 */
export function checkedUrl(text: string, isPlainAllowed: boolean): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || url.username !== '' || url.password !== '' || url.hash !== '') {
    throw new TypeError('The address of the server is an absolute URL without user and fragment.')
  }
  const isPlain = url.protocol === 'http:' && (isPlainAllowed || isLoopback(url.hostname))
  if (url.protocol !== 'https:' && !isPlain) {
    throw new TypeError('The address of the server begins https://: secrets travel to it.')
  }
  return url
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(host)
}
