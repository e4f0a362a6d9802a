/**
 * The promises of the port that posts webhooks, kept by the adapter and by the script that stands in
 * for receivers in tests. What is judged before a post, and how connections are kept, is in the
 * tests of the adapter.
 */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import type { SendFailure, WebhookSender } from '../../packages/server/src/ports/webhook-sender.ts'

/** What is behind a URL. */
export type Receiving =
  | { readonly status: number; readonly retryAfter?: string }
  | Extract<SendFailure, 'redirected' | 'address_refused' | 'url_refused' | 'unreachable'>

export interface ReceivingWorld {
  readonly sender: WebhookSender
  /** @returns what leads there. */
  place(receiving: Receiving): { readonly connectionKey: string; readonly url: string }
  close(): unknown
}

const REST = { headers: { 'webhook-id': 'msg_1' }, body: '{"a":"ü"}' }
const FAILURES = ['redirected', 'address_refused', 'url_refused', 'unreachable'] as const

export function testSenderContract(name: string, open: () => Promise<ReceivingWorld>): void {
  describe(`${name} keeps the contract of senders`, () => {
    let world: ReceivingWorld
    beforeAll(async () => {
      world = await open()
    })
    afterAll(() => world.close())

    test.each([200, 204, 400, 401, 404, 410, 429, 500, 503])(
      'status %i is an answer, and what it says of trying again comes along',
      async (status) => {
        const [plain, later] = [world.place({ status }), world.place({ status, retryAfter: '7' })]
        const answered = { kind: 'answered', status } as const
        const first = await world.sender.send({ ...plain, ...REST })
        expect(first).toEqual({ ...answered, retryAfter: undefined })
        const second = await world.sender.send({ ...later, ...REST })
        expect(second).toEqual({ ...answered, retryAfter: '7' })
      },
    )

    test.each(FAILURES)('%s is a value, and nothing is thrown', async (failure) => {
      const sent = await world.sender.send({ ...world.place(failure), ...REST })
      expect(sent).toEqual({ kind: 'failed', failure })
    })

    test('many at a time are each answered for themselves', async () => {
      const statuses = Array.from({ length: 40 }, (_, index) => 200 + (index % 5) * 100)
      const orders = statuses.map((status) =>
        world.place(status === 300 ? 'redirected' : { status }),
      )
      const sent = await Promise.all(orders.map((each) => world.sender.send({ ...each, ...REST })))
      const seen = sent.map((each) => (each.kind === 'answered' ? each.status : 300))
      expect(seen).toEqual(statuses)
    })

    test('to look at the time changes nothing that is under way, and closing twice no more', async () => {
      const sending = world.sender.send({ ...world.place({ status: 204 }), ...REST })
      world.sender.tick()
      expect(await sending).toMatchObject({ status: 204 })
      world.sender.close()
      world.sender.close()
    })
  })
}
