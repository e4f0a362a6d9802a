/**
 * Blanks what is not code out of TypeScript and JavaScript, keeping every offset and line break, so
 * that rules can search with plain expressions. Not a parser: it knows comments, strings, templates
 * and regular expressions, and no JSX. Pure; linear in the length of the text.
 */

export interface BlankedSource {
  /** Comments are spaces; strings, templates and regular expressions are kept. */
  readonly withoutComments: string
  /**
   * Comments and the contents of strings, templates and regular expressions are spaces; quotes
   * stay.
   */
  readonly codeOnly: string
}

interface Cursor {
  readonly text: string
  position: number
  /** Offsets [from, to) to blank, in order. */
  readonly comments: [number, number][]
  readonly literals: [number, number][]
}

/** A slash after one of these starts a regular expression, after anything else it divides. */
const BEFORE_EXPRESSION =
  /(?:^|[(,=:[!&|?{};+\-*%^~<>]|\b(?:return|typeof|case|in|of|delete|void|throw|await|else))\s*$/

const LOOK_BEHIND_CHARACTERS = 40

/** @returns the text twice, blanked to two degrees; both have the length of `text`. */
export function blank(text: string): BlankedSource {
  const cursor: Cursor = {
    text,
    position: text.startsWith('#!') ? 2 : 0,
    comments: [],
    literals: [],
  }
  if (text.startsWith('#!')) skipLineComment(cursor, 0)
  skipCode(cursor, undefined)
  const withoutComments = cover(text, cursor.comments)
  return { withoutComments, codeOnly: cover(withoutComments, cursor.literals) }
}

/** Reads code up to an unmatched `end`, or to the end of the text. */
function skipCode(cursor: Cursor, end: '}' | undefined): void {
  let depth = 0
  while (cursor.position < cursor.text.length) {
    const char = cursor.text.charAt(cursor.position)
    const pair = cursor.text.slice(cursor.position, cursor.position + 2)
    if (pair === '//') skipLineComment(cursor, cursor.position)
    else if (pair === '/*') skipBlockComment(cursor)
    else if (char === "'" || char === '"') skipDelimited(cursor, char)
    else if (char === '`') skipTemplate(cursor)
    else if (char === '/' && startsExpression(cursor)) skipRegularExpression(cursor)
    else {
      if (char === '{') depth += 1
      if (char === '}' && end !== undefined && depth === 0) return
      if (char === '}') depth -= 1
      cursor.position += 1
    }
  }
}

function startsExpression({ text, position, comments }: Cursor): boolean {
  const from = Math.max(0, position - LOOK_BEHIND_CHARACTERS)
  const lastComment = comments.at(-1)
  const before =
    lastComment !== undefined && lastComment[1] > from
      ? text.slice(from, Math.max(from, lastComment[0])) + text.slice(lastComment[1], position)
      : text.slice(from, position)
  return BEFORE_EXPRESSION.test(before)
}

function skipLineComment(cursor: Cursor, from: number): void {
  const end = cursor.text.indexOf('\n', from)
  cursor.position = end < 0 ? cursor.text.length : end
  cursor.comments.push([from, cursor.position])
}

function skipBlockComment(cursor: Cursor): void {
  const from = cursor.position
  const end = cursor.text.indexOf('*/', from + 2)
  cursor.position = end < 0 ? cursor.text.length : end + 2
  cursor.comments.push([from, cursor.position])
}

function skipDelimited(cursor: Cursor, quote: string): void {
  const from = cursor.position + 1
  cursor.position = from
  while (cursor.position < cursor.text.length) {
    const char = cursor.text.charAt(cursor.position)
    if (char === quote || char === '\n') break
    cursor.position += char === '\\' ? 2 : 1
  }
  cursor.literals.push([from, cursor.position])
  cursor.position += 1
}

function skipTemplate(cursor: Cursor): void {
  let from = cursor.position + 1
  cursor.position = from
  while (cursor.position < cursor.text.length) {
    const char = cursor.text.charAt(cursor.position)
    if (char === '`') break
    if (char === '$' && cursor.text.charAt(cursor.position + 1) === '{') {
      cursor.literals.push([from, cursor.position])
      cursor.position += 2
      skipCode(cursor, '}')
      from = cursor.position + 1
    }
    cursor.position += char === '\\' ? 2 : 1
  }
  cursor.literals.push([from, cursor.position])
  cursor.position += 1
}

function skipRegularExpression(cursor: Cursor): void {
  const from = cursor.position + 1
  let isInClass = false
  cursor.position = from
  while (cursor.position < cursor.text.length) {
    const char = cursor.text.charAt(cursor.position)
    if (char === '\n' || (char === '/' && !isInClass)) break
    if (char === '[') isInClass = true
    if (char === ']') isInClass = false
    cursor.position += char === '\\' ? 2 : 1
  }
  cursor.literals.push([from, cursor.position])
  cursor.position += 1
}

function cover(text: string, ranges: readonly (readonly [number, number])[]): string {
  const parts: string[] = []
  let done = 0
  for (const [from, to] of ranges) {
    parts.push(text.slice(done, from), text.slice(from, to).replace(/[^\n]/g, ' '))
    done = Math.max(done, to)
  }
  parts.push(text.slice(done))
  return parts.join('')
}
