import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { type Packet, parser } from 'mqtt-packet'
import { utf8Size } from './bytes.ts'
import { encodePacket, withoutText } from './encode.ts'
import type { ProtocolLevel, ServerPacket } from './packets.ts'
import { NO_PROPERTIES } from './properties.ts'
import { REASON } from './reason-codes.ts'

/** What an independent decoder makes of it. */
function read(packet: ServerPacket, level: ProtocolLevel): Packet {
  const found: Packet[] = []
  const decoder = parser({ protocolVersion: level })
  decoder.on('packet', (each: Packet) => found.push(each))
  decoder.on('error', (error: Error) => {
    throw error
  })
  decoder.parse(Buffer.from(encodePacket(packet, level)))
  const [only] = found
  if (only === undefined || found.length > 1) throw new Error(`${found.length} packets`)
  return only
}

const connack = { kind: 'connack', sessionPresent: true, properties: NO_PROPERTIES } as const

test('CONNACK says the reason, and to a 3.1.1 client the return code in its place', () => {
  expect(read({ ...connack, reason: REASON.success }, 5)).toMatchObject({
    cmd: 'connack',
    sessionPresent: true,
    reasonCode: 0,
  })
  const codes = [
    [REASON.success, 0],
    [REASON.unsupportedProtocolVersion, 1],
    [REASON.clientIdentifierNotValid, 2],
    [REASON.serverBusy, 3],
    [REASON.connectionRateExceeded, 3],
    [REASON.quotaExceeded, 3],
    [REASON.badUserNameOrPassword, 4],
    [REASON.notAuthorized, 5],
  ] as const
  for (const [reason, returnCode] of codes) {
    expect(read({ ...connack, reason }, 4)).toMatchObject({ cmd: 'connack', returnCode })
  }
})

test('a refused client is told of no session', () => {
  const refused = { ...connack, reason: REASON.notAuthorized }
  expect(read(refused, 5)).toMatchObject({ sessionPresent: false })
  expect(read(refused, 4)).toMatchObject({ sessionPresent: false })
})

test('every property of CONNACK arrives', () => {
  const properties = {
    sessionExpiry: 0xffff_ffff,
    receiveMaximum: 20,
    maximumQos: 1,
    retainAvailable: 0,
    maximumPacketSize: 268_435_460,
    assignedClientId: 'auto-1',
    topicAliasMaximum: 10,
    reasonString: 'ok',
    userProperties: [
      ['a', 'b'],
      ['a', 'c'],
    ],
    wildcardSubscriptionAvailable: 1,
    subscriptionIdAvailable: 1,
    sharedSubscriptionAvailable: 0,
    serverKeepAlive: 30,
    responseInformation: 'r',
    serverReference: 's',
    authenticationMethod: 'm',
    authenticationData: Uint8Array.of(1, 2),
  } as const
  const packet = read({ ...connack, reason: REASON.success, properties }, 5)
  expect(packet).toMatchObject({
    properties: {
      sessionExpiryInterval: 0xffff_ffff,
      receiveMaximum: 20,
      maximumQoS: 1,
      retainAvailable: false,
      maximumPacketSize: 268_435_460,
      assignedClientIdentifier: 'auto-1',
      topicAliasMaximum: 10,
      reasonString: 'ok',
      userProperties: { a: ['b', 'c'] },
      wildcardSubscriptionAvailable: true,
      subscriptionIdentifiersAvailable: true,
      sharedSubscriptionAvailable: false,
      serverKeepAlive: 30,
      responseInformation: 'r',
      serverReference: 's',
      authenticationMethod: 'm',
      authenticationData: Buffer.from([1, 2]),
    },
  })
})

