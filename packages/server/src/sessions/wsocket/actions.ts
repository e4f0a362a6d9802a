/** Which action a frame of a client is (contract wSocket 2). */
import type { ClientFrame } from '@lockgate/protocol/wsocket/codec'
import { PONG } from '@lockgate/protocol/wsocket/frames'
import type { About } from './answers.ts'
import type { WSocketClient } from './client.ts'
import { takeHistory } from './history.ts'
import { takeEnter, takeLeave, takeMembers } from './presence.ts'
import { takePublish } from './publishing.ts'
import { takeResume } from './resuming.ts'
import { takeSubscribe, takeUnsubscribe } from './subscribing.ts'

/** @returns a promise where the next frame has to wait. @throws Outage */
export function act(client: WSocketClient, frame: ClientFrame): unknown {
  switch (frame.action) {
    case 'ping':
      return client.outbox.send(PONG)
    case 'subscribe':
      return takeSubscribe(client, frame)
    case 'unsubscribe':
      return takeUnsubscribe(client, frame.channel)
    case 'publish':
      return takePublish(client, frame)
    case 'history':
      return takeHistory(client, frame)
    case 'presence.enter':
    case 'presence.update':
      return takeEnter(client, frame)
    case 'presence.leave':
      return takeLeave(client, frame.channel)
    case 'presence.get':
      return takeMembers(client, frame.channel)
    case 'resume':
      return takeResume(client, frame.token)
    default:
      return frame satisfies never
  }
}

export function aboutOf(frame: ClientFrame): About {
  return {
    channel: 'channel' in frame ? frame.channel : undefined,
    id: 'id' in frame ? frame.id : undefined,
  }
}
