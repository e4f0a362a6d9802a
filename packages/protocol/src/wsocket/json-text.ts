/**
 * Reads parts of JSON text as text, so that what a client published goes on as it was written:
 * numbers keep all their digits, and nothing is written anew. Pure; one pass, and only over text
 * that a parser has taken before.
 */

/**
 * Whether JSON text names more than `countMax` members in all its objects together.
 * @param text need not be valid: then the answer is some answer.
 */
export function namesMoreThan(text: string, countMax: number): boolean {
  // Each name is followed by one colon; few colons are few names, and counting them is native.
  let colonCount = 0
  for (let at = text.indexOf(':'); at >= 0; at = text.indexOf(':', at + 1)) {
    if (++colonCount > countMax) return countNames(text) > countMax
  }
  return false
}

function countNames(text: string): number {
  let count = 0
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at)
    if (unit === QUOTE) at = endOfString(text, at) - 1
    else if (unit === COLON) count++
  }
  return count
}

/**
 * Finds the value of one member of an object.
 * @param text valid JSON text of an object.
 * @returns its JSON text as it was written; of a name that comes twice the last, as parsers do;
 * undefined: there is no such member.
 */
export function memberText(text: string, name: string): string | undefined {
  let found: string | undefined
  let at = text.indexOf('{') + 1
  for (;;) {
    const start = text.indexOf('"', at)
    if (start < 0) return found
    const nameEnd = endOfString(text, start)
    const valueStart = skipSpace(text, text.indexOf(':', nameEnd) + 1)
    const valueEnd = endOfValue(text, valueStart)
    if (isName(text.slice(start, nameEnd), name)) found = text.slice(valueStart, valueEnd)
    at = valueEnd
  }
}

/** @param quoted with its quotes; a name may be written with escapes. */
function isName(quoted: string, name: string): boolean {
  return quoted.includes('\\') ? JSON.parse(quoted) === name : quoted.slice(1, -1) === name
}

function endOfValue(text: string, start: number): number {
  const first = text.charCodeAt(start)
  if (first === QUOTE) return endOfString(text, start)
  if (first === BRACE_OPEN || first === BRACKET_OPEN) return endOfNested(text, start)
  let at = start
  while (at < text.length && !ENDS_PLAIN.has(text.charCodeAt(at))) at++
  return at
}

function endOfNested(text: string, start: number): number {
  let depth = 0
  for (let at = start; at < text.length; at++) {
    const unit = text.charCodeAt(at)
    if (unit === QUOTE) at = endOfString(text, at) - 1
    else if (unit === BRACE_OPEN || unit === BRACKET_OPEN) depth++
    else if (unit === BRACE_CLOSE || unit === BRACKET_CLOSE) {
      if (--depth === 0) return at + 1
    }
  }
  return text.length
}

/** @returns the index after the closing quote. */
function endOfString(text: string, start: number): number {
  let at = text.indexOf('"', start + 1)
  while (at >= 0 && isEscaped(text, at)) at = text.indexOf('"', at + 1)
  return at < 0 ? text.length : at + 1
}

function isEscaped(text: string, at: number): boolean {
  let backslashCount = 0
  while (text.charCodeAt(at - 1 - backslashCount) === BACKSLASH) backslashCount++
  return backslashCount % 2 === 1
}

function skipSpace(text: string, start: number): number {
  let at = start
  while (SPACE.has(text.charCodeAt(at))) at++
  return at
}

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COLON = 0x3a
const BRACKET_OPEN = 0x5b
const BRACKET_CLOSE = 0x5d
const BRACE_OPEN = 0x7b
const BRACE_CLOSE = 0x7d
/** RFC 8259 §2. */
const SPACE: ReadonlySet<number> = new Set([0x20, 0x09, 0x0a, 0x0d])
const ENDS_PLAIN: ReadonlySet<number> = new Set([...SPACE, 0x2c, BRACKET_CLOSE, BRACE_CLOSE])
