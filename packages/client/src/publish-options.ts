/** What goes with a message beside its payload. Pure. */
import type { IClientPublishOptions } from 'mqtt'
import type { Qos } from './client-options.ts'
import type { Payload } from './message.ts'

export type UserProperties = Readonly<Record<string, string | string[]>>

export interface PublishOptions {
  readonly qos?: Qos
  readonly retain?: boolean
  /** The broker forgets it after so many seconds. MQTT 5.0 only, as is everything below. */
  readonly expirySeconds?: number
  readonly contentType?: string
  readonly responseTopic?: string
  readonly correlationData?: Uint8Array
  readonly userProperties?: UserProperties
}

type Properties = NonNullable<IClientPublishOptions['properties']>

export function propertiesOf(options: PublishOptions, payload: Payload): Properties {
  const { contentType, responseTopic, correlationData, userProperties } = options
  return {
    // §3.3.2.3.2
    ...(payload instanceof Uint8Array ? {} : { payloadFormatIndicator: true }),
    ...(contentType === undefined ? {} : { contentType }),
    ...(responseTopic === undefined ? {} : { responseTopic }),
    // MQTT.js takes any bytes; its types know those of Node alone.
    ...(correlationData === undefined ? {} : { correlationData: correlationData as Buffer }),
    ...withPairs(userProperties),
  }
}

/** Without names that have no value, and without an empty list, neither of which MQTT.js writes. */
function withPairs(named: UserProperties = {}): Pick<Properties, 'userProperties'> {
  const pairs = Object.entries(named).filter(([, value]) => value.length > 0 || value === '')
  return pairs.length === 0 ? {} : { userProperties: Object.fromEntries(pairs) }
}

/** @returns the payload with more fields, where it is an object that can take them. */
export function withFields(payload: Payload, fields: Readonly<Record<string, unknown>>): Payload {
  const isPlain =
    typeof payload === 'object' &&
    payload !== null &&
    !Array.isArray(payload) &&
    !(payload instanceof Uint8Array)
  return isPlain ? { ...payload, ...fields } : payload
}
