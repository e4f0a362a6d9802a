/** The rules of the configuration for apps that are made while the server runs. */
import { ok, type Result, refuse } from '@lockgate/protocol/result'
import { APP_SETTINGS, DEFAULT_APP_SETTINGS } from '../config/app-schema.ts'
import type { Config } from '../config/config.ts'
import { parseList } from '../config/lists.ts'
import { featureOfTheSignedIn } from '../config/open-apps.ts'
import type { AppRules } from '../credentials/administration/app-rules.ts'
import type { AppSettings } from '../ports/records/app.ts'

export function appRules({ mode }: Pick<Config, 'mode'>): AppRules {
  return {
    defaults: DEFAULT_APP_SETTINGS,
    check(settings) {
      const lists = checkLists(settings)
      if (!lists.ok) return lists
      // As at the start: production opens no app to every site by omission.
      if (mode !== 'production' || settings.allowedOrigins.length > 0) return ok(true)
      if (!settings.dangerousAnyOrigin) return refuse('origins_missing')
      const feature = featureOfTheSignedIn(settings)
      if (feature === undefined) return ok(true)
      return refuse('origins_missing', `An app with ${feature} is not open to any origin.`)
    },
  }
}

/** Numbers and choices were checked where they came in; what a list may hold is known here. */
function checkLists(settings: AppSettings): Result<true, 'input_invalid'> {
  for (const [name, setting] of Object.entries(APP_SETTINGS)) {
    if (setting.type !== 'list') continue
    const parsed = parseList(setting, settings[name as keyof AppSettings] as string[], '/')
    if (parsed.ok) continue
    const objections = parsed.objections.map(({ what, next }) => `${what}; ${next}`)
    return refuse('input_invalid', `${name}: ${objections.join('. ')}.`)
  }
  return ok(true)
}
