/** Clients of MQTT that come in by the real door, into the real hub. */
import { beforeEach, describe, expect, test } from 'bun:test'
import mqttPacket from 'mqtt-packet'
import { CALLER } from '../../../../test/support/credential-core.ts'
import {
  type DoorWorld,
  openDoorWorld,
  SHORT_ID,
  SOURCE,
} from '../../../../test/support/mqtt-door-world.ts'
import { MQTT_SETTINGS } from '../../../../test/support/mqtt-world.ts'
import { TENANT_ID } from '../../../../test/support/token-world.ts'
import type { RevocationTarget } from '../core/reliance.ts'
import type { Frame, PacedOutbox } from '../ports/fanout.ts'
import type { MqttDeps } from '../sessions/mqtt/mqtt-deps.ts'
import { MqttSession } from '../sessions/mqtt/session.ts'
import { Bridging } from '../core/bridges/bridging.ts'
import { openMqtt } from './mqtt.ts'

const SETTINGS = { ...MQTT_SETTINGS, durability: 'normal' } as const

let world: DoorWorld
let deps: MqttDeps
beforeEach(async () => {
  world = await openDoorWorld()
  const { hub, events, tally } = world
  const nothing = () => {}
  const log = { debug: nothing, info: nothing, warn: nothing, error: nothing }
  const broker = {
    publish: nothing,
    hasListeners: () => false,
    subscribe: () => nothing,
    close: () => Promise.resolve(),
  }
  const turns = { next: (work: () => void) => void setImmediate(work) }
  const bridging = new Bridging()
  const isOverloaded = () => false
  const told = { events, tally, turns, log, isOverloaded }
  const ports = { ...world.parts, ...told, hub, broker, bridging }
  const limits = { subscriptionCountMax: 100 } as never
  deps = (await openMqtt({ mqtt: SETTINGS, limits }, world.core, ports)).deps
})

class Client implements PacedOutbox {
  readonly hasRoom = true
  readonly reasons: number[] = []
  isClosed = false
  readonly #session: MqttSession
  readonly #parser = mqttPacket.parser({ protocolVersion: 5 })

  constructor(username: string, password: string, sessionExpiryInterval: number) {
    this.#parser.on('packet', (packet) => {
      if (packet.cmd === 'connack') this.reasons.push(packet.reasonCode ?? 0)
      if (packet.cmd === 'disconnect') this.reasons.push(packet.reasonCode ?? 0)
    })
    const from = { source: SOURCE, origin: undefined, isWebSocket: false, isTls: false }
    const inflow = { pause() {}, resume() {} }
    this.#session = new MqttSession({ outbox: this, inflow, from }, deps)
    const connect = mqttPacket.generate({
      cmd: 'connect',
      protocolId: 'MQTT',
      protocolVersion: 5,
      clean: true,
      clientId: 'client',
      keepalive: 60,
      username,
      password: Buffer.from(password),
      properties: { sessionExpiryInterval },
    })
    this.#session.receive(connect)
  }

  send(frame: Frame): void {
    this.#parser.parse(Buffer.from(frame as Uint8Array))
  }

  close(_code: number, _reason: string, lastFrame?: Frame): void {
    this.isClosed = true
    if (lastFrame !== undefined) this.send(lastFrame)
  }
}

/** Lets the store, the journal and closes take their turns. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise<void>((resolve) => setImmediate(resolve))
}

/** A user whose password was used before: the door then answers at once. */
async function knownUser() {
  const { value = '', credential } = await world.make('mqtt_user', { name: 'alice' })
  expect(await world.come(`alice@${SHORT_ID}`, value)).toMatchObject({ ok: true })
  return { value, credential }
}

const NOT_AUTHORIZED = [0x86, 0x87]

describe('a client whose session is written before it is let in', () => {
  test('is let in when nothing ended meanwhile', async () => {
    const { value } = await knownUser()
    const client = new Client(`alice@${SHORT_ID}`, value, 600)
    await settle()
    expect([client.reasons, client.isClosed]).toEqual([[0], false])
  })

  test.each(['user', 'app', 'tenant', 'other'] as const)(
    'is not, where the %s it came by ended meanwhile',
    async (what) => {
      const { value, credential } = await knownUser()
      const other = await world.make('mqtt_user', { name: 'bob' })
      const targets: Record<typeof what, RevocationTarget> = {
        user: { kind: 'credential', credentialId: credential.id },
        app: { kind: 'app', appId: 'app' },
        tenant: { kind: 'tenant', tenantId: TENANT_ID },
        other: { kind: 'credential', credentialId: other.credential.id },
      }
      const client = new Client(`alice@${SHORT_ID}`, value, 600)
      expect(client.reasons).toEqual([])
      void world.core.revoker.revokeHere(targets[what])
      await settle()
      expect(client.isClosed).toBe(what !== 'other')
      const [reason = 0] = client.reasons
      expect(NOT_AUTHORIZED.includes(reason)).toBe(what !== 'other')
      const space = world.hub.find('app')
      expect(space?.connections.size).toBe(what === 'other' ? 1 : 0)
    },
  )
})

test('a revocation closes who is connected by the user, and lets nobody back', async () => {
  const { value, credential } = await knownUser()
  const client = new Client(`alice@${SHORT_ID}`, value, 0)
  await settle()
  expect(client.reasons).toEqual([0])
  const request = { credentialId: credential.id, reason: 'stolen' }
  const revoked = await world.core.changes.revoke(request, CALLER)
  expect(revoked).toMatchObject({ ok: true, value: { receipt: { closedCount: 1 } } })
  expect(client.isClosed).toBe(true)
  const again = new Client(`alice@${SHORT_ID}`, value, 0)
  await settle()
  expect(NOT_AUTHORIZED).toContain(again.reasons[0] ?? 0)
})
