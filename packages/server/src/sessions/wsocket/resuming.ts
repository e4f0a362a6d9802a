/**
 * Gives a client back what it missed (contract wSocket 6). What it shows is untrusted: each channel
 * is checked like a subscription, those that are refused are said one by one, the rest goes on.
 */
import { decodeResumeToken } from '@lockgate/protocol/wsocket/resume-token'
import { resumeAckFrame } from '@lockgate/protocol/wsocket/frames'
import { Outage } from '../../ports/outage.ts'
import type { WSocketClient } from './client.ts'
import { subscribe, type SubscribeOutcome } from './subscribing.ts'

/** Ours: a token names thousands, each of which costs as much as a frame; half a millisecond. */
export const CHANNELS_PER_TURN = 50

export async function takeResume(client: WSocketClient, token: string): Promise<void> {
  const decoded = decodeResumeToken(token)
  if (!decoded.ok) return client.answers.refuse('resume_failed', {}, decoded.detail)
  const { channels, sinceMs, sessionId, hasMore } = decoded.value
  const point = client.resumeTokens.resume(sessionId)
  const timestampMs = point?.afterMs ?? sinceMs
  const back: string[] = []
  let recovered = point !== undefined || hasMore !== true
  for (const [index, channel] of (point?.channels ?? channels).entries()) {
    // Before the first too: the next token may be here already, and then comes in its own turn.
    if (index % CHANNELS_PER_TURN === 0) await nextTurn(client)
    if (!client.isOpen) return
    const outcome = await subscribeAgain(client, channel, timestampMs)
    if (outcome !== 'refused') back.push(channel)
    if (outcome === 'lost') client.answers.refuse('history_gap', { channel })
    if (outcome !== 'subscribed') recovered = false
  }
  if (!client.isOpen) return
  const resumeToken = client.resumeTokens.issue()
  client.outbox.send(resumeAckFrame({ recovered, channels: back, resumeToken }))
}

/** Others have their turn, and the client has read what it was told. */
async function nextTurn(client: WSocketClient): Promise<void> {
  await new Promise<void>((resolve) => client.deps.turns.next(resolve))
  await client.whenRoom?.()
}

/** What cannot be read of one channel does not keep the others away. */
async function subscribeAgain(
  client: WSocketClient,
  channel: string,
  timestampMs: number,
): Promise<SubscribeOutcome> {
  try {
    return await subscribe(client, channel, { kind: 'after', timestampMs })
  } catch (error) {
    if (!(error instanceof Outage)) throw error
    client.answers.refuse('unavailable', { channel })
    return 'refused'
  }
}
