/** The webhook endpoints that `tenants[].apps[]` declares, and whether they fit together. Pure. */
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
}
