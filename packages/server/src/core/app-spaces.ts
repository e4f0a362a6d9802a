/** The apps that are live on this node. State only; the caller bounds how many apps exist. */
import type { Fanout } from '../ports/fanout.ts'
import type { AppRecord } from '../ports/records/app.ts'
import { AppSpace } from './app-space.ts'

export class AppSpaces {
  readonly #fanout: Fanout
  readonly #byId = new Map<string, AppSpace>()

  constructor(fanout: Fanout) {
    this.#fanout = fanout
  }

  find(appId: string): AppSpace | undefined {
    return this.#byId.get(appId)
  }

  all(): Iterable<AppSpace> {
    return this.#byId.values()
  }

  /** @returns the live side of `app`, made at first use; a changed record replaces the old one. */
  open(app: AppRecord): AppSpace {
    const known = this.#byId.get(app.id)
    if (known !== undefined) {
      known.app = app
      return known
    }
    const space = new AppSpace(app, this.#fanout)
    this.#byId.set(app.id, space)
    return space
  }

  /** Gives an app that is live its changed record; one that is not live stays that. */
  changed(app: AppRecord): void {
    if (this.#byId.has(app.id)) this.open(app)
  }

  /** Forgets a deleted app, at once or with its last connection. */
  forget(appId: string): void {
    const space = this.#byId.get(appId)
    if (space === undefined) return
    space.isGone = true
    this.left(space)
  }

  /** Called for each connection: one that was admitted just before its app went is found too. */
  entered(space: AppSpace): void {
    this.#byId.set(space.app.id, space)
  }

  /** Called when a connection has gone. */
  left({ isGone, connections, app }: AppSpace): void {
    if (isGone && connections.size === 0) this.#byId.delete(app.id)
  }
}
