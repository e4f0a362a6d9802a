/**
 * Filters of rules, compiled: a row of tokens that is followed along a topic name, or along a
 * filter that is asked for, without cutting either into levels. Each token takes what it can take
 * in one way only, so nothing is ever tried twice. Pure (MQTT 5 §4.7).
 */
import { isTopicFilter } from '@lockgate/protocol/mqtt/topic'
import { isPlaceholderName } from './placeholders.ts'

/** Ours; more than any topic people write. It also bounds the tokens of a rule. */
export const RULE_FILTER_LENGTH_MAX = 512

/** The name or filter has to end here. */
const END = -1
/** `/#` at the end: this level and all below it (§4.7.1.2). */
const REST = -2
/** `#` alone, and `+/#`, which says the same: all that does not begin with `$` [MQTT-4.7.2-1]. */
const ALL = -3
/** `+`: one level. */
const ONE = -4
/** `-5` is placeholder 0, `-6` placeholder 1. Others are characters. */
const PLACEHOLDER = -5

const SLASH = 0x2f
const DOLLAR = 0x24
const HASH = 0x23

export interface RulePattern {
  /** As the rule has it. */
  readonly text: string
  readonly tokens: Int32Array
  readonly hasPlaceholder: boolean
}

/** Names of the placeholders of a rule set, in the order of their tokens. */
export type PlaceholderTable = string[]
/** What each of the table stands for; undefined: patterns with it match nothing. */
export type PlaceholderValues = readonly (string | undefined)[]

/**
 * @param table gets the placeholders it lacks; undefined: `${` is text like any other.
 * @returns the pattern; text: what is wrong with the filter.
 */
export function compilePattern(
  text: string,
  table: PlaceholderTable | undefined,
): RulePattern | string {
  if (text.length > RULE_FILTER_LENGTH_MAX) {
    return `a filter has at most ${RULE_FILTER_LENGTH_MAX} characters`
  }
  const parts = table === undefined ? [{ literal: text }] : cut(text)
  if (typeof parts === 'string') return parts
  const shape = parts.map((part) => ('name' in part ? 'x' : part.literal)).join('')
  if (shape.startsWith('$share/')) {
    return 'write the filter of a shared subscription without $share/ and its group'
  }
  if (!isTopicFilter(shape)) {
    return '+ and # fill whole levels, # only the last one, and a filter is not empty'
  }
  if (table !== undefined && /(^|\/)%[cu](\/|$)/.test(shape)) {
    return 'write ${username} for %u, ${client_id} for %c'
  }
  return {
    text,
    tokens: Int32Array.from(tokensOf(parts, table ?? [])),
    hasPlaceholder: parts.some((part) => 'name' in part),
  }
}

type Part = { readonly literal: string } | { readonly name: string }

/** @returns text and placeholders in turn; text alone: what is wrong. */
function cut(text: string): readonly Part[] | string {
  const parts: Part[] = []
  let at = 0
  for (const found of text.matchAll(/\$\{([^{}]*)\}/g)) {
    const name = found[1] ?? ''
    if (!isPlaceholderName(name)) return `there is no placeholder \${${name}}`
    parts.push({ literal: text.slice(at, found.index) }, { name })
    at = found.index + found[0].length
  }
  parts.push({ literal: text.slice(at) })
  const isStray = parts.some((part) => 'literal' in part && /[{}]/.test(part.literal))
  // Taken as it is, it would match nothing, and a rule that denies nothing is worse than an error.
  return isStray ? 'a brace stands only in a placeholder such as ${user_id}' : parts
}

function* tokensOf(parts: readonly Part[], table: PlaceholderTable): Generator<number> {
  const whole = parts.length === 1 && 'literal' in (parts[0] as Part) ? parts[0] : undefined
  if (whole !== undefined && 'literal' in whole && /^(\+\/)?#$/.test(whole.literal)) {
    yield ALL
    return
  }
  for (const [index, part] of parts.entries()) {
    if ('name' in part) {
      yield PLACEHOLDER - placeOf(part.name, table)
      continue
    }
    const isLast = index === parts.length - 1
    const { literal } = part
    const isOpen = isLast && literal.endsWith('/#')
    yield* charactersOf(isOpen ? literal.slice(0, -2) : literal)
    if (isLast) yield isOpen ? REST : END
  }
}

