/**
 * A bound on what all tenants have together that none of them can use up: a quarter is kept for
 * those who have little. Without it one tenant whose receivers are slow would stop the webhooks of
 * all others. Pure; each question and change is one look-up.
 */

/** Our choices: what one tenant may have of everything, and what it may have in any case. */
const OPEN_PART = 3 / 4
const OWN_PART = 1 / 16

export class TenantShares {
  readonly #max: number
  #total = 0
  /** Those who have something. */
  readonly #counts = new Map<string, number>()

  constructor(max: number) {
    this.#max = max
  }

  get total(): number {
    return this.#total
  }

  /** @returns how much more a tenant may have now; 0: nothing. */
  roomFor(tenantId: string): number {
    const ownLeft = this.#max * OWN_PART - (this.#counts.get(tenantId) ?? 0)
    const openLeft = this.#max * OPEN_PART - this.#total
    return Math.max(0, Math.min(this.#max - this.#total, Math.max(ownLeft, openLeft)))
  }

  /** @param count may be negative. */
  add(tenantId: string, count = 1): void {
    const sum = (this.#counts.get(tenantId) ?? 0) + count
    this.#total += count
    if (sum > 0) this.#counts.set(tenantId, sum)
    else this.#counts.delete(tenantId)
  }

  remove(tenantId: string, count = 1): void {
    this.add(tenantId, -count)
  }

  clear(): void {
    this.#total = 0
    this.#counts.clear()
  }
}
