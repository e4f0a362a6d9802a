/** What MQTT connections work with. */
import type { Hub } from '../../core/hub.ts'
import type { Tally } from '../../core/tally.ts'
import type { TopicHub } from '../../core/topics/topic-hub.ts'
import type { RecordDenial } from '../../credentials/audit/denied-access.ts'
import type { MqttDoor } from '../../credentials/mqtt/mqtt-identity.ts'
import type { RuleBook } from '../../credentials/rules/rule-book.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Log } from '../../ports/log.ts'
import type { Random } from '../../ports/random.ts'
import type { Turns } from '../../ports/turns.ts'
import type { Arrivals } from './arrivals.ts'
import type { MqttFigures } from './mqtt-figures.ts'
import type { ClientLimitsDeps } from '../client-limits.ts'
import type { MqttSettings } from './mqtt-settings.ts'
import type { PartialPackets } from './partial-packets.ts'
import type { PublishFrames } from './publish-frames.ts'
import type { ClientStates } from './state/client-states.ts'
import type { Wills } from './wills.ts'

export interface MqttDeps extends ClientLimitsDeps {
  readonly hub: Hub
  readonly topics: Pick<TopicHub, 'publish' | 'retainedFor'>
  readonly states: ClientStates
  readonly wills: Wills
  readonly arrivals: Arrivals
  readonly partials: PartialPackets
  readonly door: MqttDoor
  readonly rules: Pick<RuleBook, 'rulesFor' | 'denialOf'>
  readonly settings: MqttSettings
  /** Of a configuration: the most filters one connection holds, whatever limits say. */
  readonly subscriptionCountMax: number
  readonly frames: PublishFrames
  readonly figures: MqttFigures
  readonly tally: Tally
  readonly clock: Clock
  readonly random: Random
  readonly turns: Turns
  readonly log: Log
  readonly recordDenial: RecordDenial
  /** Whether who comes now is sent away; WebSockets are refused before they are any. */
  readonly isOverloaded: () => boolean
}
