/** What MQTT must reach, beside two other brokers in the same run. */
import { SERVER_TITLES, type ServerName } from './scenarios.ts'
import type { Target } from './targets.ts'

export const MQTT_TARGETS: readonly Target[] = [
  delivered('MQTT QoS 0, CPU per delivery, 1 in flight', 'mqtt-fanout-1', {
    atMost: 0.55,
    text: '<= 0.55 x mosquitto',
  }),
  delivered('MQTT QoS 0, CPU per delivery, 16 in flight', 'mqtt-fanout-16', {
    atMost: 1 / 12,
    text: '<= 1/12 of mosquitto',
  }),
  ...[16, 1].flatMap((window) => [
    exchanged(window, { to: 'mosquitto', atLeast: 1 }),
    exchanged(window, { to: 'aedes', atLeast: 3 }),
  ]),
  {
    what: 'MQTT connect with token',
    scenario: 'mqtt-connect',
    column: 'coreRate',
    reference: 'mosquitto',
    limit: { atLeast: 4000 },
    text: '>= 4,000 per second and core',
    unit: '/s',
    digits: 0,
  },
  {
    what: 'memory per idle MQTT connection with a subscription',
    scenario: 'mqtt-idle',
    column: 'kilobytes',
    reference: 'mosquitto',
    limit: { atMost: 5 },
    text: '<= 5 KB RSS at 10,000',
    unit: 'KB',
    digits: 2,
  },
  {
    what: 'messages lost or doubled while 1,000 tokens were renewed in place',
    scenario: 'mqtt-renewal',
    column: 'wrong',
    limit: { atMost: 0 },
    text: '0',
    unit: '',
    digits: 0,
  },
]

function delivered(
  what: string,
  scenario: string,
  { atMost, text }: { readonly atMost: number; readonly text: string },
): Target {
  const base = { what, scenario, column: 'cpuUs', unit: 'x', digits: 2 }
  return { ...base, ratioTo: 'mosquitto', reference: 'mosquitto', limit: { atMost }, text }
}

/** Throughput: more is better. */
function exchanged(
  window: number,
  { to, atLeast }: { readonly to: ServerName; readonly atLeast: number },
): Target {
  return {
    what: `MQTT QoS 1, 100 pairs, ${window} in flight each, messages per second`,
    scenario: `mqtt-pairs-${window}`,
    column: 'wallRate',
    ratioTo: to,
    reference: to,
    limit: { atLeast },
    text: `>= ${atLeast} x ${SERVER_TITLES[to]}`,
    unit: 'x',
    digits: 2,
  }
}
