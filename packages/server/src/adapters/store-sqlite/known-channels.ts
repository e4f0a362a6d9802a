/**
 * What the writer of a history file knows of its channels without asking the file: their numbers
 * and tails. True because nobody else writes the file; forgotten whenever a commit fails.
 */
import type { Statement } from './worker-channel.ts'
import type { StatementAnswer } from './worker-protocol.ts'

/** Our bound on channels in memory; past it all are forgotten and asked for again. */
const KNOWN_COUNT_MAX = 50_000

const FIND = `SELECT apps.number AS app, channels.number AS number, last_sequence, last_timestamp_ms
  FROM apps LEFT JOIN channels ON channels.app = apps.number AND channels.name = ?2
  WHERE apps.app_id = ?1`

/** The highest numbers that are taken. */
export const LAST_NUMBERS: Statement = {
  sql: `SELECT (SELECT coalesce(max(number), 0) FROM apps) AS app,
    (SELECT coalesce(max(number), 0) FROM channels) AS channel`,
  parameters: [],
}

export interface KnownChannel {
  readonly app: number
  readonly number: number
  lastSequence: number
  lastTimestampMs: number
  /** The count of prunes at which it kept a message. */
  keptAtPrune: number | undefined
}

export interface ChannelName {
  readonly appId: string
  readonly channel: string
}

interface KnownApp {
  readonly number: number
  readonly channels: Map<string, KnownChannel>
}

export class KnownChannels {
  readonly #apps = new Map<string, KnownApp>()
  /** After a prune any channel may be empty. */
  pruneCount = 0
  #count = 0
  #lastApp = 0
  #lastChannel = 0

  /** @param row of {@link LAST_NUMBERS}. */
  startAfter(row: StatementAnswer['rows'][number] | undefined): void {
    this.#lastApp = Number(row?.['app'])
    this.#lastChannel = Number(row?.['channel'])
  }

  find({ appId, channel }: ChannelName): KnownChannel | undefined {
    return this.#apps.get(appId)?.channels.get(channel)
  }

  /**
   * Makes all of them known.
   * @param run answers statements in the transaction that will write.
   * @returns statements that add those that are new; they come before anything of them.
   */
  async learn(
    names: readonly ChannelName[],
    run: (statements: readonly Statement[]) => Promise<readonly StatementAnswer[]>,
  ): Promise<Statement[]> {
    if (this.#count > KNOWN_COUNT_MAX) this.clear()
    const unknown = this.#unknownOf(names)
    if (unknown.length === 0) return []
    const answers = await run(
      unknown.map(({ appId, channel }) => ({ sql: FIND, parameters: [appId, channel] })),
    )
    return unknown.flatMap((name, at) => this.#learn(name, answers[at]?.rows[0]))
  }

  forgetApp(appId: string): void {
    this.#count -= this.#apps.get(appId)?.channels.size ?? 0
    this.#apps.delete(appId)
  }

  clear(): void {
    this.#apps.clear()
    this.#count = 0
  }

  /** Each once. */
  #unknownOf(names: readonly ChannelName[]): ChannelName[] {
    const seen = new Map<string, Set<string>>()
    return names.filter((name) => {
      if (this.find(name) !== undefined) return false
      const channels = seen.get(name.appId) ?? new Set()
      seen.set(name.appId, channels)
      return channels.size < channels.add(name.channel).size
    })
  }

  #learn({ appId, channel }: ChannelName, row: StatementAnswer['rows'][number] | undefined) {
    const added: Statement[] = []
    const app = this.#apps.get(appId) ?? this.#learnApp(appId, row?.['app'] ?? undefined, added)
    const isThere = row !== undefined && row['number'] !== null
    const number = isThere ? Number(row['number']) : ++this.#lastChannel
    if (!isThere) added.push({ sql: ADD_CHANNEL, parameters: [number, app.number, channel] })
    app.channels.set(channel, {
      app: app.number,
      number,
      lastSequence: isThere ? Number(row['last_sequence']) : 0,
      lastTimestampMs: isThere ? Number(row['last_timestamp_ms']) : 0,
      keptAtPrune: undefined,
    })
    this.#count++
    return added
  }

  #learnApp(appId: string, found: unknown, added: Statement[]): KnownApp {
    const number = found === undefined ? ++this.#lastApp : Number(found)
    if (found === undefined) added.push({ sql: ADD_APP, parameters: [number, appId] })
    const app = { number, channels: new Map() }
    this.#apps.set(appId, app)
    return app
  }
}

const ADD_APP = 'INSERT INTO apps VALUES (?, ?, 0, 0, 0)'
const ADD_CHANNEL = `INSERT INTO channels (number, app, name, last_sequence, last_timestamp_ms)
  VALUES (?, ?, ?, 0, 0)`
