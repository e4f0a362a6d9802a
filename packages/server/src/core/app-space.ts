/**
 * Everything alive of one app on this node: channels, connections, users, last events. State only.
 */
import type { Fanout } from '../ports/fanout.ts'
import type { AppRecord } from '../ports/records/app.ts'
import type { Channel } from './channel.ts'
import { type ChannelConnection, type Connection, hasChannels } from './connection.ts'
import { LastEventCache } from './last-event-cache.ts'
import type { MessageSpace } from './messages/message-space.ts'
import type { DocumentSpace } from './documents/document-space.ts'
import type { TopicSpace } from './topics/topic-space.ts'
import { UserDirectory } from './users.ts'

export class AppSpace {
  /** Replaced when the app changes; sessions read their switches and limits here. */
  app: AppRecord
  /** The app was deleted: nobody new gets in. */
  isGone = false
  readonly channels = new Map<string, Channel>()
  readonly connections = new Map<string, Connection>()
  readonly users: UserDirectory
  readonly lastEvents = new LastEventCache()
  /** Made by the hub of topics at first use, and let go when nothing is in it. */
  topics: TopicSpace | undefined
  /** The same, of channels whose messages are numbered and kept. */
  messages: MessageSpace | undefined
  /** Made by the hub of documents at first use; it knows the newest limits of tokens. */
  documents: DocumentSpace | undefined

  constructor(app: AppRecord, fanout: Fanout) {
    this.app = app
    this.users = new UserDirectory(fanout)
  }

  /** @returns the connection if it is there and subscribed to the channel. */
  subscriberOf(channel: string, connectionId?: string): ChannelConnection | undefined {
    if (connectionId === undefined) return undefined
    const connection = this.connections.get(connectionId)
    if (connection === undefined || !hasChannels(connection)) return undefined
    return connection.subscriptions.has(channel) ? connection : undefined
  }
}
