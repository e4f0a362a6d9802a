/** What connections of MQTT count, over all apps. Labels are ours, never a client's. */
import type { RefusalCode } from '../../core/refusals.ts'
import type { MetricDefinitions } from '../../ports/metrics.ts'

/**
 * - `denied`: rules do not allow it;
 * - `limited`: a limit did not allow it;
 * - `large`: its payload is larger than the app takes;
 * - `unkept`: the store does not take it now;
 * - `unretained`: it was delivered, and no more can be retained.
 */
export type PublishRefusal = 'denied' | 'limited' | 'large' | 'unkept' | 'unretained'

export class MqttFigures {
  connects = 0
  renewals = 0
  published = 0
  subscribed = 0
  deniedSubscriptions = 0
  /** Taken away while they were open, because rules changed. */
  lostSubscriptions = 0
  /** Connections that ended before they were let in. */
  readonly refusedConnects = new Map<RefusalCode, number>()
  readonly refusedPublishes = new Map<PublishRefusal, number>()

  refusedConnect(code: RefusalCode): void {
    this.refusedConnects.set(code, (this.refusedConnects.get(code) ?? 0) + 1)
  }

  refusedPublish(why: PublishRefusal): void {
    this.refusedPublishes.set(why, (this.refusedPublishes.get(why) ?? 0) + 1)
  }

  metrics(): MetricDefinitions {
    const counter = (name: string, help: string, read: () => number) =>
      ({ name: `lockgate_mqtt_${name}_total`, help, kind: 'counter', read }) as const
    return {
      plain: [
        counter('connects', 'MQTT clients let in', () => this.connects),
        counter('renewals', 'Identities renewed in place', () => this.renewals),
        counter('publishes', 'PUBLISH packets of clients accepted', () => this.published),
        counter('subscribes', 'Subscriptions granted', () => this.subscribed),
        counter('denied_subscriptions', 'Subscriptions denied', () => this.deniedSubscriptions),
        counter('lost_subscriptions', 'Subscriptions taken away', () => this.lostSubscriptions),
      ],
      labelled: [
        {
          name: 'lockgate_mqtt_refused_connects_total',
          help: 'MQTT clients that were not let in, by code',
          kind: 'counter',
          label: 'code',
          read: () => this.refusedConnects,
        },
        {
          name: 'lockgate_mqtt_refused_publishes_total',
          help: 'PUBLISH packets of clients refused, by reason',
          kind: 'counter',
          label: 'reason',
          read: () => this.refusedPublishes,
        },
      ],
    }
  }
}
