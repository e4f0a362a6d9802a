/** How a request says which client it comes from, RFC 6749 §2.3.1 and RFC 7521 §4.2. Pure. */
import { ok, type Result, refuse } from '@lockgate/protocol/result'
import type { ClientProof } from '../../credentials/tokens/client-authentication.ts'
import { decodeFormText, type Parameters } from './parameters.ts'

export const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

/** `invalid_client`: what stands in the header can be nobody. */
export type ProofRefusal = 'invalid_request' | 'invalid_client'

/** @param authorization the header as it came; of another scheme it says nothing about a client. */
export function readClientProof(
  parameters: Parameters,
  authorization: string | null,
): Result<ClientProof, ProofRefusal> {
  const clientId = parameters.get('client_id')
  const secret = parameters.get('client_secret')
  const assertion = parameters.get('client_assertion')
  if (isBasic(authorization)) {
    const basic = readBasic(authorization)
    if (basic === undefined) return refuse('invalid_client')
    // §2.3: one way to authenticate in a request. The same said twice does no harm.
    const isOther =
      (clientId !== undefined && clientId !== basic.clientId) ||
      (secret !== undefined && secret !== basic.secret) ||
      assertion !== undefined
    if (isOther) return refuse('invalid_request', 'Header and body name different clients.')
    return ok({ method: 'secret', ...basic })
  }
  if (assertion !== undefined) {
    if (secret !== undefined) return refuse('invalid_request', 'Send one proof of the client.')
    if (parameters.get('client_assertion_type') !== ASSERTION_TYPE) {
      return refuse('invalid_request', `client_assertion_type is ${ASSERTION_TYPE}.`)
    }
    return ok({ method: 'assertion', clientId, assertion })
  }
  if (clientId === undefined) return refuse('invalid_request', 'client_id is missing.')
  if (secret !== undefined) return ok({ method: 'secret', clientId, secret })
  return ok({ method: 'none', clientId })
}

/** RFC 7617 §2: the scheme is compared without regard to case. */
export function isBasic(authorization: string | null): authorization is string {
  return authorization?.slice(0, BASIC.length).toLowerCase() === BASIC
}

/** Both halves are form-encoded before they are joined, §2.3.1. */
function readBasic(
  header: string,
): { readonly clientId: string; readonly secret: string } | undefined {
  const encoded = header.slice(BASIC.length).trim()
  if (encoded.length > BASIC_LENGTH_MAX || !BASE64.test(encoded)) return undefined
  const text = Buffer.from(encoded, 'base64').toString('utf8')
  const cut = text.indexOf(':')
  if (cut < 0) return undefined
  const clientId = decodeFormText(text.slice(0, cut))
  const secret = decodeFormText(text.slice(cut + 1))
  if (clientId === undefined || secret === undefined || clientId === '') return undefined
  return { clientId, secret }
}

const BASIC = 'basic '
/** Our bound; no name and secret of ours are nearly so long. */
const BASIC_LENGTH_MAX = 8_192
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/
