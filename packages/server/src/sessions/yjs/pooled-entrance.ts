/**
 * From the token of one document to its place in it. Contract WireSocket 7: each document of a
 * socket is authenticated and limited alone.
 */
import { isDocumentName } from '@lockgate/protocol/yjs/document-name'
import type { EditorAnswer } from '../../credentials/documents/editor-identity.ts'
import type { RefusalCode } from '../../core/refusals.ts'
import { EditedDocument } from './edited-document.ts'
import type { EditingHost, ShownToken } from './editing.ts'
import type { Editor } from './editor.ts'
import type { PooledDocument } from './pooled-document.ts'
import type { PooledEditing } from './pooled-editing.ts'
import type { Refused } from './wire-refusals.ts'
import { AUTH_MS_MAX } from './yjs-deps.ts'

interface Opening {
  readonly document: PooledDocument
  /** As it came; empty: the one of the upgrade is meant. */
  readonly token: string
}

/** Goes on until the document is open or refused. */
export function openPooled(opening: Opening, pool: PooledEditing, host: EditingHost): void {
  const { document, token } = opening
  const { facts, deps } = host
  const named = facts.documentName ?? document.name
  if (!isDocumentName(document.name) || named !== document.name) {
    return pool.refuse(document, { refusal: 'document_name_invalid' })
  }
  const { shown } = facts
  if (token === '' && shown !== undefined && stillHolds(shown, pool, host)) {
    return letIn(document, shown, { pool, host })
  }
  const meant = token === '' ? shown?.token : token
  if (meant === undefined) {
    return pool.refuse(document, { refusal: deps.door.missing(facts.source) })
  }
  const { origin, isTls, source } = facts
  const askedAtMs = deps.clock.monotonicMs()
  const goOn = (answer: EditorAnswer) => {
    if (host.isOver || document.state !== 'opening') return
    if (!answer.ok) return pool.refuse(document, answer)
    letIn(document, { token: meant, identity: answer.value, askedAtMs }, { pool, host })
  }
  const answer = deps.door.authenticate({ token: meant, origin, isTls }, source)
  if (answer instanceof Promise) host.later(answer, goOn)
  else goOn(answer)
}

/** A token of the upgrade that nobody is here with may have expired since. */
function stillHolds(shown: ShownToken, pool: PooledEditing, { deps }: EditingHost): boolean {
  const ageMs = deps.clock.monotonicMs() - shown.askedAtMs
  return pool.editorOf(shown.token) !== undefined || ageMs < AUTH_MS_MAX
}

interface Place {
  readonly pool: PooledEditing
  readonly host: EditingHost
}

function letIn(document: PooledDocument, shown: ShownToken, place: Place): void {
  const { pool, host } = place
  const { identity, token } = shown
  if (!identity.mayRead(document.name)) {
    const { source } = host.facts
    const target = { kind: 'document', id: document.name }
    const denied = { action: 'auth.denied', reason: 'operation_denied', source, target } as const
    host.deps.recordDenial(denied, identity.loaded.app)
    return pool.refuse(document, { refusal: 'operation_denied' })
  }
  const known = pool.editorOf(token)
  if (known !== undefined) return open(document, known, place)
  const entrance = host.enter(shown)
  if (entrance.ok) {
    pool.entered(token, entrance.editor)
    return open(document, entrance.editor, place)
  }
  const refused: Refused = entrance
  // Nobody is here yet: there is no room for the connection itself.
  if (pool.hasEditors) pool.refuse(document, refused)
  else host.refuse(refused)
}

function open(document: PooledDocument, editor: Editor, { pool, host }: Place): void {
  const { name, frames } = document
  document.editor = editor
  const fail = (refused: Refused) => pool.refuse(document, refused)
  const request = {
    name,
    host: host.facts.host,
    encoder: frames,
    isReadOnly: !editor.identity.mayWrite(name),
    limits: editor.identity.documentLimits,
    ended: (refusal: RefusalCode) => fail({ refusal }),
  }
  host.later(host.deps.documents.open(editor.space, editor, request), (answer) => {
    const isWanted = !host.isOver && document.state === 'opening' && document.editor === editor
    if (answer.ok && !isWanted) return answer.value.leave()
    if (!isWanted) return
    if (!answer.ok) return fail({ refusal: answer.refusal, about: answer.about })
    const start = { name, editor, seat: answer.value, frames, failed: fail }
    pool.opened(document, new EditedDocument(start, host))
  })
}
