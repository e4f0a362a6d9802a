/** The receipt of a revocation as a sentence. Pure. */
import { type Fields, isFields } from './value.ts'

export function isReceipt(value: unknown): value is Fields {
  return isFields(value) && 'closedCount' in value && 'tookMs' in value
}

/** @returns one sentence, two where something is left to do; empty where nothing was to end. */
export function receiptSentence(receipt: Fields): string {
  const numberOf = (name: string): number => {
    const value = receipt[name]
    return typeof value === 'number' ? value : 0
  }
  const nodes = Array.isArray(receipt['nodes']) ? receipt['nodes'].length : 0
  const silent = numberOf('silentNodeCount')
  if (nodes + silent === 0) return ''
  const parts = [`closed ${count(numberOf('closedCount'), 'connection')}`]
  if (numberOf('narrowedCount') > 0) parts.push(`narrowed ${numberOf('narrowedCount')}`)
  if (numberOf('familyCount') > 0) {
    parts.push(`ended ${count(numberOf('familyCount'), 'family', 'families')} of refresh tokens`)
  }
  const took = `on ${count(nodes, 'node')} in ${Math.round(numberOf('tookMs') * 10) / 10} ms`
  const sentence = `${joined(parts)} ${took}.`
  const late = 'did not answer in time and may hold connections open for a moment longer.'
  const rest = silent === 0 ? '' : ` ${count(silent, 'node')} ${late}`
  return `${sentence.charAt(0).toUpperCase()}${sentence.slice(1)}${rest}`
}

function count(value: number, one: string, many = `${one}s`): string {
  return `${value} ${value === 1 ? one : many}`
}

function joined(parts: readonly string[]): string {
  return parts.length < 2
    ? parts.join('')
    : `${parts.slice(0, -1).join(', ')} and ${parts.at(-1) ?? ''}`
}
