/**
 * Clients that may come in and wait until their session is read or written. The hub does not know
 * them yet, and limits on connections count them all the same. State only.
 */
import type { AppSpace } from '../../core/app-space.ts'

export interface Arriving {
  readonly space: AppSpace
  readonly identity: { readonly userId: string | undefined }
}

interface Counts {
  readonly app: number
  /** 0 for who is no user. */
  readonly user: number
}

export class Arrivals {
  readonly #counts = new Map<string, number>()

  /** @returns called once it waits no more. */
  enter(arriving: Arriving): () => void {
    const keys = keysOf(arriving)
    for (const key of keys) this.#add(key, 1)
    return () => {
      for (const key of keys) this.#add(key, -1)
    }
  }

  /** @returns how many wait of the same app, and of the same user. */
  beside(arriving: Arriving): Counts {
    const [app = 0, user = 0] = keysOf(arriving).map((key) => this.#counts.get(key))
    return { app, user }
  }

  /** Apps and users of whom somebody waits. */
  get size(): number {
    return this.#counts.size
  }

  #add(key: string, by: 1 | -1): void {
    const count = (this.#counts.get(key) ?? 0) + by
    if (count === 0) this.#counts.delete(key)
    else this.#counts.set(key, count)
  }
}

function keysOf({ space, identity: { userId } }: Arriving): readonly string[] {
  const { id } = space.app
  return userId === undefined ? [id] : [id, `${id} ${userId}`]
}
