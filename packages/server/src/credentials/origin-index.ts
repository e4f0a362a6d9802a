/**
 * The origins that any app allows, each once however many apps list it: a preflight names no app,
 * and must not cost a look at all of them.
 */
import type { AppSettings } from '../ports/records/app.ts'
import { isOriginListed } from './origin-policy.ts'

type Settings = Pick<AppSettings, 'allowedOrigins' | 'dangerousAnyOrigin'>

export class OriginIndex {
  /** As lists have them, with how many apps do. */
  readonly #exact = new Map<string, number>()
  readonly #wildcards = new Map<string, number>()
  /** Apps that are open to every origin. */
  #openCount = 0

  add(settings: Settings): void {
    this.#count(settings, 1)
  }

  /** @param settings as they were added. */
  remove(settings: Settings): void {
    this.#count(settings, -1)
  }

  /** @param origin as sent. @returns whether a page of it may connect to some app. */
  allows(origin: string): boolean {
    if (this.#openCount > 0 || this.#exact.has(origin.toLowerCase())) return true
    return isOriginListed({ allowedOrigins: [...this.#wildcards.keys()] }, origin)
  }

  #count({ allowedOrigins, dangerousAnyOrigin }: Settings, change: 1 | -1): void {
    if (allowedOrigins.length === 0 || dangerousAnyOrigin) {
      this.#openCount += change
      return
    }
    for (const allowed of allowedOrigins) {
      const counts = allowed.includes('*') ? this.#wildcards : this.#exact
      const count = (counts.get(allowed) ?? 0) + change
      if (count === 0) counts.delete(allowed)
      else counts.set(allowed, count)
    }
  }
}
