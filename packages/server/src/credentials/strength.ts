/**
 * Which secrets people may bring themselves. The estimate of entropy counts the alphabet a value is
 * drawn from, and takes back what repeats, counts up, or reads like text; it refuses what is easy
 * to guess and cannot prove that a value is random. Pure; work is bounded by {@link
 * VALUE_BYTES_MAX}.
 */
import { ok, type Result, refuse } from '@lockgate/protocol/result'

export type StrengthRefusal = 'weak_secret'

export const VALUE_BYTES_MIN = 32
export const VALUE_BYTES_MAX = 256
/** 43 characters of base64url reach it with ease, unless they repeat. */
export const ENTROPY_BITS_MIN = 128

/** Shorter names would be found in random text by chance. */
const NAME_LENGTH_MIN = 4
/** Runs and repeats from this length on; shorter ones happen in random hexadecimal. */
const RUN_LENGTH_MIN = 5
/** What a run or a repeat is worth: where it begins, how long it is, and of what kind. */
const RUN_BITS = 12
/** What a letter of a natural language is worth, generously. */
const TEXT_BITS_PER_LETTER = 1.5

/** Worth nothing wherever they appear; each was seen in leaked configuration. */
const DENIED = new RegExp(
  [
    'password|passphrase|passw0rd|secret|changeme|change[-_ ]?this|replace[-_ ]?me|letmein',
    'example|default|lockgate|supersecure|testtest|deadbeef|cafebabe',
    'qwertyuiop|asdfghjkl|zxcvbnm|0123456789|1234567890|abcdefghijklmnop',
  ].join('|'),
  'gi',
)

/** The most frequent pairs of letters in English; near in other languages of Latin letters. */
const COMMON_PAIRS: ReadonlySet<string> = new Set([
  ...['th', 'he', 'in', 'er', 'an', 're', 'on', 'at', 'en', 'nd', 'ti', 'es', 'or', 'te', 'of'],
  ...['ed', 'is', 'it', 'al', 'ar', 'st', 'to', 'nt', 'ng', 'se', 'ha', 'as', 'ou', 'io', 'le'],
  've',
])
/** Random letters of one case show 5 % of these, text a third. */
const COMMON_PAIR_SHARE_MAX = 0.25
const PAIR_COUNT_MIN = 12

const PRINTABLE = /^[\x20-\x7e]*$/

/**
 * @param value untrusted.
 * @param names of the app and client that will use it; it may contain none of them.
 * @returns a detail that says what to change, and never quotes the value.
 */
export function checkStrength(
  value: string,
  names: readonly string[],
): Result<true, StrengthRefusal> {
  if (value.length < VALUE_BYTES_MIN || value.length > VALUE_BYTES_MAX) {
    return refuse('weak_secret', `Use ${VALUE_BYTES_MIN} to ${VALUE_BYTES_MAX} characters.`)
  }
  if (!PRINTABLE.test(value)) return refuse('weak_secret', 'Use printable ASCII characters only.')
  if (value.trim() !== value) {
    return refuse('weak_secret', 'Take the space off its ends: HTTP headers lose it.')
  }
  const lowered = value.toLowerCase()
  const isNamed = (name: string) =>
    name.length >= NAME_LENGTH_MIN && lowered.includes(name.toLowerCase())
  if (names.some(isNamed)) {
    return refuse('weak_secret', 'Leave the client id and the name of the app out of it.')
  }
  if (estimateBits(value) >= ENTROPY_BITS_MIN) return ok(true)
  return refuse(
    'weak_secret',
    'It is too easy to guess. Use 32 random bytes, for instance of `openssl rand -base64 32`.',
  )
}

/**
 * Refuses a value that was used before, here or elsewhere; which of them is not told.
 * @param known fingerprints of all values it must differ from.
 */
export function checkUnused(
  fingerprint: string,
  known: Iterable<string>,
): Result<true, StrengthRefusal> {
  for (const used of known) {
    if (used === fingerprint && used !== '') {
      return refuse('weak_secret', 'This value was used before. Make a new one.')
    }
  }
  return ok(true)
}

/** @returns bits of entropy as far as structure shows; random text is estimated a little low. */
export function estimateBits(value: string): number {
  const rest = value.replace(DENIED, '')
  const perCharacter = Math.min(alphabetBits(rest), Math.log2(new Set(rest).size + 1) + 1)
  const perLetter = readsLikeText(rest) ? TEXT_BITS_PER_LETTER : perCharacter
  let bits = 0
  for (let index = 0; index < rest.length; ) {
    const length = Math.max(runLength(rest, index), repeatLength(rest, index))
    const fresh = /[A-Za-z]/.test(rest.charAt(index)) ? perLetter : perCharacter
    bits += length >= RUN_LENGTH_MIN ? Math.min(RUN_BITS, length * fresh) : fresh
    index += length >= RUN_LENGTH_MIN ? length : 1
  }
  return bits
}

/** Bits of one character drawn from the smallest usual alphabet that holds them all. */
function alphabetBits(text: string): number {
  if (/^\d*$/.test(text)) return Math.log2(10)
  if (/^(?:[\da-f]*|[\dA-F]*)$/.test(text)) return 4
  const sizes: readonly (readonly [RegExp, number])[] = [
    [/[a-z]/, 26],
    [/[A-Z]/, 26],
    [/\d/, 10],
    [/[-_]/, 2],
    [/[^A-Za-z\d_-]/, 31],
  ]
  const size = sizes.reduce((sum, [pattern, count]) => sum + (pattern.test(text) ? count : 0), 0)
  return Math.log2(size)
}

/** How far the characters from `start` on repeat one or count up or down. */
function runLength(text: string, start: number): number {
  const step = text.charCodeAt(start + 1) - text.charCodeAt(start)
  if (!(Math.abs(step) <= 1)) return 1
  let end = start + 1
  while (end < text.length && text.charCodeAt(end) - text.charCodeAt(end - 1) === step) end++
  return end - start
}

/** How much of the text from `start` on stands before it already, whatever the case. */
function repeatLength(text: string, start: number): number {
  const lowered = text.toLowerCase()
  let longest = 0
  for (let from = 0; from < start; from++) {
    let length = 0
    // The earlier one may run into the later one: that is how a period shows.
    while (start + length < lowered.length && lowered[from + length] === lowered[start + length])
      length++
    longest = Math.max(longest, length)
  }
  return longest
}

/** Pairs of mixed case are none of a language, which keeps random text of both cases apart. */
function readsLikeText(text: string): boolean {
  const pairs = text.match(/[A-Za-z](?=[A-Za-z])/g)?.length ?? 0
  if (pairs < PAIR_COUNT_MIN) return false
  let common = 0
  for (let index = 0; index < text.length - 1; index++) {
    const pair = text.slice(index, index + 2)
    const lowered = pair.toLowerCase()
    const isOneCase = pair === lowered || pair === pair.toUpperCase()
    if (isOneCase && COMMON_PAIRS.has(lowered)) common++
  }
  return common / pairs > COMMON_PAIR_SHARE_MAX
}
