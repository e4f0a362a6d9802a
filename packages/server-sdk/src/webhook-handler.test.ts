import { describe, expect, test } from 'bun:test'
import { pusherWebhook, standardWebhook } from '../../../test/support/signed-webhooks.ts'
import type { VerifiedWebhook } from './webhook-event.ts'
import { type WebhookDecision, webhookHandler } from './webhook-handler.ts'
import { WebhookVerifier, type WebhookVerifierOptions } from './webhook-verifier.ts'

const NOW_MS = Date.now()
const SECRET = `whsec_${Buffer.alloc(36, 1).toString('base64')}`
const TOKEN = { key: 'app-key', secret: 'hush-hush-secret' }
const BODY = JSON.stringify({
  type: 't',
  timestamp: new Date(NOW_MS).toISOString(),
  data: { a: 1 },
})
const STANDARD = standardWebhook({ atMs: NOW_MS, body: BODY, keys: [SECRET] })
const PUSHER = pusherWebhook(JSON.stringify({ time_ms: NOW_MS, events: [] }), TOKEN)

type Sent = typeof STANDARD

function receiver(
  onWebhook: (webhook: VerifiedWebhook) => void | Promise<void> = () => undefined,
  more: Partial<WebhookVerifierOptions> = {},
) {
  const decisions: WebhookDecision[] = []
  const got: VerifiedWebhook[] = []
  const verifier = new WebhookVerifier({ keys: [SECRET, TOKEN], now: () => NOW_MS, ...more })
  const handler = webhookHandler(verifier, {
    onWebhook: (webhook) => {
      got.push(webhook)
      return onWebhook(webhook)
    },
    onDecision: (decision) => decisions.push(decision),
  })
  const post = ({ rawBody, headers }: Sent) =>
    handler(new Request('https://app.example/hook', { method: 'POST', body: rawBody, headers }))
  return { handler, post, decisions, got }
}