test('PUBLISH arrives with its properties at 5.0 and without them at 3.1.1', () => {
  const packet = {
    kind: 'publish',
    topic: 'Zürich/😀',
    payload: new TextEncoder().encode('hello'),
    qos: 1,
    retain: true,
    duplicate: true,
    packetId: 65_535,
    properties: {
      payloadFormat: 1,
      messageExpiry: 9,
      subscriptionIds: [1, 268_435_455],
      responseTopic: 'r',
    },
  } as const
  const common = {
    cmd: 'publish',
    topic: 'Zürich/😀',
    qos: 1,
    retain: true,
    dup: true,
    messageId: 65_535,
    payload: Buffer.from('hello'),
  }
  expect(read(packet, 5)).toMatchObject({
    ...common,
    properties: {
      payloadFormatIndicator: true,
      messageExpiryInterval: 9,
      responseTopic: 'r',
      subscriptionIdentifier: [1, 268_435_455],
    },
  })
  expect(read(packet, 4)).toMatchObject(common)
})

test('acknowledgements are as short as they can be', () => {
  const puback = { kind: 'puback', packetId: 7, properties: NO_PROPERTIES } as const
  const short = { ...puback, reason: REASON.success }
  expect([...encodePacket(short, 5)]).toEqual([0x40, 2, 0, 7])
  expect([...encodePacket({ ...short, kind: 'pubrel' }, 4)]).toEqual([0x62, 2, 0, 7])
  const denied = { ...puback, reason: REASON.notAuthorized }
  expect([...encodePacket(denied, 5)]).toEqual([0x40, 4, 0, 7, 0x87, 0])
  expect(read({ ...denied, properties: { reasonString: 'no' } }, 5)).toMatchObject({
    reasonCode: 0x87,
    properties: { reasonString: 'no' },
  })
})

test('SUBACK has a reason for each filter; a 3.1.1 client knows one failure', () => {
  const reasons = [REASON.grantedQos2, REASON.notAuthorized, REASON.success] as const
  const suback = { kind: 'suback', packetId: 3, reasons, properties: NO_PROPERTIES } as const
  expect(read(suback, 5)).toMatchObject({ granted: [2, 0x87, 0] })
  expect(read(suback, 4)).toMatchObject({ granted: [2, 0x80, 0] })
  const unsuback = { ...suback, kind: 'unsuback' } as const
  expect([...encodePacket(unsuback, 4)]).toEqual([0xb0, 2, 0, 3])
  expect(read({ ...unsuback, reasons: [REASON.noSubscriptionExisted] }, 5)).toMatchObject({
    granted: [0x11],
  })
})

test('DISCONNECT and AUTH are for MQTT 5.0', () => {
  const takenOver = {
    kind: 'disconnect',
    reason: REASON.sessionTakenOver,
    properties: { reasonString: 'elsewhere' },
  } as const
  expect(read(takenOver, 5)).toMatchObject({ cmd: 'disconnect', reasonCode: 0x8e })
  expect(() => encodePacket(takenOver, 4)).toThrow()
  const auth = {
    kind: 'auth',
    reason: REASON.continueAuthentication,
    properties: { authenticationMethod: 'm', authenticationData: Uint8Array.of(9) },
  } as const
  expect(read(auth, 5)).toMatchObject({ cmd: 'auth', reasonCode: 0x18 })
  expect([...encodePacket({ kind: 'pingresp' }, 4)]).toEqual([0xd0, 0])
})

test('what is only text can be left out to fit a receiver', () => {
  expect(withoutText({ reasonString: 'a', userProperties: [['b', 'c']], topicAlias: 1 })).toEqual({
    topicAlias: 1,
  })
})

test('the size of a text is what an encoder makes of it, ill-formed ones included', () => {
  const units = fc.array(fc.nat(0xffff), { maxLength: 30 })
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string({ unit: 'binary' }),
        units.map((u) => String.fromCharCode(...u)),
      ),
      (text) => {
        expect(utf8Size(text)).toBe(new TextEncoder().encode(text).length)
      },
    ),
  )
})

test('packets of every length of their length arrive', () => {
  for (const size of [0, 1, 100, 120, 127, 128, 16_000, 16_383, 16_384, 2_097_151, 2_097_152]) {
    const packet = {
      kind: 'publish',
      topic: 't',
      payload: new Uint8Array(size),
      qos: 0,
      retain: false,
      duplicate: false,
      packetId: 0,
      properties: NO_PROPERTIES,
    } as const
    expect(read(packet, 5)).toMatchObject({ payload: Buffer.alloc(size) })
  }
})
