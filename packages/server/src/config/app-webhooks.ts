/** The webhook endpoints that `tenants[].apps[]` declares, and whether they fit together. Pure. */
import { isOfferedIn } from '@lockgate/protocol/webhooks/webhook-events'
import type { Config, WebhookDeclaration } from './config.ts'
import { bounded, type Group, type GroupContext, keysOf, readFields } from './groups.ts'
import { readList, refuseUnknown } from './groups.ts'
import type { Review } from './problem.ts'
import { MASKED_QUERY } from './secrets.ts'
import { WEBHOOK_COUNT_MAX, WEBHOOK_FIELDS } from './webhook-schema.ts'

export function readWebhooks(group: Group, context: GroupContext): readonly WebhookDeclaration[] {
  const path = `${group.path}.webhooks`
  const webhooks = readList({ node: group.entries.get('webhooks'), path }, context, (entry) => {
    refuseUnknown(entry, keysOf(WEBHOOK_FIELDS), context)
    const fields = readFields(entry, WEBHOOK_FIELDS, context)
    if (!entry.entries.has('events')) {
      const what = '`events` is missing'
      const next = 'list what it is told: docs/webhook-events.md'
      context.review.report({ where: context.review.whereOf(entry.path), what, next })
    }
    return fields
  })
  return bounded(webhooks, { path, countMax: WEBHOOK_COUNT_MAX }, context)
}

/** Reports what one value alone does not show. */
export function checkWebhooks({ tenants, outbound }: Config, review: Review): void {
  const isHttpAllowed = outbound.allowedNetworks.length > 0
  for (const { webhooks } of tenants.flatMap(({ apps }) => apps)) {
    for (const webhook of webhooks) {
      checkUrl(webhook, isHttpAllowed, review)
      checkEvents(webhook, review)
      checkSecret(webhook, review)
    }
  }
}

function checkUrl(webhook: WebhookDeclaration, isHttpAllowed: boolean, review: Review): void {
  const path = review.pathOf(webhook, 'url')
  if (!review.isSound(path)) return
  const url = URL.parse(webhook.url)
  if (url === null || url.hash !== '') {
    review.object(path, { what: 'this is not an https URL without `#`', next: 'correct it' })
  } else if (webhook.url.endsWith(MASKED_QUERY)) {
    const what = `${MASKED_QUERY} only stands for a query that is not printed`
    review.object(path, { what, next: 'give the URL itself' })
  } else if (url.username !== '' || url.password !== '') {
    const what = 'a URL with user and password would be shown'
    review.object(path, { what, next: 'leave them out: what is sent is signed' })
  } else if (url.protocol === 'http:' && !isHttpAllowed) {
    const what = 'http would carry it in clear text'
    const next = 'use https, or list the network of the receiver in `outbound.allowedNetworks`'
    review.object(path, { what, next })
  }
}

function checkEvents(webhook: WebhookDeclaration, review: Review): void {
  const path = review.pathOf(webhook, 'events')
  if (!review.isSound(path)) return
  const foreign = webhook.events.find((event) => !isOfferedIn(webhook.format, event))
  if (foreign === undefined) return
  const what = `the Pusher form has no ${foreign}`
  review.object(path, { what, next: 'leave it out, or take the format `standard`' })
}

/** As `credentials/webhook-secret.ts` reads them: 24 to 64 bytes for HMAC, a pair for Ed25519. */
const HMAC_SECRET = /^whsec_(?=(?:.{4})+$)[A-Za-z0-9+/]{32,86}={0,2}$/
const PAIR = /^whsk_[A-Za-z0-9+/]{86}==$/

function checkSecretForm({ secret, algorithm }: WebhookDeclaration): string | undefined {
  if (secret === undefined) return undefined
  if (algorithm === 'ed25519') {
    return PAIR.test(secret) ? undefined : 'use `whsk_` and base64 of the 64 bytes of a pair'
  }
  if (!/^wh(?:sec|sk|pk)_/.test(secret) || HMAC_SECRET.test(secret)) return undefined
  return 'use `whsec_` and base64, with its padding, of 24 to 64 bytes'
}

function checkSecret(webhook: WebhookDeclaration, review: Review): void {
  const { format, secret, algorithm } = webhook
  const path = review.pathOf(webhook, 'secret')
  if (!review.isSound(path)) return
  if (format === 'pusher' && (secret !== undefined || algorithm !== 'hmac-sha256')) {
    const what = 'the Pusher form is signed by the secret of the app'
    review.object(path, { what, next: 'leave `secret` and `algorithm` out' })
  }
  if (format === 'standard' && algorithm === 'hmac-sha256' && secret === undefined) {
    const next = 'give `secret` or `secretFile`: nobody could read one that was made at the start'
    review.object(path, { what: 'there is no secret', next })
  }
  const next = format === 'standard' ? checkSecretForm(webhook) : undefined
  if (next !== undefined) review.object(path, { what: 'nothing could be signed with this', next })
}
