/** What a scraper learns of connection tokens. */
import type { MetricDefinitions } from '../../ports/metrics.ts'
import type { LineageTable } from './lineage-table.ts'

const STEPS = ['created', 'replaced', 'refreshed', 'repeated', 'reused', 'revoked'] as const
/** `repeated`: a refresh whose answer was given again. `reused`: one with an old password. */
export type TokenStep = (typeof STEPS)[number]

export class TokenFigures {
  readonly #counts = new Map<TokenStep, number>(STEPS.map((step) => [step, 0]))

  count(step: TokenStep): void {
    this.#counts.set(step, (this.#counts.get(step) ?? 0) + 1)
  }

  metrics(table: LineageTable): MetricDefinitions {
    return {
      plain: [
        {
          name: 'lockgate_connection_tokens',
          help: 'Connection tokens this node knows: live ones, and those that ended lately',
          kind: 'gauge',
          read: () => table.size,
        },
      ],
      labelled: [
        {
          name: 'lockgate_connection_token_steps_total',
          help: 'Steps in the lives of connection tokens, by what was done',
          kind: 'counter',
          label: 'step',
          read: () => this.#counts,
        },
      ],
    }
  }
}
