/**
 * The MQTT sessions of all apps on this node: who has which client id, taking over, coming back,
 * and when sessions and wills are due (MQTT 5 §3.1.2.4, §3.1.4, §4.1). Client ids are per app.
 * Claims of one client id are carried out one after the other. Sessions that outlive connections
 * are bounded per app and node; time is decided when it is asked for, not by the tick alone.
 */
import { ok, refuse } from '@lockgate/protocol/result'
import type { AppSpace } from '../../../core/app-space.ts'
import type { TopicMessage } from '../../../core/topics/topic-message.ts'
import type { Clock } from '../../../ports/clock.ts'
import type { Random } from '../../../ports/random.ts'
import type { Turns } from '../../../ports/turns.ts'
import { AppClients } from './app-clients.ts'
import type { ClientLink } from './client-link.ts'
import type { ClientState } from './client-state.ts'
import type { WillAuthor } from './client-will.ts'
import { DueSessions } from './due-sessions.ts'
import type { Outgoing } from './outgoing.ts'
import { RetainedWriter } from './retained-writer.ts'
import type { ClaimResult, SessionClaim } from './session-claim.ts'
import type { SessionFigures } from './session-figures.ts'
import type { SessionRegion, SessionTopics } from './session-home.ts'
import type { SessionJournal } from './session-journal.ts'
import type { SessionSettings } from './session-settings.ts'
import { WillTurns } from './will-turns.ts'

const SESSION_ID_BYTES = 16

export interface ClientStatesPorts {
  readonly clock: Clock
  readonly random: Random
  readonly turns: Turns
  readonly topics: SessionTopics
  readonly figures: SessionFigures
  readonly settings: SessionSettings
  readonly regionOf: (space: AppSpace) => SessionRegion
  /** Decides by the rules of this moment, and publishes. */
  readonly publishWill: (space: AppSpace, message: TopicMessage, author: WillAuthor) => void
}

export class ClientStates {
  readonly #ports: ClientStatesPorts
  readonly #apps = new Map<string, AppClients>()
  readonly #journals = new Set<SessionJournal>()
  readonly #due: DueSessions
  readonly #stalled = new Set<Outgoing>()
  readonly #retained: RetainedWriter
  readonly #wills: WillTurns

  constructor(ports: ClientStatesPorts) {
    this.#ports = ports
    this.#wills = new WillTurns(ports.turns)
    this.#due = new DueSessions({ ...ports, lookAt: (state, now) => this.#lookAt(state, now) })
    this.#retained = new RetainedWriter(ports.topics)
  }

  find(space: AppSpace, clientId: string): ClientState | undefined {
    return this.#apps.get(space.app.id)?.states.get(clientId)
  }

  /** @returns the sessions of an app, connected or not. */
  all(space: AppSpace): Iterable<ClientState> {
    return this.#apps.get(space.app.id)?.states.values() ?? []
  }

