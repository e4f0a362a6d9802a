/**
 * Limits as people write them: `publish.user 10/1s`, `connect.ip 600/1m shadow`,
 * `publish.app 1000/1s closed`, `connections.user 20`. Parts are cut at single spaces. Pure.
 */
import { ok, refuse, type Result } from '@lockgate/protocol/result'
import type { LimitOutagePolicy, LimitRule } from '../../ports/limit-engine.ts'
import {
  type ConcurrentLimitName,
  isConcurrent,
  isLimitName,
  LIMIT_NAMES,
  limitKind,
  type LimitName,
  type WindowLimitName,
} from './limit-names.ts'

/** Our bounds. A quota fits a counter of 32 bits. */
export const LIMIT_QUOTA_MAX = 2 ** 32 - 1
export const LIMIT_WINDOW_MS_MAX = 31 * 24 * 3_600_000
export const LIMIT_TEXT_LENGTH_MAX = 80
/** Of one source: a plan, an app, a key or a token. */
export const LIMIT_COUNT_MAX = 50

export interface WindowLimit extends LimitRule {
  readonly name: WindowLimitName
}

/** A bound on what is there at a time; it counts what this installation holds now. */
export interface ConcurrentLimit {
  readonly name: ConcurrentLimitName
  /** At most this many; 0 allows none. */
  readonly quota: number
  readonly windowMs: undefined
  /** True: nothing is refused, what would have been is told. */
  readonly isShadow: boolean
}

export type Limit = WindowLimit | ConcurrentLimit

export type LimitTextRefusal =
  | 'limit_name_unknown'
  | 'limit_quota_invalid'
  | 'limit_window_invalid'
  | 'limit_word_unknown'
export type LimitListRefusal = LimitTextRefusal | 'limit_named_twice' | 'limits_too_many'

const UNIT_MS = { h: 3_600_000, m: 60_000, s: 1_000, ms: 1 } as const
const OUTAGE_WORDS = ['open', 'closed', 'local'] as const

/**
 * @param text untrusted, of any length.
 * @returns a frozen limit, or what is wrong with the text; details quote nothing of it.
 */
export function parseLimit(text: string): Result<Limit, LimitTextRefusal> {
  const isShort = text.length <= LIMIT_TEXT_LENGTH_MAX
  const [name = '', amount = '', ...words] = isShort ? text.split(' ') : []
  if (!isLimitName(name)) return refuse('limit_name_unknown', NAME_TEXT)
  const [quotaText = '', windowText, ...rest] = amount.split('/')
  const quota = wholeNumber(quotaText)
  if (quota === undefined || quota > LIMIT_QUOTA_MAX) {
    return refuse('limit_quota_invalid', `A quota is a whole number from 0 to ${LIMIT_QUOTA_MAX}.`)
  }
  if (isConcurrent(name)) {
    if (windowText !== undefined) {
      return refuse('limit_window_invalid', `${name} counts what is there at a time: no window.`)
    }
    if (!words.every((word, index) => word === 'shadow' && index === 0)) {
      return refuse('limit_word_unknown', `After the quota of ${name} only shadow may follow.`)
    }
    return ok(Object.freeze({ name, quota, windowMs: undefined, isShadow: words.length > 0 }))
  }
  const windowMs = parseWindow(windowText ?? '')
  if (windowMs === undefined || rest.length > 0) return refuse('limit_window_invalid', WINDOW_TEXT)
  const read = readWords(words)
  if (read === undefined) return refuse('limit_word_unknown', WORD_TEXT)
  const { isShadow, onOutage = limitKind(name).onOutage } = read
  const limit = { name, quota, windowMs, isShadow, onOutage }
  return ok(Object.freeze(limit))
}

