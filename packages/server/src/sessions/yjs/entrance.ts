/** Letting an editor in: who was proved to be somebody, as far as plan and limits have room. */
import { ok, type Result, refuse } from '@lockgate/protocol/result'
import type { RefusalCode } from '../../core/refusals.ts'
import { relianceOn } from '../../core/reliance.ts'
import { admitApp } from '../../credentials/app-directory.ts'
import type { LoadedApp } from '../../credentials/app-directory.ts'
import { userOf } from '../lifetime.ts'
import type { EditingHost, Entrance, ShownToken } from './editing.ts'
import { Editor } from './editor.ts'
import { EditorLimits } from './editor-limits.ts'
import type { YjsDeps } from './yjs-deps.ts'

/** @param ended told when something outside of the connection ends the editor. */
export function enter(
  shown: Omit<ShownToken, 'token'>,
  { deps, facts, outbox }: Pick<EditingHost, 'deps' | 'facts' | 'outbox'>,
  ended: (editor: Editor, refusal: RefusalCode) => void,
): Entrance {
  const { hub, documents, clock, random } = deps
  const { identity } = shown
  const present = stillThere(shown, deps)
  if (!present.ok) return present
  const space = hub.space(present.value.app)
  const id = `${random.uint32()}.${random.uint32()}`
  const { source } = facts
  const limits = new EditorLimits({ id, identity, source }, deps)
  const limited = limits.connectTo(space)
  if (limited !== undefined) return { ok: false, refusal: limited.refusal, limited }
  const admitted = documents.admit(space, identity.documentLimits)
  if (!admitted.ok) return { ok: false, refusal: admitted.refusal, about: admitted.about }
  const openedAt = { monotonicMs: clock.monotonicMs(), epochMs: clock.nowMs() }
  const revoked = (editor: Editor, refusal: RefusalCode) =>
    ended(editor, refusal === 'authority_revoked' ? whyRevoked(editor, deps) : refusal)
  const start = { id, identity, space, source, outbox, limits, openedAt, ended: revoked }
  const editor = new Editor(start)
  hub.connect(space, editor)
  const user = userOf(identity)
  if (user !== undefined) hub.recognize(space, editor, user)
  return { ok: true, editor }
}

/** Nobody is found in the hub before; what closes connections did not reach this one. */
function stillThere(
  { identity, askedAtMs }: Omit<ShownToken, 'token'>,
  { hub, directory, clock }: YjsDeps,
): Result<LoadedApp, RefusalCode> {
  const { id: appId, tenantId } = identity.loaded.app
  const all = [relianceOn({ kind: 'app', appId }), relianceOn({ kind: 'tenant', tenantId })]
  const loaded = directory.findById(appId)
  if (loaded === undefined) return refuse('app_unknown')
  const admitted = admitApp(loaded, clock.nowMs())
  if (!admitted.ok) return admitted
  return hub.ended.hasEnded([...identity.reliances, ...all], askedAtMs)
    ? refuse('credential_revoked')
    : ok(loaded)
}

/** An app that is gone or switched off is another thing than a key that is. */
function whyRevoked({ space }: Editor, { directory, clock }: YjsDeps): RefusalCode {
  const loaded = directory.findById(space.app.id)
  if (loaded === undefined) return 'app_unknown'
  const admitted = admitApp(loaded, clock.nowMs())
  return admitted.ok ? 'authority_revoked' : admitted.refusal
}
