/** What breaks the protocol, in the words of refusals; on the wire it has a reason of its own. */
import type { DecodeRefusal } from '@lockgate/protocol/mqtt/refusals'
import type { RefusalCode } from '../../core/refusals.ts'

export const VIOLATIONS: Readonly<Record<DecodeRefusal, RefusalCode>> = {
  malformed: 'frame_malformed',
  protocol_error: 'protocol_violated',
  packet_too_large: 'packet_large',
  version_unsupported: 'protocol_unsupported',
  topic_name_invalid: 'topic_invalid',
  topic_filter_invalid: 'topic_invalid',
  topic_alias_invalid: 'protocol_violated',
  payload_format_invalid: 'protocol_violated',
  too_many_properties: 'packet_large',
  too_many_filters: 'packet_large',
}