/** Parses what one source says: bounded, and each limit once per window and mode. */
export function parseLimits(texts: readonly string[]): Result<readonly Limit[], LimitListRefusal> {
  if (texts.length > LIMIT_COUNT_MAX) {
    return refuse('limits_too_many', `At most ${LIMIT_COUNT_MAX} limits in one place.`)
  }
  const limits = new Map<string, Limit>()
  for (const text of texts) {
    const parsed = parseLimit(text)
    if (!parsed.ok) return parsed
    const { name, windowMs, isShadow } = parsed.value
    const key = `${name} ${windowMs} ${isShadow}`
    if (limits.has(key)) {
      return refuse('limit_named_twice', `${name} stands there twice for one window: keep one.`)
    }
    limits.set(key, parsed.value)
  }
  return ok(Object.freeze([...limits.values()]))
}

/** @returns the shortest text that {@link parseLimit} reads as the same limit. */
export function formatLimit(limit: Limit): string {
  const { name, quota } = limit
  const shadow = limit.isShadow ? ' shadow' : ''
  if (limit.windowMs === undefined) return `${name} ${quota}${shadow}`
  const isUsual = limit.onOutage === limitKind(name).onOutage
  const outage = isUsual ? '' : ` ${limit.onOutage}`
  return `${name} ${quota}/${formatWindow(limit.windowMs)}${shadow}${outage}`
}

/** @returns the largest unit that gives a whole number: `90s`, `2m`. */
export function formatWindow(windowMs: number): string {
  const [unit, ms] = Object.entries(UNIT_MS).find(([, each]) => windowMs % each === 0) ?? ['ms', 1]
  return `${windowMs / ms}${unit}`
}

/** The limit a table row has where nobody says otherwise; undefined: none. */
export function defaultLimit(name: LimitName): WindowLimit | undefined {
  return DEFAULTS.get(name)
}

const DEFAULTS: ReadonlyMap<LimitName, WindowLimit> = readDefaults()

function parseWindow(text: string): number | undefined {
  const [, count = '', unit = ''] = /^(\d{1,10})(ms|s|m|h)$/.exec(text) ?? []
  if (!isUnit(unit)) return undefined
  const windowMs = (wholeNumber(count) ?? 0) * UNIT_MS[unit]
  return windowMs >= 1 && windowMs <= LIMIT_WINDOW_MS_MAX ? windowMs : undefined
}

function isUnit(text: string): text is keyof typeof UNIT_MS {
  return Object.hasOwn(UNIT_MS, text)
}

/** One spelling for each number: no sign, no leading zero. */
function wholeNumber(text: string): number | undefined {
  return /^(?:0|[1-9]\d{0,9})$/.test(text) ? Number(text) : undefined
}

/** In this order and each once: `shadow`, then what holds during an outage. */
function readWords(
  words: readonly string[],
): { readonly isShadow: boolean; readonly onOutage: LimitOutagePolicy | undefined } | undefined {
  const isShadow = words[0] === 'shadow'
  const rest = isShadow ? words.slice(1) : words
  if (rest.length === 0) return { isShadow, onOutage: undefined }
  const onOutage = OUTAGE_WORDS.find((word) => word === rest[0])
  return onOutage === undefined || rest.length > 1 ? undefined : { isShadow, onOutage }
}

function readDefaults(): ReadonlyMap<LimitName, WindowLimit> {
  const defaults = new Map<LimitName, WindowLimit>()
  for (const name of LIMIT_NAMES) {
    const { default: amount, onOutage } = limitKind(name)
    if (amount === undefined || isConcurrent(name)) continue
    const limit = { name, ...amount, isShadow: false, onOutage }
    defaults.set(name, Object.freeze(limit))
  }
  return defaults
}

const NAME_TEXT = 'A limit begins with a name of the table in docs/limits.md, then a space.'
const WINDOW_TEXT =
  'Behind the quota stands / and a window of at most 31 days in ms, s, m or h: 10/1s, 600/1m.'
const WORD_TEXT = 'Behind the window only shadow may follow, then one of open, closed, local.'
