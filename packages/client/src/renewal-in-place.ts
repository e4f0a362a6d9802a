/**
 * Re-authentication (MQTT 5.0 §4.12.1): shows the broker a new token on the connection there is.
 * One at a time; a later one takes the place of the one before,
 * which then counts as done.
 */
import type { MqttClient } from 'mqtt'
import { ClientError } from './client-error.ts'
import { sendPacket } from './mqtt-answers.ts'
import type { System } from './system.ts'

export interface Credentials {
  readonly username: string
  readonly password: string
}

/** The broker's name of the method by which a token is shown and renewed. */
export const TOKEN_METHOD = 'lockgate-token'
const REAUTHENTICATE = 0x19
const ANSWER_MS_MAX = 10_000

export class RenewalInPlace {
  readonly #system: System
  #settle: ((error?: ClientError) => void) | undefined

  constructor(system: System) {
    this.#system = system
  }

  /** @throws ClientError `connection_lost` where there is no answer in time, or none at all. */
  show(client: MqttClient, { username, password }: Credentials): Promise<void> {
    this.settle()
    return new Promise((resolve, reject) => {
      const stop = this.#system.after(ANSWER_MS_MAX, () =>
        this.settle(new ClientError('connection_lost')),
      )
      this.#settle = (error) => {
        stop()
        if (error === undefined) resolve()
        else reject(error)
      }
      sendPacket(client, {
        cmd: 'auth',
        reasonCode: REAUTHENTICATE,
        properties: {
          authenticationMethod: TOKEN_METHOD,
          authenticationData: new TextEncoder().encode(password) as Buffer,
          userProperties: { username },
        },
      })
    })
  }

  /** The broker has taken it, or the connection is gone. */
  settle(error?: ClientError): void {
    const settle = this.#settle
    this.#settle = undefined
    settle?.(error)
  }
}
