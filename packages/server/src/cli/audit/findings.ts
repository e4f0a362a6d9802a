/** What a verification has found, as a person or a program reads it. Pure. */
import { type AuditFault, FAULTS } from '../../credentials/audit/faults.ts'
import type { WitnessVerdict } from '../../credentials/audit/witness-check.ts'
import { verdictSentence } from '../admin/show/verdict.ts'

/** Lines of `audit.verify`, and the verdict against a witness beside them. */
export type Finding =
  | { readonly kind: 'fault' | 'verdict'; readonly isSound: boolean }
  | ({ readonly kind: 'witness_verdict'; readonly unreadableCount: number } & WitnessVerdict)

/** @returns the line the administration would give. */
export function findingOf(fault: AuditFault): Finding {
  return { kind: 'fault', isSound: false, ...fault, text: FAULTS[fault.code] } as Finding
}

/** @returns one line. */
export function sentenceOf(finding: Finding): string {
  if (finding.kind !== 'witness_verdict') return verdictSentence(finding) ?? ''
  const { isSound, faultCount, witnessedCount, chainCount, rowCount } = finding
  const start = isSound ? 'As witnessed' : `Not as witnessed, ${count(faultCount, 'fault')}`
  const counts = [
    count(witnessedCount, 'checkpoint'),
    count(chainCount, 'chain'),
    count(rowCount, 'row'),
    ...(finding.unreadableCount === 0 ? [] : [count(finding.unreadableCount, 'unreadable line')]),
  ]
  return `${start}: ${counts.join(', ')}.`
}

function count(value: number, name: string): string {
  return `${value} ${name}${value === 1 ? '' : 's'}`
}
