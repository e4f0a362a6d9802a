/** Where a request came from, as audit rows and use records say it. */
import { AGENT_LENGTH_MAX, type Source } from '../core/source.ts'
import { clientAddress, type TrustedProxies } from './client-address.ts'

export type RequestSource = Omit<Source, 'protocol'>

/** @param peer address of the other end of the socket; a proxy's where there is one. */
export function readSource(headers: Headers, peer: string, trusted: TrustedProxies): RequestSource {
  const ip = clientAddress(peer, headers.get('x-forwarded-for'), trusted)
  return { ip, agent: (headers.get('user-agent') ?? '').slice(0, AGENT_LENGTH_MAX) }
}
