/** What the HTTP API tells about channels: the `info` attributes. Contract 1G.2. */
import { ok, refuse, type Result } from '@lockgate/protocol/result'
import type { AppSpace } from '../../core/app-space.ts'
import type { Channel, ChannelAddress } from '../../core/channel.ts'
import type { RefusalCode } from '../../core/refusals.ts'

export type InfoName = 'user_count' | 'subscription_count' | 'cache'

const INFO_NAMES: readonly InfoName[] = ['user_count', 'subscription_count', 'cache']

/** @param value a comma-separated list; untrusted. @returns undefined when nothing is asked for. */
export function readInfo(value: unknown): Result<readonly InfoName[] | undefined, RefusalCode> {
  if (value === undefined || value === null || value === '') return ok(undefined)
  if (typeof value !== 'string') return refuse('request_malformed', INFO_TEXT)
  const names: InfoName[] = []
  for (const part of value.split(',', INFO_NAMES.length + 1)) {
    const name = INFO_NAMES.find((known) => known === part.trim())
    if (name === undefined) return refuse('request_malformed', INFO_TEXT)
    names.push(name)
  }
  return ok(names)
}

/** @returns the counts asked for that channels of this kind have. */
export function describeChannel(
  space: AppSpace,
  address: ChannelAddress,
  info: readonly InfoName[],
): Record<string, number> {
  return countsOf(space.channels.get(address.name), address, info)
}

export function countsOf(
  channel: Channel | undefined,
  address: ChannelAddress,
  info: readonly InfoName[],
): Record<string, number> {
  const counts: Record<string, number> = {}
  if (info.includes('user_count') && address.kind === 'presence') {
    counts['user_count'] = channel?.roster?.size ?? 0
  }
  if (info.includes('subscription_count')) {
    counts['subscription_count'] = channel?.subscribers.size ?? 0
  }
  return counts
}

const INFO_TEXT = 'info is a list of user_count, subscription_count and cache, with commas.'
