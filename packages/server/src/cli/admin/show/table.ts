/** Rows in columns, fitted to the width of the terminal. Pure. */
import { cut, label, pad, widthOf } from './text.ts'
import { fieldLine, type Fields } from './value.ts'

export interface TableOptions {
  /** Names of the columns in the order of the shape; what no row has is left out. */
  readonly columns: readonly string[]
  /** Of the terminal; undefined: nothing is cut, as for a pipe or a file. */
  readonly width: number | undefined
}

/** Told apart by these first, so they are kept longest and never cut. */
const NAMES = new Set(['id', 'code', 'seq', 'name', 'versionId'])
/** Often the same in every row, so they go first when the room is small. */
const LAST = new Set(['tenantId', 'appId', 'createdAt', 'updatedAt', 'requestId'])
/** Too much for a column; records and --json show them. */
const HIDDEN = new Set(['policy', 'settings', 'hash', 'before', 'after', 'body'])
const GAP = 2
/** What a long text has at least. */
const CUT_WIDTH = 16

interface Column {
  readonly name: string
  readonly cells: readonly string[]
  readonly width: number
}

/** @returns a line of heads and one for each row, each with its line end. */
export function renderTable(rows: readonly Fields[], options: TableOptions): string {
  const isPresent = (name: string): boolean => rows.some((row) => row[name] !== undefined)
  const present = options.columns.filter((name) => !HIDDEN.has(name) && isPresent(name))
  const columns = fit(
    present.map((name) => columnOf(name, rows)),
    options.width,
  )
  const lines = Array.from({ length: rows.length + 1 }, (_, index) =>
    columns.map(({ cells, width }) => pad(cut(cells[index] ?? '', width), width)),
  )
  return lines.map((cells) => `${cells.join(' '.repeat(GAP)).trimEnd()}\n`).join('')
}

function columnOf(name: string, rows: readonly Fields[]): Column {
  const cells = [label(name).toUpperCase(), ...rows.map((row) => fieldLine(name, row[name]))]
  return { name, cells, width: Math.max(...cells.map(widthOf)) }
}

/**
 * Leaves columns out, the least telling first, until the rest fits. Text may be cut, so that one
 * long cell does not push every other column out; an id is whole or not there.
 */
function fit(columns: readonly Column[], width: number | undefined): readonly Column[] {
  if (width === undefined) return columns
  const byWorth = columns
    .map((column, index) => ({ column, index, worth: worthOf(column.name, index) }))
    .sort((a, b) => b.worth - a.worth)
  const kept = new Map<number, Column>()
  let left = width
  for (const { column, index } of byWorth) {
    const least = isWhole(column.name) ? column.width : Math.min(column.width, CUT_WIDTH)
    const needed = least + (kept.size === 0 ? 0 : GAP)
    if (needed > left && !NAMES.has(column.name)) continue
    kept.set(index, { ...column, width: least })
    left -= needed
  }
  for (const { column, index } of byWorth) {
    const given = kept.get(index)
    if (given === undefined || left <= 0) continue
    const more = Math.min(column.width - given.width, left)
    kept.set(index, { ...given, width: given.width + more })
    left -= more
  }
  return [...kept].sort(([a], [b]) => a - b).map(([, column]) => column)
}

function isWhole(name: string): boolean {
  return NAMES.has(name) || name.endsWith('Id')
}

function worthOf(name: string, index: number): number {
  if (NAMES.has(name)) return 2_000 - index
  return (LAST.has(name) ? 0 : 1_000) - index
}
