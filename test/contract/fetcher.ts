/**
 * The promises of the fetcher port, kept by the adapter and by the script that stands in for the
 * outside in tests: a function of a factory that registers tests. What is judged before a call is
 * in the tests of the adapter.
 */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import type { Fetcher, FetchRefusal } from '../../packages/server/src/ports/fetcher.ts'
import { Outage } from '../../packages/server/src/ports/outage.ts'

/** What is behind a URL. */
export type Outside =
  | { readonly status: number; readonly body: string }
  /** Why it is refused, or that nothing is there. */
  | FetchRefusal
  | 'outage'

export interface OutsideWorld {
  readonly fetcher: Fetcher
  /** @returns a URL that leads there. */
  place(outside: Outside): string
  close(): void
}

const REFUSALS: readonly FetchRefusal[] = [
  'url_refused',
  'address_refused',
  'redirected',
  'answer_large',
]
const CONTENT = { body: 'sent', contentType: 'text/plain' }

export function testFetcherContract(name: string, open: () => Promise<OutsideWorld>): void {
  describe(`${name} keeps the fetcher contract`, () => {
    let world: OutsideWorld
    beforeAll(async () => {
      world = await open()
    })
    afterAll(() => world.close())

    test.each([200, 201, 401, 404, 500, 503])('status %i is an answer', async (status) => {
      const url = world.place({ status, body: 'said' })
      const got = await world.fetcher.get(url)
      expect(got).toMatchObject({ ok: true, value: { status } })
      expect(got.ok && Buffer.from(got.value.body).toString()).toBe('said')
      expect(await world.fetcher.post(url, CONTENT)).toEqual({ ok: true, value: { status } })
    })

    test('names of headers are lowercase', async () => {
      const got = await world.fetcher.get(world.place({ status: 200, body: '' }))
      const names = got.ok ? Object.keys(got.value.headers) : ['REFUSED']
      for (const each of names) expect(each).toBe(each.toLowerCase())
    })

    test.each(REFUSALS)('%s is a value', async (refusal) => {
      expect(await world.fetcher.get(world.place(refusal))).toEqual({ ok: false, refusal })
    })

    test.each(['url_refused', 'address_refused', 'redirected'] as const)(
      '%s is a value for what is sent too',
      async (refusal) => {
        const sent = await world.fetcher.post(world.place(refusal), CONTENT)
        expect(sent).toEqual({ ok: false, refusal })
      },
    )

    test('where nothing is there an outage is thrown, with its name', async () => {
      const url = world.place('outage')
      for (const work of [world.fetcher.get(url), world.fetcher.post(url, CONTENT)]) {
        const failure = await work.then(
          () => undefined,
          (error: unknown) => error,
        )
        expect(failure).toBeInstanceOf(Outage)
        expect(failure).toMatchObject({ code: 'fetch_unavailable', port: 'fetcher' })
      }
    })
  })
}
