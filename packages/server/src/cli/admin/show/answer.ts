/** An answer as a person reads it, by its shape, so that a new operation needs no code. Pure. */
import type { Operation } from '@lockgate/admin-api/operation'
import { SECRET_NAME } from '../secret-name.ts'
import { isReceipt, receiptSentence } from './receipt.ts'
import { renderRecord } from './record.ts'
import { renderTable } from './table.ts'
import { label, printable } from './text.ts'
import { type Fields, isFields, isFieldsList, lineOf } from './value.ts'

export interface ShownAnswer {
  /** For standard output, with its line end; empty when there is nothing to say. */
  readonly text: string
  /** New secrets by the name of their field. */
  readonly secrets: readonly { readonly name: string; readonly value: string }[]
  /** Where the next page begins; undefined: this is all. */
  readonly nextCursor: string | undefined
}

/** What is shown of an operation. */
type Shown = Pick<Operation, 'method' | 'isSecretShown'>

const DONE = 'Done.\n'

/** Many lines that a change of something else leaves as they were: named, not shown. */
const FOLDED: Readonly<Record<string, string>> = {
  settings: '`lockgate apps get` shows them',
  policy: '`lockgate secrets get` shows it',
}

/** @param width of the terminal; undefined: nothing is cut. */
export function showAnswer(
  answer: unknown,
  operation: Shown,
  width: number | undefined,
): ShownAnswer {
  const nothing = { secrets: [], nextCursor: undefined }
  if (answer === undefined || answer === null) return { ...nothing, text: DONE }
  if (isReceipt(answer)) return { ...nothing, text: `${receiptSentence(answer)}\n` }
  if (!isFields(answer)) return { ...nothing, text: `${lineOf(answer)}\n` }
  const { items, nextCursor } = answer
  if (Array.isArray(items)) {
    const empty = operation.method === 'GET' ? 'There are none.\n' : DONE
    const list = isFieldsList(items) ? renderList(items, width) : empty
    const sentence = isReceipt(answer['receipt']) ? receiptSentence(answer['receipt']) : ''
    const text = sentence === '' ? list : `${list}\n${sentence}\n`
    return { ...nothing, text, nextCursor: typeof nextCursor === 'string' ? nextCursor : undefined }
  }
  return showRecord(answer, operation, width)
}

function renderList(items: readonly Fields[], width: number | undefined): string {
  const rows = items.map(withoutWrapper).map(withLimits)
  return renderTable(rows, { columns: [...new Set(rows.flatMap(Object.keys))], width })
}

/** Of plans each limit is a column; of what is on a plan its name says them. */
function withLimits(row: Fields): Fields {
  const { limits, ...rest } = row
  if (!isFields(limits)) return row
  return 'plan' in row ? rest : { ...rest, ...limits }
}

/** What a reader of the audit log looks for first; the rest of an entry comes behind. */
const ENTRY_FIRST = ['action', 'actor', 'target', 'outcome', 'reason', 'count', 'ip'] as const

/** An audit row has what a reader wants inside its entry. */
function withoutWrapper(row: Fields): Fields {
  const { entry, ...rest } = row
  if (!isFields(entry)) return row
  const { atMs: _, tenantId: _tenant, source, ...inner } = entry
  const brief: Fields = Object.fromEntries(Object.entries(inner).map(briefly))
  const ip = isFields(source) && source['ip'] !== '' ? source['ip'] : undefined
  const first: Record<string, unknown> = {}
  for (const name of ENTRY_FIRST) first[name] = name === 'ip' ? ip : brief[name]
  return { ...rest, ...first, ...brief }
}

/** `operator cred_x`, not `kind operator, id cred_x`. */
function briefly([name, value]: [string, unknown]): [string, unknown] {
  if (!isFields(value) || typeof value['kind'] !== 'string') return [name, value]
  const { kind, id } = value
  return [name, id === '' || id === undefined || id === kind ? kind : `${kind} ${lineOf(id)}`]
}

function showRecord(
  answer: Fields,
  { isSecretShown, method }: Shown,
  width: number | undefined,
): ShownAnswer {
  const secrets: { name: string; value: string }[] = []
  const plain: Record<string, unknown> = {}
  let sentence = ''
  for (const [name, value] of Object.entries(answer)) {
    const isSecret = isSecretShown === true && typeof value === 'string' && SECRET_NAME.test(name)
    if (isSecret) secrets.push({ name, value })
    else if (isReceipt(value)) sentence = receiptSentence(value)
    else if (isFields(value) && 'id' in value) Object.assign(plain, value)
    else plain[name] = value
  }
  const record = renderRecord(method === 'POST' ? folded(plain) : plain, width)
  const shown = secrets.map(({ name, value }) => `${label(name)}:\n${printable(value)}\n`)
  const parts = [record, ...shown, sentence === '' ? '' : `${sentence}\n`].filter(
    (each) => each !== '',
  )
  const text = parts.length === 0 ? DONE : parts.join('\n')
  return { text, secrets, nextCursor: undefined }
}

function folded(record: Fields): Fields {
  const names = Object.entries(record).map(([name, value]) => [name, FOLDED[name] ?? value])
  return Object.fromEntries(names) as Fields
}
