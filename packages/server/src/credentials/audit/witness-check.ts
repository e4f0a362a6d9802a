/**
 * Compares a log with what a witness has of it. What was witnessed is signed and elsewhere, so even
 * who holds every key of the server cannot change a row before it unnoticed. The rows are hashed
 * anew here, so nothing that reads them has to be trusted: a server that lies shows as well.
 */
import type { AuditSource } from '../../ports/audit-log.ts'
import type { AuditCheckpoint } from '../../ports/records/audit.ts'
import { checkChain } from './chain-check.ts'
import {
  type CheckpointHead,
  type CheckpointKey,
  openCheckpoint,
  parseBody,
} from './checkpoint-body.ts'
import type { AuditFault, FaultCode } from './faults.ts'

export interface WitnessVerdict {
  readonly isSound: boolean
  readonly faultCount: number
  /** Checkpoints the witness has. */
  readonly witnessedCount: number
  readonly chainCount: number
  readonly rowCount: number
}

export type WitnessFinding =
  | { readonly kind: 'progress' }
  | { readonly kind: 'fault'; readonly fault: AuditFault }
  | { readonly kind: 'verdict'; readonly verdict: WitnessVerdict }

/** Reads what the witness has from its beginning, every time anew: memory does not grow with it. */
export type ReadWitness = () => AsyncIterable<AuditCheckpoint>

interface WitnessedChain {
  readonly tenantId: string
  readonly database: string
}

/**
 * @param read in the order the witness got them; some may be there twice.
 * @param key of the server, kept away from it.
 * @throws Outage, and what `read` throws
 */
export async function* checkWitness(
  source: AuditSource,
  read: ReadWitness,
  key: CheckpointKey,
): AsyncGenerator<WitnessFinding> {
  /** As many as there are chains. */
  const chains = new Map<string, WitnessedChain>()
  const sums = { faultCount: 0, witnessedCount: 0, rowCount: 0 }
  for await (const checkpoint of read()) {
    sums.witnessedCount++
    const { tenantId, seq } = checkpoint
    const body = openCheckpoint(checkpoint, key)
    if (body === undefined) {
      sums.faultCount++
      const fault = { tenantId, database: 'control', seq, code: 'witness_forged' as const }
      yield { kind: 'fault', fault }
    }
    for (const database of Object.keys(body?.heads ?? {})) {
      chains.set(JSON.stringify([tenantId, database]), { tenantId, database })
    }
  }
  for (const chain of chains.values()) {
    const { tenantId, database: code } = chain
    const signed = witnessedHeads(read, chain, key)
    const database = source.databases.find((each) => each.code === code)
    if (database === undefined) {
      sums.faultCount++
      const fault = { tenantId, database: code, seq: 1, code: 'database_missing' as const }
      yield { kind: 'fault', fault }
      continue
    }
    const steps = checkChain({ database, tenantId, sealKey: undefined, signed })
    let step = await steps.next()
    for (; step.done !== true; step = await steps.next()) {
      sums.rowCount += step.value
      yield { kind: 'progress' }
    }
    if (step.value === undefined) continue
    sums.faultCount++
    const fault = { tenantId, database: code, ...step.value, code: asWitnessed(step.value.code) }
    yield { kind: 'fault', fault }
  }
  const verdict = { isSound: sums.faultCount === 0, chainCount: chains.size, ...sums }
  yield { kind: 'verdict', verdict }
}

/** What was witnessed first counts: of two histories the later one is the lie. */
async function* witnessedHeads(
  read: ReadWitness,
  { tenantId, database }: WitnessedChain,
  key: CheckpointKey,
): AsyncGenerator<CheckpointHead, void> {
  let lastSeq = 0
  for await (const checkpoint of read()) {
    if (checkpoint.tenantId !== tenantId) continue
    const head = parseBody(checkpoint.body)?.heads[database]
    if (head === undefined || head.seq <= lastSeq) continue
    // Only what moves is worth a second look at its signature.
    if (openCheckpoint(checkpoint, key) === undefined) continue
    lastSeq = head.seq
    yield head
  }
}

function asWitnessed(code: FaultCode): FaultCode {
  if (code === 'rebuilt') return 'not_as_witnessed'
  return code === 'rolled_back' || code === 'chain_missing' ? 'less_than_witnessed' : code
}
