/** What the configuration says about apps that are made while the server runs. */
import type { Result } from '@lockgate/protocol/result'
import type { AppSettings } from '../../ports/records/app.ts'

export interface AppRules {
  /** Of an app that names none of its own. */
  readonly defaults: AppSettings
  /** Whether an app may have these; the detail names what is wrong and what to do. */
  check(settings: AppSettings): Result<true, 'input_invalid' | 'origins_missing'>
}
