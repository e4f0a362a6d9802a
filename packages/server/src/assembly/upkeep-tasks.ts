/** What a running server does now and then, and how often. */
import type { Guard } from '../core/limits/guard.ts'
import type { UpkeepTask } from '../core/upkeep.ts'
import {
  IDEMPOTENCY_COUNT_MAX,
  IDEMPOTENCY_KEPT_MS,
} from '../credentials/administration/repeated-calls.ts'
import type { Store } from '../ports/store.ts'
import type { ConnectionTokenParts } from './connection-tokens.ts'
import type { CredentialCore } from './credential-core.ts'
import type { MessageCore } from './messages.ts'
import type { DocumentParts } from './documents.ts'
import type { MqttBroker } from './mqtt.ts'
import type { TokenService } from './token-service.ts'
import type { WebhookDelivery } from './webhook-delivery.ts'

const SECOND_MS = 1_000
/** A tenant that lost its key in an emergency of another node is without one for so long. */
const SIGNING_KEYS_MS = 5_000
const SCHEDULE_MS = 5_000
/** Ended ones are told so for ten minutes. */
const CONNECTION_TOKENS_MS = 10_000
/** Soon after the start, and not during it. */
const MASTER_KEY_MS = 10_000
const HOUR_MS = 3_600_000
/** Ended families are kept so long, so that a late reuse is still recognized. */
const FAMILY_KEPT_MS = 7 * 24 * HOUR_MS

/** @param more what follows its own time, who watches, and how often checkpoints are made. */
export function upkeepTasks(
  core: CredentialCore,
  store: Store,
  more: Pick<TokenService, 'signingKeys'> & {
    readonly connectionTokens: Pick<ConnectionTokenParts, 'sweep' | 'finish'>
    readonly checkpointSeconds: number
    /** What those who watch and those who are alerted need; they end first. */
    readonly watching: readonly UpkeepTask[]
    readonly webhooks: Pick<WebhookDelivery, 'tasks'>
    readonly mqtt: Pick<MqttBroker, 'tasks'>
    readonly messaging: Pick<MessageCore, 'tasks'>
    readonly documents: Pick<DocumentParts, 'tasks'>
    readonly guard: Pick<Guard, 'tick' | 'finish'>
  },
): readonly UpkeepTask[] {
  const { clock } = core.administration
  return [
    {
      name: 'limits',
      everyMs: SECOND_MS,
      run: async () => more.guard.tick(),
      finish: async () => more.guard.finish(),
    },
    ...more.watching,
    { name: 'uses', everyMs: SECOND_MS, run: () => core.uses.flush() },
    {
      name: 'denials',
      everyMs: SECOND_MS,
      run: () => core.denials.flush(store),
      finish: () => core.denials.finish(store),
    },
    { name: 'deadlines', everyMs: SECOND_MS, run: () => core.deadlines.check() },
    {
      name: 'schedule',
      everyMs: SCHEDULE_MS,
      run: () => core.schedule.run(),
      // What is due stays due: the next start takes it up.
      finish: async () => {},
    },
    { name: 'signing_keys', everyMs: SIGNING_KEYS_MS, run: () => more.signingKeys.follow() },
    {
      name: 'connection_tokens',
      everyMs: CONNECTION_TOKENS_MS,
      run: () => more.connectionTokens.sweep(),
      finish: () => more.connectionTokens.finish(),
    },
    ...more.webhooks.tasks,
    ...more.mqtt.tasks,
    ...more.messaging.tasks,
    ...more.documents.tasks,
    // At the end after everything that writes rows, and the witnesses after what they are given.
    {
      name: 'checkpoints',
      everyMs: more.checkpointSeconds * SECOND_MS,
      run: () => core.checkpoints.make(),
    },
    ...core.witnessings.map((witnessing) => ({
      name: `witness ${witnessing.name}`,
      everyMs: SECOND_MS,
      run: () => witnessing.run(),
      finish: () => witnessing.finish(),
    })),
    {
      name: 'master_key',
      everyMs: MASTER_KEY_MS,
      run: () => core.masterKeyChanges.finish(),
      finish: async () => {},
    },
    { name: 'sweep', everyMs: HOUR_MS, run: () => sweep(core, store, clock.nowMs()) },
  ]
}

async function sweep({ authority }: CredentialCore, store: Store, nowMs: number): Promise<void> {
  authority.revocations.sweep(nowMs)
  const answers = { beforeMs: nowMs - IDEMPOTENCY_KEPT_MS, countMax: IDEMPOTENCY_COUNT_MAX }
  await store.control.transaction((each) => each.sweepIdempotency(answers))
  for (const region of store.regions.values()) {
    await region.transaction(async (transaction) => {
      await transaction.sweepFamilies(nowMs - FAMILY_KEPT_MS)
      await transaction.sweepRevocations(nowMs)
    })
  }
}
