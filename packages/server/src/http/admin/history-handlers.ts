/** The operations on messages of channels that are kept. */
import { ok } from '@lockgate/protocol/result'
import type { Handlers } from './handlers.ts'

export const historyHandlers: Pick<Handlers, 'history.show' | 'history.delete'> = {
  async 'history.show'({ parameters }, { deps }) {
    const found = await deps.historyChanges.usage(parameters.appId)
    if (!found.ok) return found
    const { messageCount, byteCount: bytes, loaded } = found.value
    const { id: appId, settings } = loaded.app
    const { historyBytesMax: bytesMax, history: retention } = settings
    return ok({ appId, messageCount, bytes, bytesMax, retention })
  },
  'history.delete'({ parameters, body }, { deps, caller }) {
    const { before, channel, reason } = body
    const beforeMs = before === undefined ? undefined : Date.parse(before)
    return deps.historyChanges.delete({ ...parameters, channel, beforeMs, reason }, caller)
  },
}
