/** How long messages of a channel are kept, as the settings of its app say. Pure. */
import type { MessageSettings } from '../../ports/records/app-settings.ts'
import { parseRetention, type Retention } from '../../ports/records/retention.ts'
import { matchesPattern } from '../permissions.ts'

/** Read once for each state of the settings. */
const parsed = new WeakMap<readonly string[], readonly Retention[]>()

/** @returns milliseconds; 0: not kept. The first entry that fits decides; none: not kept. */
export function keepMsOf({ history }: Pick<MessageSettings, 'history'>, channel: string): number {
  const fitting = rulesOf(history).find(({ pattern }) => matchesPattern(pattern, channel))
  return fitting?.keepMs ?? 0
}

function rulesOf(texts: readonly string[]): readonly Retention[] {
  const known = parsed.get(texts)
  if (known !== undefined) return known
  // Checked where settings are read; what is no entry says nothing.
  const rules = texts.map(parseRetention).filter((rule) => rule !== undefined)
  parsed.set(texts, rules)
  return rules
}