describe('the ready receiver', () => {
  test('hands over what is genuine and answers 204, which nobody keeps', async () => {
    const { post, got, decisions } = receiver()
    for (const sent of [STANDARD, PUSHER]) {
      const answer = await post(sent)
      expect([answer.status, await answer.text()]).toEqual([204, ''])
      expect(answer.headers.get('cache-control')).toBe('no-store')
    }
    expect(got.map(({ form }) => form)).toEqual(['standard', 'pusher'])
    expect(decisions.map(({ outcome }) => outcome)).toEqual(['handled', 'handled'])
    expect(decisions[0]?.id).toBe('msg_1')
  })

  test('refuses what is not, with a code, and tells the log what to do', async () => {
    const { post, got, decisions } = receiver()
    const forged = { ...STANDARD, rawBody: BODY.replace(':1}', ':2}') }
    const answer = await post(forged)
    expect([answer.status, await answer.json()]).toEqual([401, { error: 'signature_invalid' }])
    expect(got).toEqual([])
    expect(decisions[0]?.detail).toContain('Check that the body is as it arrived')
    expect(JSON.stringify(decisions)).not.toContain(STANDARD.headers['webhook-signature'] ?? '?')
  })

  test('handles a delivery once, however often it comes and whoever sends it again', async () => {
    const { post, got, decisions } = receiver()
    const nextAttempt = standardWebhook({ atMs: NOW_MS + 5_000, body: BODY, keys: [SECRET] })
    for (const sent of [STANDARD, STANDARD, nextAttempt, PUSHER, PUSHER]) {
      expect((await post(sent)).status).toBe(204)
    }
    expect(got).toHaveLength(2)
    const outcomes = ['handled', 'repeated', 'repeated', 'handled', 'repeated'] as const
    expect(decisions.map(({ outcome }) => outcome)).toEqual([...outcomes])
  })

  test('answers 500 when the handling failed, and takes the same delivery again', async () => {
    let failures = 2
    const { post, got, decisions } = receiver(() => {
      failures -= 1
      if (failures >= 0) throw new Error('database is gone')
    })
    for (const sent of [STANDARD, PUSHER]) expect((await post(sent)).status).toBe(500)
    for (const sent of [STANDARD, PUSHER]) expect((await post(sent)).status).toBe(204)
    expect(got).toHaveLength(4)
    expect(decisions[0]).toMatchObject({ outcome: 'failed', error: new Error('database is gone') })
  })

  test('answers 409 while the same delivery is being handled, so that it comes again', async () => {
    const { promise: begun, resolve: begin } = Promise.withResolvers<void>()
    const { promise: ended, resolve: finish } = Promise.withResolvers<void>()
    const { post, got } = receiver(() => {
      begin()
      return ended
    })
    const first = post(STANDARD)
    await begun
    const second = await post(STANDARD)
    expect([second.status, await second.json()]).toEqual([409, { error: 'replayed' }])
    finish()
    expect((await first).status).toBe(204)
    expect((await post(STANDARD)).status).toBe(204)
    expect(got).toHaveLength(1)
  })

  test('takes POST only, and never reads beyond the bound', async () => {
    const { handler, post, decisions } = receiver(undefined, { bodyBytesMax: 200 })
    const got = await handler(new Request('https://app.example/hook'))
    expect([got.status, got.headers.get('allow')]).toEqual([405, 'POST'])
    const large = await post({ ...STANDARD, rawBody: 'x'.repeat(201) })
    expect([large.status, await large.json()]).toEqual([413, { error: 'body_too_large' }])
    let pulls = 0
    const endless = new ReadableStream({
      pull: (controller) => {
        pulls += 1
        controller.enqueue(new Uint8Array(100))
      },
    })
    const init: RequestInit = { method: 'POST', body: endless }
    const answer = await handler(new Request('https://app.example/hook', init))
    expect(answer.status).toBe(413)
    expect(pulls).toBeLessThan(10)
    expect(decisions.map(({ code }) => code)).toEqual([
      'method_not_allowed',
      'body_too_large',
      'body_too_large',
    ])
  })

  test('throws on what failed where nobody listens, and both causes when it cannot release', async () => {
    const gone = () => Promise.reject(new Error('redis is gone'))
    const take = () => Promise.resolve('new' as const)
    const replay = { take, finish: gone, release: gone }
    const verifier = new WebhookVerifier({ keys: SECRET, replay, now: () => NOW_MS })
    const onWebhook = (): void => {
      throw new Error('database is gone')
    }
    const { rawBody: body, headers } = STANDARD
    const request = new Request('https://app.example/hook', { method: 'POST', body, headers })
    const failure: unknown = await webhookHandler(verifier, { onWebhook })(request).catch(
      (error: unknown) => error,
    )
    expect(failure).toBeInstanceOf(AggregateError)
    expect((failure as AggregateError).errors.map(String)).toEqual([
      'Error: database is gone',
      'Error: redis is gone',
    ])
  })
})

test('the type of an event tells what is in its data', async () => {
  const joined: string[] = []
  const { post } = receiver((webhook) => {
    // Compiles only because the two belong together.
    if (webhook.type === 'presence.enter')
      joined.push(`${webhook.data.userId} ${webhook.data.channel}`)
    for (const event of webhook.form === 'pusher' ? webhook.events : []) {
      if (event.name === 'member_added') joined.push(`${event.user_id} ${event.channel}`)
    }
  })
  const timestamp = new Date(NOW_MS).toISOString()
  const data = { appId: 'a', channel: 'presence-a', userId: 'ada' }
  const body = JSON.stringify({ type: 'presence.enter', timestamp, data })
  await post(standardWebhook({ atMs: NOW_MS, body, keys: [SECRET] }))
  const events = [{ name: 'member_added', channel: 'presence-a', user_id: 'bob' }]
  await post(pusherWebhook(JSON.stringify({ time_ms: NOW_MS, events }), TOKEN))
  expect(joined).toEqual(['ada presence-a', 'bob presence-a'])
})
