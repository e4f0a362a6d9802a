/** What an app asks of a connection once it is known who connects. Pure. */
import { ok, type Result, refuse } from '@lockgate/protocol/result'
import type { RefusalCode } from '../../core/refusals.ts'
import type { AppSettings } from '../../ports/records/app.ts'
import { isOriginAllowed } from '../origin-policy.ts'
import type { MqttCredentials } from './mqtt-identity.ts'

/** @param isPermanent whether what was proved is for devices and servers, until it is rotated. */
export function checkConnection(
  settings: AppSettings,
  { isTls, isWebSocket, origin }: Pick<MqttCredentials, 'isTls' | 'isWebSocket' | 'origin'>,
  isPermanent: boolean,
): Result<true, RefusalCode> {
  if (settings.requireTls && !isTls) return refuse('tls_required')
  // Only browsers send an origin, and only over WebSocket; anybody else may leave it out.
  if (!isWebSocket) return ok(true)
  if (!isOriginAllowed(settings, origin)) return refuse('origin_refused')
  const isPage = origin !== undefined
  const isForPages = !isPermanent || settings.mqttUsersInBrowsers === 'allow'
  return isPage && !isForPages ? refuse('password_in_browser') : ok(true)
}
