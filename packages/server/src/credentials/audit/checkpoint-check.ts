/** Follows the checkpoints of one tenant, and gives the heads they signed to who follows rows. */
import type { AuditSource } from '../../ports/audit-log.ts'
import type { AuditCheckpoint } from '../../ports/records/audit.ts'
import { checkpointsOf } from './audit-source.ts'
import {
  bodyHashOf,
  type CheckpointHead,
  type CheckpointHeads,
  type CheckpointKey,
  FIRST_BODY_HASH,
  openCheckpoint,
  parseBody,
} from './checkpoint-body.ts'
import type { AuditFault } from './faults.ts'

export interface CheckedCheckpoints {
  readonly count: number
  /** Those up to this one hold. */
  readonly soundThroughSeq: number
  /** The heads of the last one that holds. */
  readonly heads: CheckpointHeads
  /** The first that does not hold. */
  readonly fault: Omit<AuditFault, 'tenantId' | 'database'> | undefined
}

/** @param key undefined: signatures are not looked at. @throws Outage */
export async function checkCheckpoints(
  source: AuditSource,
  tenantId: string,
  key: CheckpointKey | undefined,
): Promise<CheckedCheckpoints> {
  let count = 0
  let previous = FIRST_BODY_HASH
  let heads: CheckpointHeads = {}
  for await (const checkpoint of checkpointsOf(source, tenantId)) {
    const seq = count + 1
    const verdict = judge(checkpoint, { seq, previous, heads, key })
    if (typeof verdict === 'string') {
      return { count, soundThroughSeq: count, heads, fault: { seq, code: verdict } }
    }
    heads = verdict
    previous = bodyHashOf(checkpoint)
    count = seq
  }
  return { count, soundThroughSeq: count, heads, fault: undefined }
}

type CheckpointFault =
  | 'checkpoint_missing'
  | 'checkpoint_forged'
  | 'checkpoint_unlinked'
  | 'checkpoint_behind'

/** @returns the heads it signs. */
function judge(
  checkpoint: AuditCheckpoint,
  expected: {
    readonly seq: number
    readonly previous: string
    readonly heads: CheckpointHeads
    readonly key: CheckpointKey | undefined
  },
): CheckpointHeads | CheckpointFault {
  if (checkpoint.seq !== expected.seq) return 'checkpoint_missing'
  const { key } = expected
  const body = key === undefined ? parseBody(checkpoint.body) : openCheckpoint(checkpoint, key)
  if (body === undefined) return 'checkpoint_forged'
  if (body.seq !== expected.seq || body.previous !== expected.previous) return 'checkpoint_unlinked'
  for (const [code, before] of Object.entries(expected.heads)) {
    const head = body.heads[code]
    if (head === undefined || head.seq < before.seq) return 'checkpoint_behind'
    if (head.seq === before.seq && head.hash !== before.hash) return 'checkpoint_behind'
  }
  return body.heads
}

/** Yields what checkpoints signed of one chain, each head once, rising. @throws Outage */
export async function* signedHeads(
  source: AuditSource,
  chain: { readonly tenantId: string; readonly code: string },
  { soundThroughSeq }: CheckedCheckpoints,
): AsyncGenerator<CheckpointHead, void> {
  let lastSeq = 0
  for await (const { seq, body } of checkpointsOf(source, chain.tenantId)) {
    if (seq > soundThroughSeq) return
    const head = parseBody(body)?.heads[chain.code]
    if (head === undefined || head.seq <= lastSeq) continue
    lastSeq = head.seq
    yield head
  }
}
