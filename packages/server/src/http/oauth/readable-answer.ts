/**
 * Answers that pages may read: those to public apps, whose pages hold no secret and ask themselves.
 * A form needs no leave of the server before it is sent, so there is no preflight here.
 */
import { readableBy } from '../cors.ts'
import type { OauthCall } from './deps.ts'

/** @param clientId as it was said; a confidential app belongs on a server, not into a page. */
export function readableAnswer(
  answer: Response,
  clientId: string | undefined,
  { request, deps }: OauthCall,
): Response {
  const app = clientId === undefined ? undefined : deps.apps.findByClientId(clientId)?.app
  return readableBy(app?.type === 'public' ? app : undefined, request, answer)
}
