/**
 * What a scraper learns of the audit log: whether its signatures get out of this machine. What no
 * witness has yet can be rewritten by whoever holds every key.
 */
import type { MetricDefinitions } from '../../ports/metrics.ts'
import type { Checkpoints } from './checkpoints.ts'
import type { Witnessing } from './witnessing.ts'

export function auditMetrics(audit: {
  readonly checkpoints: Pick<Checkpoints, 'latest'>
  readonly witnessings: readonly Pick<Witnessing, 'name' | 'behindCount'>[]
}): MetricDefinitions {
  return {
    plain: [
      {
        name: 'lockgate_audit_checkpoint_timestamp_seconds',
        help: 'When the last checkpoint was signed, in Unix time; 0 before one is known',
        kind: 'gauge',
        read: () => {
          let latestMs = 0
          for (const { atMs } of audit.checkpoints.latest().values()) {
            latestMs = Math.max(latestMs, atMs)
          }
          return latestMs / 1_000
        },
      },
    ],
    labelled: [
      {
        name: 'lockgate_audit_witness_behind',
        help: 'Checkpoints that a witness does not have yet; absent before that is known',
        kind: 'gauge',
        label: 'witness',
        read: () => audit.witnessings.flatMap((each) => behindOf(each)),
      },
    ],
  }
}

function behindOf(
  witnessing: Pick<Witnessing, 'name' | 'behindCount'>,
): readonly (readonly [string, number])[] {
  const count = witnessing.behindCount()
  // Its kind alone, of which there is one each: a path or a URL is for the log of this machine.
  const [kind = ''] = witnessing.name.split(':')
  return count === undefined ? [] : [[kind, count]]
}
