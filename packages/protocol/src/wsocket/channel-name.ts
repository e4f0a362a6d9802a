/**
 * Channel names of the wSocket protocol. Contract wSocket 11, row "channel name sanitising": a name
 * is refused, never rewritten, because rewriting could cross permissions. ASCII alone, so that no
 * two names look alike and no normal form matters. Pure.
 */
import { ok, refuse, type Result } from '../result.ts'

export type ChannelName = string & { readonly brand: 'WSocketChannelName' }

/** The contract's bound. */
export const CHANNEL_NAME_LENGTH_MAX = 200

/** A colon cuts segments, so none stands at either end. */
const NAME = /^[A-Za-z0-9_\-.@=,](?:[A-Za-z0-9_\-.@=,:]*[A-Za-z0-9_\-.@=,])?$/
/** The vendor's own; names that begin with `$` are outside the alphabet. */
const RESERVED_PREFIX = 'support:'

/** @param text untrusted. */
export function parseChannelName(text: string): Result<ChannelName, 'channel_invalid'> {
  if (text.length > CHANNEL_NAME_LENGTH_MAX || !NAME.test(text)) return refuse('channel_invalid')
  if (text.startsWith(RESERVED_PREFIX)) {
    return refuse('channel_invalid', 'Channels that begin with support: are reserved.')
  }
  return ok(text as ChannelName)
}