  /**
   * Gives `link` the session of a client id: the one that is there, or a new one. The state is
   * silent until `resume`, which follows CONNACK; `detach` has to follow in any case.
   * @returns at once where nothing has to be waited for. `client_id_taken`: it is somebody else's;
   * `sessions_full`, `unavailable`: a session that outlives its connection cannot be kept now.
   */
  claim(
    space: AppSpace,
    claim: SessionClaim,
    link: ClientLink,
  ): ClaimResult | Promise<ClaimResult> {
    const app = this.#open(space)
    return app.inTurn(claim.clientId, () => this.#decide(app, claim, link))
  }

  /** Wills and sessions whose time has come, and what an outage left. About once a second. */
  tick(): void {
    for (const journal of this.#journals) journal.tick()
    this.#retained.catchUp()
    const stalled = [...this.#stalled]
    this.#stalled.clear()
    for (const outgoing of stalled) outgoing.pump()
    this.#due.tick()
  }

  /** Ends one session. A connection it has is the caller's to end. */
  end(state: ClientState): void {
    this.#apps.get(state.space.app.id)?.end(state)
  }

  /** A retained message changed: the hub tells, and who publishes waits for the journal. */
  retained(
    space: AppSpace,
    change: { readonly topic: string; readonly message: TopicMessage | undefined },
  ): void {
    this.#retained.changed(space, this.#open(space).home.journal, change)
  }

  /** The app was deleted: everything of it goes, and no will is published. */
  removeApp(space: AppSpace): void {
    const app = this.#open(space)
    for (const state of [...app.states.values()]) {
      state.dropWill()
      app.end(state)
    }
    this.#apps.delete(space.app.id)
    this.#retained.forget(space)
    app.home.journal.add({ kind: 'app_removed', appId: space.app.id })
  }

  /**
   * Brings back what the store of a region keeps; before anybody connects. What ended meanwhile is
   * ended by the next tick.
   * @param spaceOf undefined: there is no such app any more, so its sessions go.
   * @throws Outage
   */
  async load(
    { store, journal }: SessionRegion,
    spaceOf: (appId: string) => AppSpace | undefined,
  ): Promise<void> {
    this.#journals.add(journal)
    const { sessions, retained } = await store.load()
    const nowMs = this.#ports.clock.nowMs()
    const gone = new Set<string>()
    for (const { appId, message } of retained) {
      const space = spaceOf(appId)
      if (space === undefined) gone.add(appId)
      else this.#ports.topics.restoreRetained(space, { ...message, publisherId: undefined })
    }
    for (const stored of sessions) {
      const space = spaceOf(stored.appId)
      if (space === undefined) {
        gone.add(stored.appId)
        continue
      }
      const { id, createdAtMs } = stored
      const state = this.#open(space).add(stored, { id, createdAtMs })
      state.restore(stored, nowMs)
      if (stored.disconnectedAtMs === undefined) state.save()
      this.#due.add(state)
    }
    for (const appId of gone) journal.add({ kind: 'app_removed', appId })
  }

  /** At the end, after every connection. */
  async finish(): Promise<void> {
    this.#wills.finish()
    this.#retained.catchUp()
    for (const journal of this.#journals) await journal.finish()
  }

  #decide(
    app: AppClients,
    claim: SessionClaim,
    link: ClientLink,
  ): ClaimResult | Promise<ClaimResult> {
    const { clientId, owner, cleanStart } = claim
    if (app.isFullForWill(claim.will)) return refuse('sessions_full')
    const found = app.states.get(clientId)
    // Decided when it is read: the tick may come later.
    if (found?.isOver(this.#ports.clock.nowMs()) === true) this.#expire(app, found)
    const known = app.states.get(clientId)
    if (known !== undefined && known.owner !== owner) return refuse('client_id_taken')
    if (known?.link !== undefined) this.#takeOver(known, known.link)
    // What was due before its client came back.
    known?.publishDueWill()
    // The session may have ended with the connection that was taken over.
    const kept = app.states.get(clientId)
    if (kept !== undefined && !cleanStart) return this.#resume(app, kept, { claim, link })
    if (kept !== undefined) app.end(kept)
    return this.#begin(app, claim, link)
  }

  /** As if the connection had broken: a will with a delay waits, any other is sent (§3.1.4). */
  #takeOver(state: ClientState, link: ClientLink): void {
    this.#ports.figures.takeoverCount++
    state.detach(link, { isWillDue: true })
    link.takenOver()
  }

  #resume(
    app: AppClients,
    state: ClientState,
    { claim, link }: { readonly claim: SessionClaim; readonly link: ClientLink },
  ): ClaimResult | Promise<ClaimResult> {
    const attach = (isLoaded: boolean): ClaimResult => {
      // Its app may have been deleted while the store was read.
      if (!isLoaded || !app.has(state)) return refuse('unavailable')
      state.attach(link, claim)
      return ok({ state, sessionPresent: true })
    }
    const loaded = state.load()
    return loaded === true ? attach(true) : loaded.then(attach)
  }

  #begin(
    app: AppClients,
    claim: SessionClaim,
    link: ClientLink,
  ): ClaimResult | Promise<ClaimResult> {
    if (claim.expirySeconds === 0) {
      const state = app.add(claim, undefined)
      state.attach(link, claim)
      return ok({ state, sessionPresent: false })
    }
    const { clock, random } = this.#ports
    if (!app.home.journal.isAccepting) return refuse('unavailable')
    if (app.isFullFor(claim.owner)) return refuse('sessions_full')
    const id = random.bytes(SESSION_ID_BYTES).toHex()
    const state = app.add(claim, { id, createdAtMs: clock.nowMs() })
    state.attach(link, claim)
    return this.#written(app, state)
  }

  /** A client is told that its session outlives the connection once it does. */
  async #written(app: AppClients, state: ClientState): Promise<ClaimResult> {
    const isDurable = await app.home.journal.settled()
    if (isDurable && app.has(state)) return ok({ state, sessionPresent: false })
    // It never was: its will is not to be heard of.
    state.dropWill()
    app.end(state)
    return refuse('unavailable')
  }

  /** @returns false when its client is on the way back, which decides by the time itself. */
  #lookAt(state: ClientState, nowMs: number): boolean {
    const app = this.#apps.get(state.space.app.id)
    if (app?.has(state) !== true) return true
    if (app.isWaiting(state.clientId)) return false
    if (state.isOver(nowMs)) this.#expire(app, state)
    else this.#publishDueWill(state)
    // It is looked at again once its will is published.
    if (this.#wills.isWaiting(state)) return false
    this.#due.add(state)
    return true
  }

  #expire(app: AppClients, state: ClientState): void {
    this.#ports.figures.expiredCount++
    app.end(state)
  }

  #detached(state: ClientState): void {
    const app = this.#apps.get(state.space.app.id)
    if (app?.has(state) !== true) return
    // The session ends with its connection (§3.1.2.11.2).
    if (state.isOver(this.#ports.clock.nowMs())) return app.end(state)
    state.save()
    this.#publishDueWill(state)
    this.#due.add(state)
  }

  /** Until it is published the store has it, so a crash in between loses nothing. */
  #publishDueWill(state: ClientState): void {
    const isDue = (state.dueAtMs() ?? Number.POSITIVE_INFINITY) <= this.#ports.clock.nowMs()
    if (isDue) this.#wills.add(state, () => state.publishDueWill())
  }

  #open(space: AppSpace): AppClients {
    const known = this.#apps.get(space.app.id)
    if (known?.home.space === space) return known
    const { clock, topics, figures, settings, publishWill, regionOf } = this.#ports
    const region = regionOf(space)
    this.#journals.add(region.journal)
    const app = new AppClients({
      ...region,
      space,
      topics,
      clock,
      figures,
      settings,
      queues: { bytes: 0 },
      publishWill: (author, message) => {
        const publish = () => publishWill(space, message, author)
        // Of a session that is kept it is one commit with what becomes of the session.
        if (author.isKept) publish()
        else this.#wills.add(author, publish)
      },
      stalled: this.#stalled,
      detached: (state) => this.#detached(state),
    })
    this.#apps.set(space.app.id, app)
    return app
  }
}
