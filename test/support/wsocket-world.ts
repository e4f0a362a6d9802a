/** wSocket sessions without sockets over the real door, hubs and journal, on a clock tests move. */
import { createMemoryBus } from '../../packages/server/src/adapters/broker-memory/broker.ts'
import { MemoryHistoryStore } from '../../packages/server/src/adapters/store-memory/history-store.ts'
import { systemRandom } from '../../packages/server/src/adapters/system/random.ts'
import { History } from '../../packages/server/src/core/history/history.ts'
import { HistoryJournal } from '../../packages/server/src/core/history/history-journal.ts'
import { MessageHub } from '../../packages/server/src/core/messages/message-hub.ts'
import { ResumeSessions } from '../../packages/server/src/core/messages/resume-sessions.ts'
import { RuleChanges } from '../../packages/server/src/core/rules/rule-changes.ts'
import type { HistoryStore } from '../../packages/server/src/ports/history-store.ts'
import { wsocketProtocol } from '../../packages/server/src/sessions/wsocket/admission.ts'
import { WSocketSession } from '../../packages/server/src/sessions/wsocket/session.ts'
import type { WSocketDeps } from '../../packages/server/src/sessions/wsocket/wsocket-deps.ts'
import type { Admission } from '../../packages/server/src/sessions/session.ts'
import { type MessageDoorWorld, openMessageDoorWorld } from './message-door-world.ts'
import { RecordingFanout, RecordingOutbox } from './recording-fanout.ts'

type Wire = Readonly<Record<string, unknown>>

export interface WSocketWorldOptions {
  readonly guardTexts?: readonly string[]
  readonly store?: HistoryStore
  readonly subscriptionCountMax?: number
}

/** An outbox with room, unless a test says there is none. */
class RoomyOutbox extends RecordingOutbox {
  hasRoom = true
}

/** Speaks for one client: frames in as objects, frames out parsed. */
export class WSocketPeer {
  readonly session: WSocketSession
  readonly outbox: RoomyOutbox
  /** Whether it is read from. */
  readonly inflow: { isPaused: boolean; pause(): void; resume(): void }
  readonly #settle: () => Promise<void>

  constructor(
    parts: Pick<WSocketPeer, 'session' | 'outbox' | 'inflow'>,
    settle: () => Promise<void>,
  ) {
    this.session = parts.session
    this.outbox = parts.outbox
    this.inflow = parts.inflow
    this.#settle = settle
  }

  /** Sends without waiting for anything. */
  say(frame: unknown): void {
    this.session.receive(typeof frame === 'string' ? frame : JSON.stringify(frame))
  }

  /** @returns what it is sent until nothing waits any more. */
  async send(...frames: readonly unknown[]): Promise<Wire[]> {
    for (const frame of frames) this.say(frame)
    return this.take()
  }

  async take(): Promise<Wire[]> {
    await this.#settle()
    return this.outbox.frames.splice(0).map((text) => JSON.parse(text))
  }

  /** The connection breaks. */
  drop(): void {
    this.session.closed()
  }
}

export async function openWSocketWorld(options: WSocketWorldOptions = {}) {
  const door = await openMessageDoorWorld(options.guardTexts)
  const { clock } = door.core.administration
  const fanout = new RecordingFanout()
  const broker = createMemoryBus().connect()
  const { hub, tally, events } = door
  const limits = { subscriptionCountMax: options.subscriptionCountMax ?? 50, channelCountMax: 500 }
  const errors: string[] = []
  const nothing = () => {}
  const error = (event: string) => void errors.push(event)
  const log = { debug: nothing, info: nothing, warn: nothing, error }
  const store = options.store ?? new MemoryHistoryStore(nothing)
  const journal = new HistoryJournal({ store, clock, log })
  const history = new History({ clock, regionOf: () => ({ store, journal }) })
  const ports = { spaces: hub, history, fanout, broker, clock, random: systemRandom, tally, events }
  const messages = new MessageHub(ports, limits)
  const reachedMs = (appId: string) => history.reachedMs(appId)
  const resumes = new ResumeSessions({ clock, random: systemRandom, reachedMs })
  const turns = {
    count: 0,
    next(work: () => void) {
      this.count++
      work()
    },
  }
  const changes = new RuleChanges({ hub, turns })
  door.rules.onChange((tenantId) => changes.changed(tenantId))
  const deps: WSocketDeps = {
    ...{ hub, messages, resumes, reachedMs, rules: door.rules, tally, clock },
    ...{
      turns,
      log,
      random: systemRandom,
      directory: door.core.authority.apps,
      door: door.messages,
    },
    ...{ guard: door.parts.guard, limitBook: door.parts.limitBook },
    recordDenial: (attempt, owner) => void door.denials.push({ ...attempt, owner }),
  }
  const protocol = wsocketProtocol(deps)
  const settle = async () => {
    for (let turn = 0; turn < SETTLING_TURNS; turn++) await Promise.resolve()
    await journal.settled()
    for (let turn = 0; turn < SETTLING_TURNS; turn++) await Promise.resolve()
  }
  const upgrade = async (
    query: Wire,
    more: {
      readonly origin?: string
      readonly path?: string
      readonly isUnderPrefix?: boolean
    } = {},
  ): Promise<Admission | undefined> => {
    const text = new URLSearchParams(query as Record<string, string>).toString()
    return protocol.admit({
      ...{ path: '/', isUnderPrefix: true, origin: undefined, ...more, query: text },
      ...{ subprotocols: [], authorization: undefined, host: 'localhost', isTls: false },
      source: () => ({ ip: '192.0.2.9', agent: '' }),
    })
  }
  const started = (admission: Extract<Admission, { kind: 'session' }>) => {
    const outbox = new RoomyOutbox()
    const inflow = {
      isPaused: false,
      pause() {
        this.isPaused = true
      },
      resume() {
        this.isPaused = false
      },
    }
    const session = admission.start(outbox, inflow)
    if (!(session instanceof WSocketSession)) throw new Error('no session of wSocket')
    session.open()
    return new WSocketPeer({ session, outbox, inflow }, settle)
  }
  return {
    ...door,
    ...{ messageHub: messages, resumes, history, journal, store, errors, deps, settle, turns },
    upgrade,
    started,
    /** A connection that was let in and opened. */
    async connect(query: Wire): Promise<WSocketPeer> {
      const admission = await upgrade(query)
      if (admission?.kind !== 'session') throw new Error(JSON.stringify(admission))
      return started(admission)
    },
    /** Changes settings of an app that is live. */
    set(appId: string, settings: Parameters<MessageDoorWorld['change']>[1]): void {
      door.change(appId, settings)
      hub.changed(door.loaded(appId).app)
    },
  }
}

/** More than any answer takes that has nothing to wait for but promises. */
const SETTLING_TURNS = 50

export type WSocketWorld = Awaited<ReturnType<typeof openWSocketWorld>>
