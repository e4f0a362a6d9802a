/**
 * Reads what the application signed for its user: `channel_data` and `user_data`. Only called after
 * the signature held. Contract 1B.4 and 1D. Pure.
 */
import { isLongerThan, parseJsonObject } from '@lockgate/protocol/bytes'
import { isUserId, USER_ID_LENGTH_MAX } from '@lockgate/protocol/pusher/channel-name'
import { JSON_DEPTH_MAX } from '@lockgate/protocol/pusher/codec'
import { ok, refuse, type Result } from '@lockgate/protocol/result'
import type { SignedInUser } from '../../core/connection.ts'
import type { Member } from '../../core/presence.ts'
import type { RefusalCode } from '../../core/refusals.ts'
import { WATCHLIST_LENGTH_MAX } from '../../core/users.ts'

/** @param channelData raw JSON text. */
export function readMember(
  channelData: string,
  memberBytesMax: number,
): Result<Member, RefusalCode> {
  if (isLongerThan(channelData, memberBytesMax)) return refuse('member_large')
  const data = parseJsonObject(channelData, JSON_DEPTH_MAX)
  const userId = data?.['user_id']
  if (data === undefined || !isMemberId(userId)) return refuse('member_malformed')
  return ok({ userId, userInfo: data['user_info'] })
}

/**
 * @param userData raw JSON text.
 * @returns the user and whether its watch-list was cut to the first {@link WATCHLIST_LENGTH_MAX}
 * ids.
 */
export function readUser(
  userData: string,
): Result<{ user: Omit<SignedInUser, 'restsOn'>; isWatchlistCut: boolean }, RefusalCode> {
  const data = parseJsonObject(userData, JSON_DEPTH_MAX)
  const id = data?.['id']
  if (data === undefined || typeof id !== 'string' || !isUserId(id)) {
    return refuse('sign_in_invalid', 'user_data is JSON with the id of the user as text.')
  }
  const watchlist = data['watchlist'] ?? []
  if (!Array.isArray(watchlist) || !watchlist.every(isWatchable)) {
    return refuse('sign_in_invalid', 'watchlist is a list of user ids.')
  }
  const distinct = [...new Set(watchlist)]
  const user = {
    id,
    info: data['user_info'],
    watchlist: distinct.slice(0, WATCHLIST_LENGTH_MAX),
  }
  return ok({ user, isWatchlistCut: distinct.length > WATCHLIST_LENGTH_MAX })
}

/** Some applications number their users; both forms are kept as signed. */
function isMemberId(value: unknown): value is string | number {
  if (typeof value === 'number') return Number.isSafeInteger(value)
  return typeof value === 'string' && value !== '' && value.length <= USER_ID_LENGTH_MAX
}

function isWatchable(value: unknown): value is string {
  return typeof value === 'string' && isUserId(value)
}
