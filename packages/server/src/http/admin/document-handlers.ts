/** The operations on documents that are kept. */
import { ok } from '@lockgate/protocol/result'
import type { ShownDocument } from '../../credentials/administration/document-changes.ts'
import type { Handlers } from './handlers.ts'
import { PAGE_COUNT_DEFAULT, readCursor, writeCursor } from './paging.ts'
import { timeText } from './shapes.ts'

const LIST = 'documents'

export const documentHandlers: Pick<Handlers, 'documents.list' | 'documents.delete'> = {
  async 'documents.list'({ parameters }, { deps }) {
    const { appId, cursor, limit = PAGE_COUNT_DEFAULT } = parameters
    const read = cursor === undefined ? ok([]) : readCursor(LIST, cursor)
    if (!read.ok) return read
    const [last] = read.value
    const after = last === undefined ? undefined : String(last)
    const found = await deps.documentChanges.list({ appId, after, countMax: limit + 1 })
    if (!found.ok) return found
    const shown = found.value.slice(0, limit)
    const items = shown.map(documentShape)
    const end = shown.at(-1)
    if (end === undefined || found.value.length <= limit) return ok({ items })
    return ok({ items, nextCursor: writeCursor(LIST, [end.name]) })
  },
  'documents.delete'({ parameters, body }, { deps, caller }) {
    return deps.documentChanges.delete({ ...parameters, ...body }, caller)
  },
}

function documentShape(document: ShownDocument) {
  const { name, byteCount: bytes, updateCount, isOpen, createdAtMs, openedAtMs } = document
  const times = { createdAt: timeText(createdAtMs), openedAt: timeText(openedAtMs) }
  return { name, bytes, updateCount, isOpen, ...times }
}
