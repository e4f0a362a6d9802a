/** Why bytes are no packet, and what the specification calls it. Pure. */
import { REASON, type ReasonCode } from './reason-codes.ts'

/**
 * `malformed`: cannot be parsed (§1.2). `protocol_error`: parsed, and not allowed.
 * `too_many_properties`, `too_many_filters`: more user properties, or filters, than our bound.
 */
export type DecodeRefusal =
  | 'malformed'
  | 'protocol_error'
  | 'packet_too_large'
  | 'version_unsupported'
  | 'topic_name_invalid'
  | 'topic_filter_invalid'
  | 'topic_alias_invalid'
  | 'payload_format_invalid'
  | 'too_many_properties'
  | 'too_many_filters'

const REASONS: Readonly<Record<DecodeRefusal, ReasonCode>> = {
  malformed: REASON.malformedPacket,
  protocol_error: REASON.protocolError,
  packet_too_large: REASON.packetTooLarge,
  version_unsupported: REASON.unsupportedProtocolVersion,
  topic_name_invalid: REASON.topicNameInvalid,
  topic_filter_invalid: REASON.topicFilterInvalid,
  topic_alias_invalid: REASON.topicAliasInvalid,
  payload_format_invalid: REASON.payloadFormatInvalid,
  too_many_properties: REASON.quotaExceeded,
  too_many_filters: REASON.quotaExceeded,
}

/** @returns what a client of MQTT 5.0 is told before the connection ends (§4.13). */
export function reasonOf(refusal: DecodeRefusal): ReasonCode {
  return REASONS[refusal]
}
