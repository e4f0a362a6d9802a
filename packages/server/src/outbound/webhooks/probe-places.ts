/** How many receivers people ask at a time: each may hang for as long as a post may take. */
import type { WebhookEndpointRecord } from '../../ports/records/webhook.ts'
import { TenantShares } from './tenant-shares.ts'

/** Our bound, which no tenant uses up; the places of posts are shared with deliveries. */
export const PROBES_AT_A_TIME_MAX = 64

export class ProbePlaces {
  readonly #shares = new TenantShares(PROBES_AT_A_TIME_MAX)
  readonly #asked = new Set<string>()

  /** @returns undefined where the endpoint is being asked, or too many are. */
  run<T>(
    { id, tenantId }: Pick<WebhookEndpointRecord, 'id' | 'tenantId'>,
    ask: () => Promise<T>,
  ): Promise<T> | undefined {
    if (this.#asked.has(id) || this.#shares.roomFor(tenantId) < 1) return undefined
    this.#asked.add(id)
    this.#shares.add(tenantId)
    return ask().finally(() => {
      this.#asked.delete(id)
      this.#shares.remove(tenantId)
    })
  }
}
