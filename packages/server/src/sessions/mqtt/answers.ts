/** Packets that answer a client, encoded. What MQTT 3.1.1 cannot say is left out by the codec. */
import { encodePacket } from '@lockgate/protocol/mqtt/encode'
import type { Acknowledgement } from '@lockgate/protocol/mqtt/packets'
import { NO_PROPERTIES, type Properties } from '@lockgate/protocol/mqtt/properties'
import { FAILURE_FROM, type ReasonCode } from '@lockgate/protocol/mqtt/reason-codes'
import type { ConnectTerms } from './connect-terms.ts'

type Told = Pick<ConnectTerms, 'level' | 'packetBytesMax' | 'wantsReasons'>

export function acknowledgement(
  kind: Acknowledgement['kind'],
  of: { readonly packetId: number; readonly reason: ReasonCode; readonly text?: string },
  told: Told,
): Uint8Array {
  const { packetId, reason, text } = of
  return fitting({ kind, packetId, reason }, propertiesOf(text, told), told)
}

/** @param text why the first one that failed did. */
export function subscriptionAnswer(
  kind: 'suback' | 'unsuback',
  of: {
    readonly packetId: number
    readonly reasons: readonly ReasonCode[]
    readonly text?: string
  },
  told: Told,
): Uint8Array {
  const { packetId, reasons, text } = of
  return fitting({ kind, packetId, reasons }, propertiesOf(text, told), told)
}

/** @returns undefined in MQTT 3.1.1, which closes without a word. */
export function disconnection(
  reason: ReasonCode,
  text: string,
  told: Pick<Told, 'level' | 'packetBytesMax'>,
): Uint8Array | undefined {
  if (told.level === 4) return undefined
  // A DISCONNECT may say why whatever the client asked for [MQTT-3.1.2-29].
  const properties = { reasonString: text }
  return fitting({ kind: 'disconnect', reason }, properties, told)
}

/** [MQTT-3.1.2-29]: only to clients that want reasons. */
function propertiesOf(text: string | undefined, { wantsReasons }: Told): Properties {
  return text === undefined || !wantsReasons ? NO_PROPERTIES : { reasonString: text }
}

type Bare =
  | Omit<Acknowledgement, 'properties'>
  | {
      readonly kind: 'suback' | 'unsuback'
      readonly packetId: number
      readonly reasons: readonly ReasonCode[]
    }
  | { readonly kind: 'disconnect'; readonly reason: ReasonCode }

/** [MQTT-3.4.2-2] and its like: a reason string makes no packet larger than the client takes. */
function fitting(
  packet: Bare,
  properties: Properties,
  { level, packetBytesMax }: Pick<Told, 'level' | 'packetBytesMax'>,
): Uint8Array {
  const frame = encodePacket({ ...packet, properties }, level)
  if (frame.length <= packetBytesMax || properties === NO_PROPERTIES) return frame
  return encodePacket({ ...packet, properties: NO_PROPERTIES }, level)
}

/** @returns whether a reason says no (§2.4). */
export function isFailure(reason: ReasonCode): boolean {
  return reason >= FAILURE_FROM
}
