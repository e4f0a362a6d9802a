/** One object of an answer, field by field, with tables for the lists in it. Pure. */
import { renderTable } from './table.ts'
import { label, pad, widthOf } from './text.ts'
import { fieldLine, type Fields, isFields, isFieldsList, isState, lineOf } from './value.ts'

/** Our bound: deeper objects are shown on one line. */
const DEPTH_MAX = 2

/** @param width of the terminal; undefined for none. */
export function renderRecord(record: Fields, width: number | undefined): string {
  const lines: [string, string][] = []
  const lists: [string, readonly Fields[]][] = []
  collect(record, { prefix: '', depth: 0 }, { lines, lists })
  const column = Math.max(0, ...lines.map(([name]) => widthOf(name)))
  const text = lines.map(([name, value]) => `${pad(name, column)}  ${value}\n`).join('')
  return text + lists.map(([name, rows]) => `\n${renderList(name, rows, width)}`).join('')
}

function renderList(name: string, rows: readonly Fields[], width: number | undefined): string {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))]
  const isInner = (column: string): boolean => rows.some((row) => isFieldsList(row[column]))
  const plain = columns.filter((column) => !isInner(column))
  const inner = rows.flatMap((row) =>
    columns.flatMap((column) => {
      const value = row[column]
      if (!isFieldsList(value)) return []
      const title = `${label(column)} of ${lineOf(row['number'] ?? row['name'] ?? row['id'])}`
      return [`\n${renderList(title, value, width)}`]
    }),
  )
  return `${name}:\n${renderTable(rows, { columns: plain, width })}${inner.join('')}`
}

interface Found {
  readonly lines: [string, string][]
  readonly lists: [string, readonly Fields[]][]
}

function collect(
  record: Fields,
  place: { readonly prefix: string; readonly depth: number },
  found: Found,
): void {
  for (const [key, value] of Object.entries(record)) {
    const name = `${place.prefix}${label(key)}`
    if (value === undefined) continue
    if (isFieldsList(value)) found.lists.push([name, value])
    else if (isGroup(value) && place.depth < DEPTH_MAX) {
      collect(value, { prefix: `${name} `, depth: place.depth + 1 }, found)
    } else if (isTextList(value)) found.lines.push(...textLines(name, value))
    else found.lines.push([name, fieldLine(key, value)])
  }
}

function isGroup(value: unknown): value is Fields {
  return isFields(value) && !isState(value) && Object.keys(value).length > 0
}

/** Sentences, one below the other; short words stay on one line. */
function isTextList(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.some((each) => typeof each === 'string' && / /.test(each))
}

function textLines(name: string, texts: readonly string[]): [string, string][] {
  return texts.map((text, index) => [index === 0 ? name : '', lineOf(text)])
}