function* charactersOf(literal: string): Generator<number> {
  for (let index = 0; index < literal.length; index++) {
    yield literal[index] === '+' ? ONE : literal.charCodeAt(index)
  }
}

function placeOf(name: string, table: PlaceholderTable): number {
  const known = table.indexOf(name)
  return known >= 0 ? known : table.push(name) - 1
}

/** How far one pattern got along a text, so that the next one can go on from what they share. */
export class PatternWalk {
  /** Where in the text each token began. */
  readonly #places = new Int32Array(RULE_FILTER_LENGTH_MAX + 2)
  #text = ''
  #values: PlaceholderValues = []

  /**
   * @param text a topic name: patterns are asked whether they match it. A filter: whether they
   * match all that it can match.
   */
  start(text: string, values: PlaceholderValues): void {
    this.#text = text
    this.#values = values
  }

  /**
   * Follows `tokens` from the token `from`, up to which the pattern before had the same ones and
   * they held.
   * @returns how many tokens hold; all of them: it matches.
   */
  follow(tokens: Int32Array, from: number): number {
    const places = this.#places
    const text = this.#text
    let at = places[from] as number
    for (let index = from; index < tokens.length; index++) {
      const token = tokens[index] as number
      if (token >= 0) {
        if (at >= text.length || text.charCodeAt(at) !== token) return index
        at++
      } else {
        const value = token <= PLACEHOLDER ? this.#values[PLACEHOLDER - token] : undefined
        at = token <= PLACEHOLDER ? takeValue(value, at, text) : take(token, at, text)
        if (at < 0) return index
      }
      places[index + 1] = at
    }
    return tokens.length
  }
}

/** @returns where it goes on; -1: the token does not hold here. */
function take(token: number, at: number, text: string): number {
  switch (token) {
    case END:
      return at === text.length ? at : -1
    case REST:
      return at === text.length || text.charCodeAt(at) === SLASH ? text.length : -1
    case ALL:
      return text.charCodeAt(0) === DOLLAR ? -1 : text.length
    default:
      return takeLevel(at, text)
  }
}

function takeLevel(at: number, text: string): number {
  if (at === 0 && text.charCodeAt(0) === DOLLAR) return -1
  // Of a filter: `#` is more than one level.
  if (at < text.length && text.charCodeAt(at) === HASH) return -1
  let end = at
  while (end < text.length && text.charCodeAt(end) !== SLASH) end++
  return end
}

function takeValue(value: string | undefined, at: number, text: string): number {
  if (value === undefined || at + value.length > text.length) return -1
  // Who is called `$SYS` gets no topics of the server by that.
  if (at === 0 && value.charCodeAt(0) === DOLLAR) return -1
  for (let index = 0; index < value.length; index++) {
    if (text.charCodeAt(at + index) !== value.charCodeAt(index)) return -1
  }
  return at + value.length
}

/** @returns how many tokens two patterns share at their beginning. */
export function sharedCount(one: Int32Array, other: Int32Array): number {
  const most = Math.min(one.length, other.length)
  let count = 0
  while (count < most && one[count] === other[count]) count++
  return count
}

/** @returns the filter with its values in it; undefined: it matches nothing for want of one. */
export function filterText(
  { text, hasPlaceholder }: Pick<RulePattern, 'text' | 'hasPlaceholder'>,
  fill: (name: string) => string | undefined,
): string | undefined {
  if (!hasPlaceholder) return text
  let isWhole = true
  const filled = text.replace(/\$\{([^{}]*)\}/g, (_, name: string) => {
    const value = fill(name)
    if (value === undefined) isWhole = false
    return value ?? ''
  })
  if (!isWhole) return undefined
  return filled.startsWith('$') && text.startsWith('${') ? undefined : filled
}
