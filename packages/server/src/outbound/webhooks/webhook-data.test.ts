import { expect, test } from 'bun:test'
import type { WebhookData } from '@lockgate/protocol/webhooks/webhook-data'
import type { LiveEventDetails } from '../../core/live-events.ts'

/** As JSON leaves it: a field that may be undefined may be missing. */
type Posted<T> = {
  [K in keyof T as undefined extends T[K] ? never : K]: T[K]
} & { [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined> }

type Promised<T extends keyof WebhookData> = Omit<WebhookData[T], 'appId' | 'count'>

/** The types of events whose body lacks something that receivers are promised. */
type Broken = {
  [T in keyof WebhookData & keyof LiveEventDetails]: Posted<LiveEventDetails[T]> extends Promised<T>
    ? never
    : T
}[keyof WebhookData & keyof LiveEventDetails]

test('every body has what receivers are promised of its type', () => {
  // Does not compile when one has not; `credential.rotated` is a credential.changed by another name.
  const isKept: [Broken] extends [never] ? true : Broken = true
  expect(isKept).toBe(true)
})
