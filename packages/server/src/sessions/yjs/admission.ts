/**
 * Decides on the upgrade of an editor before the 101 answer. Contract WireSocket 5 and 5.1: whoever
 * shows a token is told at once what is wrong with it, in a close code that browsers can see; who
 * shows none may be a Hocuspocus client, which signs in over the connection.
 */
import {
  readUpgradeTarget,
  type TargetDocument,
  type UpgradeTarget,
} from '@lockgate/protocol/yjs/upgrade-target'
import { chargeAddress } from '../../core/limits/address-policy.ts'
import type { RefusalCode } from '../../core/refusals.ts'
import type { Source } from '../../core/source.ts'
import type { EditorAnswer, EditorIdentity } from '../../credentials/documents/editor-identity.ts'
import type { AppSettings } from '../../ports/records/app.ts'
import type { Admission, UpgradeRequest, WebSocketProtocol } from '../session.ts'
import type { UpgradeFacts } from './editing.ts'
import { YjsSession } from './session.ts'
import { holdMsOf, isHeldBack, yjsFarewell } from './wire-refusals.ts'
import { FRAME_BYTES_MAX, type YjsDeps } from './yjs-deps.ts'

/** Contract 1A.1: whatever is below it belongs to Pusher, so no document is called `app`. */
const PUSHER_PATH = /^\/app(?:\/|$)/

/** Takes whatever the router says is an editor's; on a listener of its own that is all but this. */
export function yjsProtocol(deps: YjsDeps): WebSocketProtocol {
  return {
    frameBytesMax: FRAME_BYTES_MAX,
    admit(request) {
      if (!request.isUnderPrefix || PUSHER_PATH.test(request.path)) return undefined
      const source = { ...request.source(), protocol: 'yjs' }
      // Before the 101: clients that come back at once after a close come back later after this.
      const limited = chargeAddress(deps.guard, 'documents_connect.ip', () => source)
      if (limited !== undefined) return { kind: 'refused_http', refusal: limited.refusal, limited }
      const target = readUpgradeTarget(request, deps.prefixes)
      return new YjsAdmission({ request, target, source }, deps).decide()
    },
  }
}

interface Asked {
  readonly request: UpgradeRequest
  readonly target: UpgradeTarget
  readonly source: Source
}

class YjsAdmission {
  readonly #request: UpgradeRequest
  readonly #target: UpgradeTarget
  readonly #deps: YjsDeps
  readonly #source: Source

  constructor(asked: Asked, deps: YjsDeps) {
    this.#request = asked.request
    this.#target = asked.target
    this.#source = asked.source
    this.#deps = deps
  }

  decide(): Admission | Promise<Admission> {
    const { document, token } = this.#target
    if (document.kind === 'invalid') return this.#refused('document_name_invalid', undefined)
    if (token === undefined) return this.#session(undefined)
    const { origin, isTls } = this.#request
    const askedAtMs = this.#deps.clock.monotonicMs()
    const answer = this.#deps.door.authenticate({ token, origin, isTls }, this.#source)
    const settle = (later: EditorAnswer) => this.#settle(later, { token, document, askedAtMs })
    return answer instanceof Promise ? answer.then(settle) : settle(answer)
  }

  #settle(
    answer: EditorAnswer,
    asked: {
      readonly token: string
      readonly document: TargetDocument
      readonly askedAtMs: number
    },
  ): Admission {
    if (!answer.ok) return this.#refused(answer.refusal, answer.settings)
    const identity = answer.value
    const { document, token, askedAtMs } = asked
    if (document.kind === 'named' && !identity.mayRead(document.name)) {
      return this.#denied(document.name, identity)
    }
    return this.#session({ token, identity, askedAtMs })
  }

  #denied(name: string, { loaded }: EditorIdentity): Admission {
    const reason = 'operation_denied'
    const target = { kind: 'document', id: name }
    const denied = { action: 'auth.denied', reason, source: this.#source, target } as const
    this.#deps.recordDenial(denied, loaded.app)
    return this.#refused(reason, loaded.app.settings)
  }

  #session(shown: UpgradeFacts['shown']): Admission {
    const { origin, isTls, host } = this.#request
    const { document, subprotocol } = this.#target
    const documentName = document.kind === 'named' ? document.name : undefined
    const facts = { source: this.#source, origin, isTls, host, documentName, shown }
    return {
      kind: 'session',
      start: (outbox, inflow) => new YjsSession({ outbox, inflow, facts }, this.#deps),
      isPinged: true,
      frameBytesMax: FRAME_BYTES_MAX,
      ...(subprotocol === undefined ? {} : { subprotocol }),
    }
  }

  #refused(refusal: RefusalCode, settings: AppSettings | undefined): Admission {
    if (refusal === 'origin_refused' && settings?.documentOriginRefusal === 'http') {
      return { kind: 'refused_http', refusal }
    }
    const { subprotocol } = this.#target
    const { code: closeCode, reason } = yjsFarewell({ refusal }, settings?.documentCloseCodes)
    return {
      kind: 'refused_frame',
      refusal,
      frame: undefined,
      closeCode,
      reason,
      ...(isHeldBack(closeCode) ? { holdMs: holdMsOf(this.#deps.random.uint32()) } : {}),
      ...(subprotocol === undefined ? {} : { subprotocol }),
    }
  }
}
