/**
 * What the engine and its Worker say to each other: packets of calls, each answered by one packet
 * with an answer for each call but `close`, in order.
 */
import type { DocumentTerms } from '../../ports/document-engine.ts'
import type { HeldOutcome } from './held-document.ts'
import type { PacketReader, PacketWriter } from './bytes-packet.ts'

/** @param document a number that names it for as long as it is open. */
export type Call = { readonly document: number } & (
  | {
      readonly kind: 'open'
      readonly updates: readonly Uint8Array[]
      readonly terms: DocumentTerms
    }
  | { readonly kind: 'apply'; readonly updates: readonly Uint8Array[] }
  | { readonly kind: 'stateVector' }
  | { readonly kind: 'state' }
  | { readonly kind: 'close' }
  | { readonly kind: 'diff'; readonly stateVector: Uint8Array }
)

/** One that is answered. */
export type AskingCall = Exclude<Call, { readonly kind: 'close' }>

export type Answer =
  /** `slow`: what is held of the document takes too long to open. */
  | { readonly kind: 'done' | 'malformed' | 'failed' | 'slow' }
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  /** Of the first updates, one at least. @param slowestMs how long one of them took. */
  | {
      readonly kind: 'outcomes'
      readonly outcomes: readonly HeldOutcome[]
      readonly slowestMs: number
    }

const CALLS = ['open', 'apply', 'stateVector', 'state', 'close', 'diff'] as const
const ANSWERS = ['done', 'malformed', 'failed', 'slow', 'bytes', 'outcomes'] as const
const OUTCOMES = [
  'as_it_came',
  'part',
  'known',
  'pending',
  'update_malformed',
  'document_large',
] as const

export function writeCall(to: PacketWriter, call: Call): void {
  to.number(CALLS.indexOf(call.kind))
  to.number(call.document)
  if (call.kind === 'open') {
    to.number(call.terms.stateBytesMax)
    to.number(call.terms.pendingBytesMax)
  }
  if (call.kind === 'open' || call.kind === 'apply') to.list(call.updates)
  if (call.kind === 'diff') to.bytes(call.stateVector)
}

export function readCall(from: PacketReader): Call {
  const kind = nameOf(CALLS, from.number())
  const document = from.number()
  switch (kind) {
    case 'open': {
      const terms = { stateBytesMax: from.number(), pendingBytesMax: from.number() }
      return { kind, document, terms, updates: from.list() }
    }
    case 'apply':
      return { kind, document, updates: from.list() }
    case 'diff':
      return { kind, document, stateVector: from.bytes() }
    default:
      return { kind, document }
  }
}

export function writeAnswer(to: PacketWriter, answer: Answer): void {
  to.number(ANSWERS.indexOf(answer.kind))
  if (answer.kind === 'bytes') to.sharedBytes(answer.bytes)
  if (answer.kind !== 'outcomes') return
  to.number(Math.round(answer.slowestMs))
  to.number(answer.outcomes.length)
  for (const outcome of answer.outcomes) writeOutcome(to, outcome)
}

export function readAnswer(from: PacketReader): Answer {
  const kind = nameOf(ANSWERS, from.number())
  if (kind === 'bytes') return { kind, bytes: from.sharedBytes() }
  if (kind !== 'outcomes') return { kind }
  const slowestMs = from.number()
  const outcomes: HeldOutcome[] = []
  for (let left = from.number(); left > 0; left--) outcomes.push(readOutcome(from))
  return { kind, outcomes, slowestMs }
}

function writeOutcome(to: PacketWriter, outcome: HeldOutcome): void {
  to.number(OUTCOMES.indexOf(outcome.kind))
  if (outcome.kind === 'as_it_came' || outcome.kind === 'part') to.number(outcome.byteCount)
  if (outcome.kind === 'part') to.bytes(outcome.update)
}

function readOutcome(from: PacketReader): HeldOutcome {
  const kind = nameOf(OUTCOMES, from.number())
  if (kind === 'as_it_came') return { kind, byteCount: from.number() }
  if (kind === 'part') return { kind, byteCount: from.number(), update: from.bytes() }
  return { kind }
}

function nameOf<T>(names: readonly T[], index: number): T {
  const name = names[index]
  if (name === undefined) throw new Error('a packet that this engine does not write')
  return name
}
