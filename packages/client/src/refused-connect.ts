/**
 * What a refused or ended connection means for the next try. MQTT 5.0 §3.2.2.2, §3.14.2.1. Pure.
 */

/**
 * `credentials`: other ones may be let in. `method`: the broker knows no renewal in place. `later`:
 * the same may work after a while. `never`: it would be refused again.
 */
export type Verdict = 'credentials' | 'method' | 'later' | 'never'

/** The code by which a broker says that somebody else has the session now. */
export const TAKEN_OVER = 0x8e

const CREDENTIALS = [0x86, 0x87]
const METHOD = 0x8c
/** Malformed, protocol error, version, client id, banned, too large, another server, moved. */
const NEVER = [0x81, 0x82, 0x84, 0x85, 0x8a, 0x95, 0x9c, 0x9d]

/** @param code reason code of CONNACK; below 0x80 the return code of MQTT 3.1.1 §3.2.2.3. */
export function verdictOn(code: number): Verdict {
  if (code < 0x80) {
    if (code === 4 || code === 5) return 'credentials'
    return code === 3 ? 'later' : 'never'
  }
  if (CREDENTIALS.includes(code)) return 'credentials'
  if (code === METHOD) return 'method'
  return NEVER.includes(code) ? 'never' : 'later'
}
