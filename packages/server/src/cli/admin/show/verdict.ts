/** Lines of `audit verify` as sentences. Pure. */
import { printable } from './text.ts'
import { type Fields, isFields, lineOf } from './value.ts'

/** @returns undefined for a line of another kind. */
export function verdictSentence(line: unknown): string | undefined {
  if (!isFields(line)) return undefined
  if (line['kind'] === 'fault') return faultSentence(line)
  return line['kind'] === 'verdict' ? verdict(line) : undefined
}

/** Whether the line says that something was changed afterwards. */
export function isUnsound(line: unknown): boolean {
  return isFields(line) && line['isSound'] === false
}

function faultSentence(line: Fields): string {
  const { tenantId, database, seq, throughSeq, code, text } = line
  const rows = throughSeq === undefined ? lineOf(seq) : `${lineOf(seq)} to ${lineOf(throughSeq)}`
  const owner = tenantId === '-' ? 'the installation' : `tenant ${lineOf(tenantId)}`
  const where = `${owner}, ${lineOf(database)}, ${rows}`
  return printable(`Not sound: ${where}: ${lineOf(text)} (${lineOf(code)})`)
}

function verdict(line: Fields): string {
  const counts = ['tenant', 'chain', 'row', 'checkpoint'].map((name) => count(line, name))
  const start = line['isSound'] === true ? 'Sound' : `Not sound, ${count(line, 'fault')}`
  return `${start}: ${counts.join(', ')}.`
}

function count(line: Fields, name: string): string {
  const value = line[`${name}Count`]
  return `${lineOf(value)} ${name}${value === 1 ? '' : 's'}`
}
