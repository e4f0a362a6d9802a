/**
 * The name of what a client has, where the app wants the server to remember (setting
 * `resumeTokens`). A token carries channels and time too, for when the server has forgotten
 * (contract wSocket 6.4), and so is given anew once those are not those of the client any more.
 */
import { encodeResumeToken } from '@lockgate/protocol/wsocket/resume-token'
import { resumeTokenFrame } from '@lockgate/protocol/wsocket/frames'
import type { AppSpace } from '../../core/app-space.ts'
import type { ResumePoint, ResumeSessions } from '../../core/messages/resume-sessions.ts'
import type { Outbox } from '../../ports/fanout.ts'

export interface ResumingConnection {
  readonly space: AppSpace
  readonly outbox: Outbox
  readonly channels: ReadonlySet<string>
  readonly identity: { readonly owner: string }
}

export interface ResumeTokenDeps {
  readonly resumes: ResumeSessions
  readonly reachedMs: (appId: string) => number
}

export class ResumeTokens {
  readonly #connection: ResumingConnection
  readonly #deps: ResumeTokenDeps
  #id: string | undefined
  /** The client holds a token that says less than it has. */
  #isStale = false
  /** It has not all back yet: a token of now would leave out the rest. */
  #isResuming = false
  #isOver = false

  constructor(connection: ResumingConnection, deps: ResumeTokenDeps) {
    this.#connection = connection
    this.#deps = deps
  }

  /** One more channel; the first token comes with the first. */
  subscribed(): void {
    if (!this.#isOn || this.#isResuming) return
    if (this.#id !== undefined) this.#isStale = true
    else this.#connection.outbox.send(resumeTokenFrame(this.issue() ?? ''))
  }

  /** Where the client of that name goes on; with {@link issue} this connection has the name. */
  resume(id: string | undefined): ResumePoint | undefined {
    if (!this.#isOn) return undefined
    this.#isResuming = true
    const { resumes } = this.#deps
    const point = id === undefined ? undefined : resumes.find(id, this.#owner)
    if (point === undefined) return undefined
    if (this.#id !== undefined) resumes.forget(this.#id, this.#connection)
    this.#id = id
    return point
  }

  /** @returns a token of what the client has now; undefined: its own are all there is. */
  issue(): string | undefined {
    const isResumed = this.#isResuming
    this.#isResuming = false
    if (!this.#isOn || this.#isOver) return undefined
    const { resumes, reachedMs } = this.#deps
    const { channels, space } = this.#connection
    if (isResumed && this.#id !== undefined) resumes.touch(this.#id, this.#owner, this.#connection)
    this.#id ??= resumes.open(this.#owner, this.#connection)
    this.#isStale = false
    const sinceMs = reachedMs(space.app.id)
    return encodeResumeToken({ sessionId: this.#id, channels: [...channels], sinceMs })
  }

  /** Called now and then: not every subscription is worth a token. */
  tick(): void {
    const token = this.#isStale && !this.#isResuming ? this.issue() : undefined
    if (token !== undefined) this.#connection.outbox.send(resumeTokenFrame(token))
  }

  /** Called before the connection is taken out of its channels. */
  left(how: 'may_return' | 'ended'): void {
    this.#isOver = true
    if (this.#id === undefined) return
    if (how === 'ended') this.#deps.resumes.forget(this.#id, this.#connection)
    else this.#deps.resumes.left(this.#id, this.#connection)
  }

  get #isOn(): boolean {
    return this.#connection.space.app.settings.resumeTokens === 'server'
  }

  get #owner() {
    const { space, identity } = this.#connection
    return { appId: space.app.id, ownerKey: identity.owner }
  }
}
