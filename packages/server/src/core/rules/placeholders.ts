/**
 * What placeholders of rules stand for. A value is text of one level and never more: whatever could
 * change the shape of a filter makes the rules that need it match nothing. Pure.
 */
import type { RuleSubject } from './topic-rules.ts'

/** `${claim:NAME}` takes any claim that is text; the others are these. */
export const PLACEHOLDER_NAMES = ['user_id', 'client_id', 'org', 'username', 'email'] as const
type PlaceholderName = (typeof PLACEHOLDER_NAMES)[number]

const CLAIM = 'claim:'
/** Names with a namespace are URLs. */
const CLAIM_NAME = /^[\w.:/-]{1,100}$/

/** @param name what stands between `${` and `}`. */
export function isPlaceholderName(name: string): boolean {
  if (name.startsWith(CLAIM)) return CLAIM_NAME.test(name.slice(CLAIM.length))
  return (PLACEHOLDER_NAMES as readonly string[]).includes(name)
}

/** @returns the one level it stands for; undefined: rules that name it match nothing. */
export function placeholderValue(name: string, subject: RuleSubject): string | undefined {
  const value = rawValue(name, subject)
  return value === undefined || !isLiteralLevel(value) ? undefined : value
}

function rawValue(name: string, subject: RuleSubject): string | undefined {
  if (name.startsWith(CLAIM)) return subject.claims?.get(name.slice(CLAIM.length))
  switch (name as PlaceholderName) {
    case 'user_id':
      return subject.userId
    case 'client_id':
      return subject.clientId
    case 'org':
      return subject.organization
    case 'username':
      return subject.username
    case 'email':
      return subject.email
    default:
      return undefined
  }
}

/** Whether text cannot be read as more than one level, or as a wildcard. */
function isLiteralLevel(text: string): boolean {
  if (text === '') return false
  for (let index = 0; index < text.length; index++) {
    switch (text.charCodeAt(index)) {
      case 0x00:
      case 0x23: // #
      case 0x2b: // +
      case 0x2f: // /
        return false
      default:
    }
  }
  return true
}
