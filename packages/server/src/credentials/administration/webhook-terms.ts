/**
 * What people may say of a webhook endpoint, checked before anything is stored. Where a URL leads
 * is judged when it is called; here only that it is one that may be called at all. Pure.
 */
import { ok, type Result, refuse } from '@lockgate/protocol/result'
import { findWebhookEvent, isOfferedIn } from '@lockgate/protocol/webhooks/webhook-events'
import type {
  WebhookAlgorithm,
  WebhookEndpointRecord,
  WebhookFormat,
} from '../../ports/records/webhook.ts'
import type { AuditDetail } from '../audit/entry.ts'

/** What can be changed at any time. */
export interface WebhookTerms {
  readonly name: string
  readonly url: string
  readonly events: readonly string[]
  readonly channelPrefix: string
  readonly channelSuffix: string
}

export interface NewWebhook extends WebhookTerms {
  readonly appId: string
  readonly format: WebhookFormat
  /** Undefined: HMAC-SHA256, which Pusher's form always has. */
  readonly algorithm?: WebhookAlgorithm | undefined
  /** A value of the caller's own; undefined: generated. Standard form only. */
  readonly secret?: string | undefined
  /** Of the configuration, which vouches for the secret. */
  readonly origin?: 'declared' | undefined
}

export interface WebhookRules {
  /** Whether plain http may be called at all, which only networks of the operator's may be. */
  readonly isHttpAllowed: boolean
}

/** Our bounds, as the configuration has them too. */
export const WEBHOOK_URL_CHARACTERS_MAX = 2_048
export const WEBHOOK_FILTER_CHARACTERS_MAX = 200

const URL_TEXT = /^https?:\/\/[!-~]+$/
/** What names of channels are made of. */
const FILTER = /^[A-Za-z0-9_\-=@,.;#]*$/

type Checked<T> = Result<T, 'input_invalid'>

/** @returns the terms with the URL in its plain spelling and each event once. */
export function checkTerms(
  terms: WebhookTerms,
  format: WebhookFormat,
  rules: WebhookRules,
): Checked<WebhookTerms> {
  const url = checkUrl(terms.url, rules)
  if (!url.ok) return url
  const events = checkEvents(terms.events, format)
  if (!events.ok) return events
  for (const filter of [terms.channelPrefix, terms.channelSuffix]) {
    if (filter.length > WEBHOOK_FILTER_CHARACTERS_MAX || !FILTER.test(filter)) {
      const bound = WEBHOOK_FILTER_CHARACTERS_MAX
      return refuse(
        'input_invalid',
        `A channel filter is at most ${bound} of the letters of names.`,
      )
    }
  }
  return ok({ ...terms, url: url.value, events: events.value })
}

/** Pusher's form has no secret of its own: the app's signing secret signs. */
export function checkSigning({ format, algorithm, secret }: NewWebhook): Checked<WebhookAlgorithm> {
  if (format === 'standard') return ok(algorithm ?? 'hmac-sha256')
  if (secret === undefined && (algorithm ?? 'hmac-sha256') === 'hmac-sha256') {
    return ok('hmac-sha256')
  }
  return refuse(
    'input_invalid',
    'The Pusher form is signed by the signing secret of the app: leave secret and algorithm out.',
  )
}

/** What is written down and shown in place of a URL: a query may hold a secret of the receiver. */
export function shownUrl(text: string): string {
  const end = text.indexOf('?')
  return end < 0 ? text : `${text.slice(0, end)}?***`
}

/** @returns what of an endpoint the audit log shows. */
export function describeWebhook(endpoint: WebhookEndpointRecord): AuditDetail {
  const { name, format, events, channelPrefix, channelSuffix, algorithm, credentialId } = endpoint
  return {
    name,
    url: shownUrl(endpoint.url),
    format,
    events,
    ...(channelPrefix === '' ? {} : { channelPrefix }),
    ...(channelSuffix === '' ? {} : { channelSuffix }),
    algorithm,
    ...(credentialId === undefined ? {} : { credentialId }),
    ...(endpoint.disabled === undefined ? {} : { disabled: endpoint.disabled.reason }),
  }
}

function checkUrl(text: string, { isHttpAllowed }: WebhookRules): Checked<string> {
  const isBounded = text.length <= WEBHOOK_URL_CHARACTERS_MAX && URL_TEXT.test(text)
  const url = isBounded ? URL.parse(text) : null
  if (url === null) {
    const bound = WEBHOOK_URL_CHARACTERS_MAX
    return refuse(
      'input_invalid',
      `The URL is absolute, https, and has at most ${bound} characters.`,
    )
  }
  if (url.username !== '' || url.password !== '') {
    return refuse('input_invalid', 'The URL holds a user or password: leave them out.')
  }
  if (url.hash !== '') return refuse('input_invalid', 'A fragment (#) is never sent: leave it out.')
  if (url.protocol === 'https:' || isHttpAllowed) return ok(url.href)
  return refuse(
    'input_invalid',
    'Plain http is for networks in outbound.allowedNetworks of the configuration: use https.',
  )
}

function checkEvents(events: readonly string[], format: WebhookFormat): Checked<readonly string[]> {
  if (events.length === 0) return refuse('input_invalid', 'Name at least one event.')
  if (events.some((event) => findWebhookEvent(event) === undefined)) {
    return refuse('input_invalid', 'There is no event of this name.')
  }
  const foreign = events.find((event) => !isOfferedIn(format, event))
  if (foreign === undefined) return ok([...new Set(events)])
  return refuse('input_invalid', `The Pusher form has no ${foreign}: make a standard endpoint.`)
}
