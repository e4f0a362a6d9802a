/** MQTT.js against the started server, and what tests of it ask for again and again. */
import mqtt, { type IClientOptions, type IConnackPacket, type MqttClient } from 'mqtt'
import mqtt514 from 'mqtt-5.14'
import type { AppConfig, LiveServer } from './server.ts'

/** The organization that `test/support/server.ts` declares. */
export const ORGANIZATION = 'org_k7xm4pqr2n5t'
export const ALICE = { name: 'alice', password: 'alice-password-0123456789' }
export const BOB = { name: 'bob', password: 'bob-password-0123456789' }

/** Of an app that lets these two in. */
export const USERS: Pick<AppConfig, 'mqttUsers'> = { mqttUsers: [ALICE, BOB] }

/** MQTT.js of today, and the one that CloudSignal's SDK has in its lock file. */
export const LIBRARIES = { '5.16.0': mqtt, '5.14.1': mqtt514 as unknown as typeof mqtt } as const
export type LibraryVersion = keyof typeof LIBRARIES

/** Where clients of each transport connect. */
export const TRANSPORTS = {
  tcp: (server: LiveServer) => server.mqtt,
  websocket: (server: LiveServer) => `${server.http.replace(/^http/, 'ws')}/mqtt`,
} as const
export type Transport = keyof typeof TRANSPORTS

export function loginOf({ name, password }: typeof ALICE): IClientOptions {
  return { username: `${name}@${ORGANIZATION}`, password }
}

export interface Received {
  readonly topic: string
  readonly text: string
  readonly qos: number
  readonly retain: boolean
  readonly properties: unknown
}

export class TestClient {
  readonly client: MqttClient
  readonly connack: IConnackPacket
  readonly received: Received[] = []

  constructor(client: MqttClient, connack: IConnackPacket, early: readonly Received[]) {
    this.client = client
    this.connack = connack
    this.received.push(...early)
    client.on('message', (topic, payload, packet) => {
      this.received.push(receivedOf(topic, payload, packet))
    })
  }

  texts(): string[] {
    return this.received.map(({ text }) => text)
  }

  async end(): Promise<void> {
    await this.client.endAsync()
  }
}

/** Connects once; a refusal rejects with what MQTT.js makes of it. */
export function connect(
  url: string,
  options: IClientOptions,
  library: LibraryVersion = '5.16.0',
): Promise<TestClient> {
  return new Promise((resolve, reject) => {
    const client = LIBRARIES[library].connect(url, {
      reconnectPeriod: 0,
      connectTimeout: 10_000,
      ...options,
    })
    const early: Received[] = []
    const keep = (topic: string, payload: Buffer, packet: Parameters<typeof receivedOf>[2]) =>
      void early.push(receivedOf(topic, payload, packet))
    client.on('message', keep)
    client.once('connect', (connack) => {
      client.off('message', keep)
      resolve(new TestClient(client, connack, early))
    })
    client.once('error', (error) => {
      client.end(true)
      reject(error)
    })
    client.once('close', () => reject(new Error('closed without an answer')))
  })
}

function receivedOf(
  topic: string,
  payload: Buffer,
  { qos, retain, properties }: { qos: number; retain: boolean; properties?: unknown },
): Received {
  return { topic, text: payload.toString(), qos, retain, properties }
}
