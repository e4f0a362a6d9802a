/** What a CONNECT packet brings, as text and in its parts. Nothing here is verified. Pure. */
import { ok, type Result, refuse } from '@lockgate/protocol/result'
import type { MqttCredentials } from './mqtt-identity.ts'

/** Our bounds: longer ones are none of ours, and are refused after a bounded amount of work. */
const USER_NAME_CHARACTERS_MAX = 512
/** The longest signed token, `TOKEN_CHARACTERS_MAX` of `tokens/peek.ts`. */
const PASSWORD_BYTES_MAX = 8_192

export interface GivenCredentials {
  /** Before the last `@`, which an address may hold too; all of it where there is none. */
  readonly username: string
  /** Behind the last `@`: short id or UUID of an organization; undefined where there is no `@`. */
  readonly organization: string | undefined
  readonly password: string
}

/** @returns `credential_missing` for a client that brings no password at all. */
export function readGiven(
  credentials: MqttCredentials,
): Result<GivenCredentials, 'credential_missing' | 'credential_invalid'> {
  const { username = '', password } = credentials
  if (password === undefined || password.length === 0) return refuse('credential_missing')
  if (username.length > USER_NAME_CHARACTERS_MAX || password.length > PASSWORD_BYTES_MAX) {
    return refuse('credential_invalid')
  }
  const text = Buffer.from(password.buffer, password.byteOffset, password.length).toString('utf8')
  const at = username.lastIndexOf('@')
  if (at < 0) return ok({ username, organization: undefined, password: text })
  const [name, organization] = [username.slice(0, at), username.slice(at + 1)]
  return ok({ username: name, organization, password: text })
}
