/** The rules of the configuration for apps that are made while the server runs. */
import { ok, refuse } from '@lockgate/protocol/result'
import { DEFAULT_APP_SETTINGS } from '../config/app-schema.ts'
import type { Config } from '../config/config.ts'
import { objectToOrigin } from '../config/origins.ts'
import type { AppRules } from '../credentials/administration/app-rules.ts'

export function appRules({ mode }: Pick<Config, 'mode'>): AppRules {
  return {
    defaults: DEFAULT_APP_SETTINGS,
    check({ allowedOrigins, dangerousAnyOrigin }) {
      for (const [index, origin] of allowedOrigins.entries()) {
        const objection = objectToOrigin(origin)
        if (objection === undefined) continue
        const { what, next } = objection
        return refuse('input_invalid', `allowedOrigins, entry ${index + 1}: ${what}; ${next}.`)
      }
      // As at the start: production opens no app to every site by omission.
      const isOpen = allowedOrigins.length === 0 && !dangerousAnyOrigin
      return mode === 'production' && isOpen ? refuse('origins_missing') : ok(true)
    },
  }
}
