/** What the engine says when it cannot serve. */
import { Outage } from '../../ports/outage.ts'

/** @param reason what was observed; holds nothing of a document. */
export function outage(reason: string, retryAfterMs?: number): Outage {
  return new Outage('documents_unavailable', `documents cannot be served: ${reason}`, {
    port: 'documents',
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  })
}
