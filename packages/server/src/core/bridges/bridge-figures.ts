/** What bridges carried and what they did not, over all apps. Labels are ours, never a client's. */
import type { MetricDefinitions } from '../../ports/metrics.ts'

/**
 * - `unfit`: no channel stands for that topic and nothing else;
 * - `binary`: the payload is no UTF-8, which events are;
 * - `large`: the other side takes less data than that;
 * - `denied`: who published it may not on the other side;
 * - `busy`: the other side has no room, or its bus failed.
 */
export type Unbridged = 'unfit' | 'binary' | 'large' | 'denied' | 'busy'

export class BridgeFigures {
  toPusher = 0
  toMqtt = 0
  readonly unbridged = new Map<Unbridged, number>()

  notBridged(why: Unbridged): void {
    this.unbridged.set(why, (this.unbridged.get(why) ?? 0) + 1)
  }

  metrics(): MetricDefinitions {
    return {
      plain: [],
      labelled: [
        {
          name: 'lockgate_bridged_messages_total',
          help: 'Messages carried between topics and channels, by where they went',
          kind: 'counter',
          label: 'to',
          read: () => [
            ['channel', this.toPusher],
            ['topic', this.toMqtt],
          ],
        },
        {
          name: 'lockgate_unbridged_messages_total',
          help: 'Messages of a bridge that the other side did not get, by reason',
          kind: 'counter',
          label: 'reason',
          read: () => this.unbridged,
        },
      ],
    }
  }
}
