/** `POST /v2/tokens/refresh`: a new password for a token that lives (contract CloudSignal 2.4). */
import { REFUSALS, type RefusalCode } from '../../core/refusals.ts'
import type { RefreshRefusal } from '../../credentials/connection-tokens/token-refreshing.ts'
import { refusal, type ServiceRefusal } from './answers.ts'
import { addressOf, FOREIGN_ORIGIN, overLimit } from './callers.ts'
import { invalid } from './create.ts'
import { type Answered, answered, refused, type ServiceCall } from './deps.ts'
import { readText } from './fields.ts'
import { tokenShape } from './shapes.ts'

export async function answerRefresh(call: ServiceCall): Promise<Answered> {
  const { tokens, refreshing, clock } = call.deps
  const byAddress = overLimit('token_refresh.ip', addressOf(call), call)
  if (byAddress !== undefined) return refused(byAddress)
  const tokenId = readText(call.body, 'token_id')
  if (!tokenId.ok) return refused(invalid(tokenId.detail))
  const password = readText(call.body, 'current_token_password')
  if (!password.ok) return refused(invalid(password.detail))
  const known = tokens.find(password.value)
  if (known.ok) {
    const { loaded, lineage } = known.value
    if (!call.concerns(loaded.app.id)) return refused(FOREIGN_ORIGIN)
    // Asked of who may refresh it: nobody uses up its limit by its id, or an old password.
    const limited = refreshing.mayAsk(known.value)
      ? overLimit('token_refresh.token', lineage.record.id, call)
      : undefined
    if (limited !== undefined) return refused(limited)
  }
  const wanted = { tokenId: tokenId.value, password: password.value }
  const refreshed = await refreshing.refresh(wanted, call.source)
  if (!refreshed.ok) return refused(refreshRefusal(refreshed.refusal, refreshed.detail))
  const loaded = call.deps.apps.findById(refreshed.value.record.appId)
  if (loaded === undefined) return refused(INVALID)
  return answered(tokenShape({ minted: refreshed.value, loaded, nowMs: clock.nowMs() }))
}

function refreshRefusal(code: RefreshRefusal, detail: string | undefined): ServiceRefusal {
  switch (code) {
    case 'invalid_token':
      return INVALID
    case 'token_expired':
      return refusal('token_expired', detail ?? 'The token has expired. Create another one.')
    case 'token_revoked':
      return refusal('token_revoked', 'The token was revoked or replaced. Create another one.')
    case 'app_closed':
      return refusal('organization_disabled', REFUSALS[detail as RefusalCode].text)
    case 'unavailable':
      return refusal('unavailable', 'Tokens are being read. Try again in a moment.')
    default:
      return code satisfies never
  }
}

const INVALID = refusal('invalid_token', 'token_id and current_token_password do not go together.')
