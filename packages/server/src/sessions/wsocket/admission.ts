/**
 * Decides on a wSocket upgrade before the 101 answer. Contract wSocket 1: SDKs know a refused
 * handshake and an open connection, and nothing in between, so who may not come in is told with an
 * HTTP status. `key=` or `token=` at the root of the prefix (decision 12).
 */
import type { Limited, LimitRefusal } from '../../core/limits/limit-refusal.ts'
import type { Source } from '../../core/source.ts'
import type { MessageIdentity } from '../../credentials/messages/message-identity.ts'
import { showsCredentials } from '../../credentials/messages/shown-credentials.ts'
import type { Random } from '../../ports/random.ts'
import type { Admission, UpgradeRequest, WebSocketProtocol } from '../session.ts'
import { WSocketSession } from './session.ts'
import type { WSocketDeps } from './wsocket-deps.ts'
import { WSocketLimits } from './wsocket-limits.ts'

const ROOT = /^\/?$/
/**
 * The contract's hard limit (part 11): the most an app may allow for one message, and its envelope.
 * What is larger than the app allows is told, and so are resume tokens that are too long.
 */
export const FRAME_BYTES_MAX = 1_048_576 + 16_384
/** 128 bits: it is the name of who is not named otherwise. */
const ID_BYTES = 16

export function wsocketProtocol(deps: WSocketDeps): WebSocketProtocol {
  return {
    frameBytesMax: FRAME_BYTES_MAX,
    admit(request) {
      if (!request.isUnderPrefix || !ROOT.test(request.path)) return undefined
      if (!showsCredentials(request.query)) return undefined
      return admitShown(request, deps)
    },
  }
}

function admitShown(request: UpgradeRequest, deps: WSocketDeps): Admission | Promise<Admission> {
  const { query, origin, isTls } = request
  const source = { ...request.source(), protocol: 'wsocket' }
  const askedAtMs = deps.clock.monotonicMs()
  const outcome = deps.door.authenticate({ query, origin, isTls }, source)
  const goOn = (known: Limited<MessageIdentity>) =>
    known.ok ? admitKnown(known.value, { source, askedAtMs }, deps) : refused(known)
  return outcome instanceof Promise ? outcome.then(goOn) : goOn(outcome)
}

function admitKnown(
  identity: MessageIdentity,
  from: { readonly source: Source; readonly askedAtMs: number },
  deps: WSocketDeps,
): Admission {
  const space = deps.hub.space(identity.loaded.app)
  const id = freshId(deps.random)
  const start = { ...from, id, space, identity }
  const full = new WSocketLimits(start, deps).connectTo(space)
  if (full !== undefined) return refused(full)
  return {
    kind: 'session',
    isPinged: true,
    frameBytesMax: FRAME_BYTES_MAX,
    start: (outbox, inflow) => new WSocketSession({ ...start, outbox, inflow }, deps),
  }
}

function refused(refusal: Extract<Limited<unknown>, { ok: false }>): Admission {
  const limited: LimitRefusal | undefined = 'reading' in refusal ? refusal : undefined
  return {
    kind: 'refused_http',
    refusal: refusal.refusal,
    ...(limited === undefined ? {} : { limited }),
    ...(refusal.detail === undefined ? {} : { detail: refusal.detail }),
  }
}

function freshId(random: Random): string {
  return Buffer.from(random.bytes(ID_BYTES)).toString('base64url')
}
