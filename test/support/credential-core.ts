/** The credential core over the memory store, on a clock that tests move, with cheap hashes. */
import { createMemoryBus } from '../../packages/server/src/adapters/broker-memory/broker.ts'
import { openMemoryStore } from '../../packages/server/src/adapters/store-memory/store.ts'
import { createPasswordHash } from '../../packages/server/src/adapters/system/password-hash.ts'
import { systemRandom } from '../../packages/server/src/adapters/system/random.ts'
import {
  type CredentialCore,
  openCredentialCore,
} from '../../packages/server/src/assembly/credential-core.ts'
import { Hub } from '../../packages/server/src/core/hub.ts'
import { LiveEvents } from '../../packages/server/src/core/live-events.ts'
import { Tally } from '../../packages/server/src/core/tally.ts'
import {
  createMasterKeyFile,
  parseMasterKey,
} from '../../packages/server/src/credentials/master-key.ts'
import { MasterKeyRing } from '../../packages/server/src/credentials/master-key-ring.ts'
import type { Fetcher } from '../../packages/server/src/ports/fetcher.ts'
import type { Log } from '../../packages/server/src/ports/log.ts'
import type { MasterKeySource } from '../../packages/server/src/ports/master-key-source.ts'
import type { Store } from '../../packages/server/src/ports/store.ts'
import type { Witness } from '../../packages/server/src/ports/witness.ts'
import { createClosings } from '../../packages/server/src/transports/closings.ts'
import { Departures } from '../../packages/server/src/transports/departures.ts'
import { REGIONS } from '../contract/records.ts'
import { RecordingFanout } from './recording-fanout.ts'
import { ScriptedFetcher } from './scripted-fetcher.ts'

const START_MS = 1_790_000_000_000
/** The lowest cost of bcrypt: what is tested is not how long a guess takes. */
const BCRYPT_COST = 4
const DAY_MS = 86_400_000

const SECRETS = {
  overlapDefaultMs: DAY_MS,
  overlapMaxMs: 30 * DAY_MS,
  maxAgeDays: 90,
  removeAfterDays: 7,
}

export const CALLER = {
  actor: { kind: 'operator', id: 'cred_operator' },
  tenantId: undefined,
  source: { ip: '192.0.2.7', agent: 'test', protocol: 'admin' },
  requestId: 'request-1',
} as const

export interface CoreWorld {
  readonly core: CredentialCore
  readonly store: Store
  readonly hub: Hub
  readonly events: LiveEvents
  readonly tally: Tally
  readonly time: { ms: number }
  readonly keyText: () => string
}

/** @param kept what an earlier world has left: its store, and the text of its master key. */
export async function openCoreWorld(
  kept: {
    readonly store?: Store
    readonly keyText?: string
    readonly keySource?: MasterKeySource
    readonly fetcher?: Fetcher
    readonly witnesses?: readonly Witness[]
    readonly log?: Log
  } = {},
): Promise<CoreWorld> {
  const time = { ms: START_MS }
  const clock = { nowMs: () => time.ms, monotonicMs: () => time.ms }
  const nothing = () => {}
  const fail = (_event: string, error: unknown) => {
    throw error
  }
  const log = kept.log ?? { debug: nothing, info: nothing, warn: nothing, error: fail }
  const broker = createMemoryBus({ onError: (error) => fail('bus', error) }).connect()
  const tally = new Tally()
  const limits = { subscriptionCountMax: 20, channelCountMax: 50 }
  const events = new LiveEvents()
  const hub = new Hub(limits, { fanout: new RecordingFanout(), broker, clock, tally, events })
  let text = kept.keyText ?? createMasterKeyFile(systemRandom)
  const parsed = parseMasterKey(text)
  if (!parsed.ok) throw new Error('the master key was refused')
  const store = kept.store ?? openMemoryStore(REGIONS)
  const write = async (next: string) => {
    text = next
  }
  const core = await openCredentialCore(
    { secrets: SECRETS },
    {
      store,
      broker,
      clock,
      random: systemRandom,
      log,
      passwordHash: createPasswordHash({ cost: BCRYPT_COST }),
      closings: createClosings({ tally, log, departures: new Departures({ tally, log }) }),
      fetcher: kept.fetcher ?? new ScriptedFetcher(),
      hub,
      events,
      witnesses: kept.witnesses ?? [],
      masterKey: new MasterKeyRing(parsed.value),
      masterKeySource: kept.keySource ?? { kind: 'memory', read: async () => text, write },
    },
  )
  return { core, store, hub, events, tally, time, keyText: () => text }
}
