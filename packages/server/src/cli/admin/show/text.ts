/** Text that is safe and fits in a terminal. Pure. */

/**
 * C0, DEL and C1 could move the cursor or run sequences of the terminal; marks of direction could
 * show one name as another. Names, agents and reasons are chosen by whoever sends them.
 */
const UNSAFE = /[\p{Cc}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu

/** @returns one line of harmless text; what was unsafe is written as its code point. */
export function printable(text: string): string {
  return text.replaceAll(UNSAFE, escaped)
}

/** @returns JSON whose strings are harmless in a terminal and parse to what they were. */
export function printableJson(value: unknown): string {
  const text = JSON.stringify(value, null, 2)
  return text.replaceAll(UNSAFE, (each) => (each === '\n' ? each : escapedUnit(each)))
}

/** The same on one line. */
export function printableLine(value: unknown): string {
  return JSON.stringify(value).replaceAll(UNSAFE, escapedUnit)
}

function escaped(character: string): string {
  return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`
}

function escapedUnit(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}

/** In columns of a terminal, near enough: one for each code point. */
export function widthOf(text: string): number {
  return Array.from(text).length
}

export function pad(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - widthOf(text)))
}

/** @returns at most `width` columns; `…` stands for what was cut. */
export function cut(text: string, width: number): string {
  const characters = Array.from(text)
  return characters.length <= width ? text : `${characters.slice(0, width - 1).join('')}…`
}

/** `clientId` -> `client id`; `isEnabled` -> `enabled`; `overlapMaxSeconds` -> `overlap max`. */
export function label(name: string): string {
  const bare = name.replace(/^is(?=[A-Z])/, '').replace(/(?:Seconds|Ms)$/, '')
  return printable(bare.replaceAll(/(?<=[a-z0-9])(?=[A-Z])/g, ' ').toLowerCase())
}
