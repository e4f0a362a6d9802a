/**
 * What credentials say of topics themselves: the scopes of a key, the rule set of an MQTT user.
 * Kept beside the directories, which forget what was, so that a change of it can be told from a new
 * credential: only the first has clients that are connected.
 */
import type { AppDirectory, LoadedApp } from '../app-directory.ts'

/** By credential id. */
type Terms = ReadonlyMap<string, string>

export class NarrowingTerms {
  readonly #byApp = new Map<string, Terms>()

  constructor(apps: Pick<AppDirectory, 'apps'>) {
    for (const loaded of apps.apps()) this.#byApp.set(loaded.app.id, termsOf(loaded))
  }

  /**
   * Takes an app as it is now.
   * @returns whether a credential that was there before narrows in another way.
   */
  follow(appId: string, loaded: LoadedApp | undefined): boolean {
    const before = this.#byApp.get(appId)
    if (loaded === undefined) {
      this.#byApp.delete(appId)
      return false
    }
    const after = termsOf(loaded)
    this.#byApp.set(appId, after)
    const isOther = ([id, text]: readonly [string, string]) => {
      const now = after.get(id)
      return now !== undefined && now !== text
    }
    return before !== undefined && [...before].some(isOther)
  }
}

function termsOf({ credentials }: LoadedApp): Terms {
  return new Map(
    credentials.flatMap(({ record }) => {
      const { id, kind, attributes } = record
      if (kind !== 'api_key' && kind !== 'mqtt_user') return []
      const { scopes = null, ruleSet = null } = attributes
      return [[id, JSON.stringify([scopes, ruleSet])] as const]
    }),
  )
}
