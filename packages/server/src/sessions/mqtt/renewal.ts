/**
 * Re-authentication (§4.12.1): a client shows a new token on the connection it has. Its session,
 * subscriptions and messages stay; what the connection rests on, its end, its rules and its limits
 * are those of the new token from then on. It has to be of the same principal and app.
 */
import { encodePacket } from '@lockgate/protocol/mqtt/encode'
import type { Auth } from '@lockgate/protocol/mqtt/packets'
import { REASON } from '@lockgate/protocol/mqtt/reason-codes'
import { refuse, type Result } from '@lockgate/protocol/result'
import type { RefusalCode } from '../../core/refusals.ts'
import type { MqttIdentity } from '../../credentials/mqtt/mqtt-identity.ts'
import type { MqttClient } from './client.ts'

/** User property of AUTH: the user name of the new token, where it is not that of CONNECT. */
const USERNAME = 'username'

/** Our bound: each asks who it is, and for every subscription again. Few need one a minute. */
export const RENEWALS_PER_MINUTE_MAX = 60
const MINUTE_MS = 60_000

export class Renewal {
  readonly #client: MqttClient
  #isWaiting = false
  /** Since when they are counted. */
  #minuteAtMs = Number.NEGATIVE_INFINITY
  #minuteCount = 0

  constructor(client: MqttClient) {
    this.#client = client
  }

  receive({ reason, properties }: Auth): void {
    const client = this.#client
    const method = client.terms.authenticationMethod
    // [MQTT-4.12.0-6], [MQTT-4.12.1-1]: the same method, and one at a time.
    if (method === undefined || properties.authenticationMethod !== method) {
      return client.violated(REASON.protocolError, 'AUTH is for the method of CONNECT.')
    }
    if (reason !== REASON.reauthenticate || this.#isWaiting) {
      return client.violated(REASON.protocolError, 'Nothing was asked that this AUTH answers.')
    }
    if (properties.authenticationData === undefined) {
      return client.violated(REASON.protocolError, 'AUTH shows no token.')
    }
    if (this.#isTooMany()) return void client.end('rate_limited')
    const { username, origin, isWebSocket, isTls } = client.start
    const named = properties.userProperties?.find(([name]) => name === USERNAME)?.[1]
    const outcome = client.deps.door.authenticate(
      {
        username: named ?? username,
        password: properties.authenticationData.slice(),
        clientId: client.terms.clientId,
        origin,
        isWebSocket,
        isTls,
      },
      client.source,
    )
    if (!(outcome instanceof Promise)) return this.#decided(outcome)
    this.#isWaiting = true
    const askedAtMs = client.deps.clock.monotonicMs()
    client.socket.later(outcome, (decided) => {
      this.#isWaiting = false
      const { ended } = client.deps.hub
      // What revokes the new token meanwhile does not find it at a connection.
      const isOver = decided.ok && ended.hasEnded(decided.value.reliances, askedAtMs)
      this.#decided(isOver ? refuse('credential_revoked') : decided)
    })
  }

  #isTooMany(): boolean {
    const nowMs = this.#client.deps.clock.monotonicMs()
    if (nowMs - this.#minuteAtMs >= MINUTE_MS) {
      this.#minuteAtMs = nowMs
      this.#minuteCount = 0
    }
    return ++this.#minuteCount > RENEWALS_PER_MINUTE_MAX
  }

  #decided(outcome: Result<MqttIdentity, RefusalCode>): void {
    const client = this.#client
    if (client.endedBy !== undefined) return
    if (!outcome.ok) return void client.end(outcome.refusal)
    const { owner, loaded } = outcome.value
    // A connection never becomes somebody else's: its session is its owner's.
    if (owner !== client.identity.owner || loaded.app.id !== client.space.app.id) {
      return void client.end('operation_denied', { text: 'The new token is of somebody else.' })
    }
    client.renewed(outcome.value)
    // Its will is published by what it may from now on.
    client.deps.wills.left(client.state, client)
    const { authenticationMethod } = client.terms
    const properties = authenticationMethod === undefined ? {} : { authenticationMethod }
    client.send(encodePacket({ kind: 'auth', reason: REASON.success, properties }, 5))
  }
}
