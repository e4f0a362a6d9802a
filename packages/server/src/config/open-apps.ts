/**
 * Apps that every web site may use. An origin says which page a browser speaks for: without a list,
 * a page of a stranger acts with whatever its visitor is signed in to. Pure.
 */
import type { AppSettings } from '../ports/records/app.ts'

/** What only clients have that signed in or were authorized for a channel. */
const FEATURES = ['requireAuthorization', 'clientMessages', 'watchlist'] as const

/** @returns the first of them that is on. */
export function featureOfTheSignedIn(
  settings: Pick<AppSettings, (typeof FEATURES)[number]>,
): (typeof FEATURES)[number] | undefined {
  return FEATURES.find((name) => settings[name])
}

/** Whether every web site may connect. */
export function isOpenToAnyOrigin({ allowedOrigins, dangerousAnyOrigin }: AppSettings): boolean {
  return allowedOrigins.length === 0 || dangerousAnyOrigin
}
