/**
 * Checks on untrusted text that run before anything parses it. Pure.
 */

/**
 * Whether JSON text nests deeper than `depthMax`, told without parsing it: brackets inside strings
 * do not count. Text that is not JSON gets some answer; the parser refuses it afterwards.
 * @param text its length is already bounded by the transport; one pass, no allocation.
 */
export function nestsDeeperThan(text: string, depthMax: number): boolean {
  // Text with few brackets cannot nest deeply; counting them is native and much faster than a scan.
  const openCount = countUpTo(text, '{', depthMax) + countUpTo(text, '[', depthMax)
  return openCount > depthMax && scanNestsDeeperThan(text, depthMax)
}

/** @returns how often `character` occurs, or `countMax` + 1 as soon as it is that often. */
function countUpTo(text: string, character: string, countMax: number): number {
  let count = 0
  let at = text.indexOf(character)
  while (at >= 0 && count <= countMax) {
    count++
    at = text.indexOf(character, at + 1)
  }
  return count
}

function scanNestsDeeperThan(text: string, depthMax: number): boolean {
  let depth = 0
  let isInString = false
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index)
    if (isInString) {
      if (unit === BACKSLASH) index++
      else if (unit === QUOTE) isInString = false
    } else if (unit === QUOTE) isInString = true
    else if (unit === BRACKET_OPEN || unit === BRACE_OPEN) {
      if (++depth > depthMax) return true
    } else if (unit === BRACKET_CLOSE || unit === BRACE_CLOSE) depth--
  }
  return false
}

/**
 * Parses JSON text of bounded depth into an object.
 * @returns undefined for anything that is not one JSON object; never throws.
 */
export function parseJsonObject(
  text: string,
  depthMax: number,
): Record<string, unknown> | undefined {
  if (nestsDeeperThan(text, depthMax)) return undefined
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
  return isJsonObject(value) ? value : undefined
}

/** Whether a parsed JSON value is an object and not an array or null. */
export function isJsonObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

const QUOTE = 0x22
const BACKSLASH = 0x5c
const BRACKET_OPEN = 0x5b
const BRACKET_CLOSE = 0x5d
const BRACE_OPEN = 0x7b
const BRACE_CLOSE = 0x7d

const encoder = new TextEncoder()

/** @returns how many bytes `text` takes in UTF-8. */
export function utf8Length(text: string): number {
  return encoder.encode(text).length
}

/**
 * Whether `text` takes more than `bytesMax` bytes in UTF-8; short text is told by its length alone.
 */
export function isLongerThan(text: string, bytesMax: number): boolean {
  if (text.length > bytesMax) return true
  return text.length * UTF8_BYTES_PER_UNIT_MAX > bytesMax && utf8Length(text) > bytesMax
}

/** One UTF-16 unit becomes at most three bytes; a pair of them four. */
const UTF8_BYTES_PER_UNIT_MAX = 3
